// A session of psql that is fed line by line: only psql understands what pg_restore prints. It ends at the first error.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import type { Session, SqlError, SqlValue } from '../../../../core/ports/session.js';
import { classify } from '../classify.js';
import { inlined } from './literal.js';

const MOST_STDERR = 16_384;
const ARGUMENTS = ['-X', '-A', '-t', '--set=ON_ERROR_STOP=1', '--set=VERBOSITY=verbose', '-f', '-'];
const SERVER_SAID = /(?:ERROR|FATAL|PANIC): {2}([0-9A-Z]{5}): (.*)/g;
const GONE = /server closed the connection|connection to server was lost|could not receive data from server/i;

interface Waiting {
  readonly marker: string;
  readonly answer: (result: Result<string, SqlError>) => void;
}

export class PsqlSession implements Session {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<void>;
  #said = '';
  #words = '';
  #waiting: Waiting | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** Why there is nobody to ask any more. */
  #gone: SqlError | undefined;

  constructor(program: string, env: NodeJS.ProcessEnv, signal?: AbortSignal) {
    this.#child = spawn(program, ARGUMENTS, {
      env: { ...env, PGCLIENTENCODING: 'UTF8' },
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const { stdin, stdout, stderr } = this.#child;
    stdout.setEncoding('utf8').on('data', (text: string) => this.#heard(text));
    stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (this.#words = `${this.#words}${text}`.slice(-MOST_STDERR)));
    // What it says about its end is told by its exit.
    stdin.on('error', () => undefined);
    const kill = (): void => this.kill();
    process.once('exit', kill);
    signal?.addEventListener('abort', kill);
    this.#ended = new Promise((resolve) => {
      const over = (failure: SqlError): void => {
        this.#gone ??= signal?.aborted === true ? { kind: 'interrupted', code: '', message: 'cancelled' } : failure;
        process.removeListener('exit', kill);
        signal?.removeEventListener('abort', kill);
        this.#waiting?.answer(err(this.#gone));
        this.#waiting = undefined;
        resolve();
      };
      this.#child.once('error', (thrown) => over(classify(thrown)));
      this.#child.once('close', (code, by) => over(failureOf(this.#words, code, by)));
    });
  }

  /** Why it ended, where it has. */
  get failure(): SqlError | undefined {
    return this.#gone;
  }

  /** `?` stands for a value. */
  all<R extends object = Record<string, SqlValue>>(
    sql: string,
    params: readonly SqlValue[] = [],
  ): ResultAsync<R[], SqlError> {
    const asked = `SELECT coalesce(pg_catalog.json_agg(q), '[]') FROM (${inlined(sql, params)}) AS q;`;
    return this.#ask(asked).map((text) => JSON.parse(text) as R[]);
  }

  /** One statement or several with semicolons between; how many rows changed is not known. */
  run(sql: string, params: readonly SqlValue[] = []): ResultAsync<{ readonly changes: number }, SqlError> {
    return this.#ask(`${inlined(sql, params)};`).map(() => ({ changes: 0 }));
  }

  /** Runs one statement whose failure does not end the session; what it failed with, if it did. */
  attempt(sql: string): ResultAsync<SqlError | undefined, SqlError> {
    const asked = `\\set ON_ERROR_STOP 0\n${sql};\n\\set ON_ERROR_STOP 1\n\\echo =:SQLSTATE\n\\echo :LAST_ERROR_MESSAGE`;
    return this.#ask(asked).map((text) => {
      const [, code = '', message = ''] = /^=([0-9A-Z]{5})\n([^]*)$/m.exec(text) ?? [];
      return code === '00000' ? undefined : classify({ code, message: message.trim() }, sql);
    });
  }

  /**
   * Feeds a script piece by piece; a piece that was given is not yet done. `endOfFeed` waits until all of it is, and gives
   * what the server answered.
   */
  async feed(piece: Buffer): Promise<void> {
    if (this.#gone) throw new Error(this.#gone.message);
    if (!this.#child.stdin.write(piece)) await Promise.race([once(this.#child.stdin, 'drain'), this.#ended]);
  }

  endOfFeed(): ResultAsync<string, SqlError> {
    return this.#ask('');
  }

  /** Ends it as it is: what was not committed is rolled back by the server. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  close(): ResultAsync<void, SqlError> {
    this.#child.stdin.end();
    return ResultAsync.fromSafePromise(this.#ended);
  }

  /** One after the other, in the order in which they are given. */
  #ask(text: string): ResultAsync<string, SqlError> {
    const answered = this.#turn.then(() => this.#askNow(text));
    this.#turn = answered;
    return new ResultAsync(answered);
  }

  async #askNow(text: string): Promise<Result<string, SqlError>> {
    if (this.#gone) return err(this.#gone);
    const marker = randomBytes(16).toString('hex');
    const answered = new Promise<Result<string, SqlError>>((answer) => (this.#waiting = { marker, answer }));
    this.#child.stdin.write(`${text}\n\\echo ${marker}\n`);
    return answered;
  }

  #heard(text: string): void {
    this.#said += text;
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const at = this.#said.indexOf(`${waiting.marker}\n`);
    if (at < 0) return;
    const answer = this.#said.slice(0, at);
    this.#said = '';
    this.#waiting = undefined;
    waiting.answer(ok(answer));
  }
}

/** The server's last word, or the program's own; never the rows that it may quote beside it. */
function failureOf(words: string, code: number | null, killedBy: NodeJS.Signals | null): SqlError {
  const [, state = '', message = ''] = [...words.matchAll(SERVER_SAID)].at(-1) ?? [];
  if (state !== '') return classify({ code: state, message });
  if (GONE.test(words)) return { kind: 'connection-lost', code: '', message: 'the server closed the connection' };
  const [own] = words.split('\n').filter((line) => line !== '' && !/WARNING|NOTICE/.test(line));
  const ending = killedBy === null ? `psql ended with code ${code ?? 0}` : `psql was killed by ${killedBy}`;
  return { kind: code === 2 ? 'cannot-open' : 'other', code: '', message: own ?? ending };
}
