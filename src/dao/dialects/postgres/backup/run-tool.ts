// Runs one of PostgreSQL's own programs: its output is read as it comes, its words become a classified error, and it never outlives the work.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import type { SqlError, SqlErrorKind } from '../../../../core/ports/session.js';
import { classify } from '../classify.js';
import { DOWNLOADS } from './tools.js';

export interface ToolCall {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** How long it may print nothing: a program that reads what is damaged can turn in circles for ever. */
  readonly silentMs?: number;
}

const MOST_STDERR = 16_384;

/** What the programs and the server say in their language-free form, most telling first. */
const KINDS: readonly (readonly [words: RegExp, kind: SqlErrorKind])[] = [
  [/No space left on device|Disk quota exceeded/i, 'disk-full'],
  [/server version mismatch|unsupported version \(/i, 'tools-missing'],
  [/lock timeout|could not obtain lock|deadlock detected/i, 'busy'],
  [
    /server closed the connection|terminating connection|connection to server was lost|SSL connection has been closed/i,
    'connection-lost',
  ],
  [/authentication failed|no pg_hba\.conf entry|valid client certificate|no password supplied/i, 'access-denied'],
  [/connection to server .* failed: .*database ".*" does not exist/i, 'cannot-open'],
  [/connection to server .* failed|could not connect|could not translate host name/i, 'unreachable'],
  [/canceling statement/i, 'interrupted'],
  [/permission denied|must be (?:owner|superuser)|row-level security/i, 'not-permitted'],
  [/could not (?:read|write|open|close|seek|find)|Input\/output error/i, 'io'],
];

/**
 * Gives the program's output to `read` and waits for its end; what `read` made of it counts only where the program ended
 * well. It is killed when the signal aborts, when `read` gives up, and when this process exits.
 */
export function runTool<T>(call: ToolCall, read: (output: Readable) => Promise<T>): ResultAsync<T, SqlError> {
  return ResultAsync.fromPromise(toItsEnd(call, read), (thrown) => classify(thrown)).andThen((result) => result);
}

/** Runs the program for what it does; what it prints is dropped. */
export const runQuietly = (call: ToolCall): ResultAsync<void, SqlError> =>
  runTool(call, async (output) => {
    output.resume();
    await once(output, 'close');
  });

/** Runs the program for the text that it prints. */
export const textOf = (call: ToolCall): ResultAsync<string, SqlError> =>
  runTool(call, async (output) => {
    const parts: Buffer[] = [];
    for await (const part of output as AsyncIterable<Buffer>) parts.push(part);
    return Buffer.concat(parts).toString('utf8');
  });

async function toItsEnd<T>(call: ToolCall, read: (output: Readable) => Promise<T>): Promise<Result<T, SqlError>> {
  const { program, args, env, signal } = call;
  if (isAborted(signal)) return err(INTERRUPTED);
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(program, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const kill = (): void => void child.kill();
  process.once('exit', kill);
  signal?.addEventListener('abort', kill);
  let isStuck = false;
  const silence =
    call.silentMs === undefined
      ? undefined
      : setTimeout(() => {
          isStuck = true;
          child.kill('SIGKILL');
        }, call.silentMs);
  child.stdout.on('data', () => silence?.refresh());
  child.stdout.pause();
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = `${words}${text}`.slice(-MOST_STDERR)));
  try {
    // Both are waited for: a program that ends badly is the reason of an output that ends early.
    const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    let isCutOff = false;
    const reading = read(child.stdout).catch((thrown: unknown) => {
      isCutOff = !child.stdout.readableEnded;
      if (isCutOff) kill();
      throw thrown;
    });
    const [[code, killedBy], made] = await Promise.all([ended, settled(reading)]);
    if (isAborted(signal)) return err(INTERRUPTED);
    if (isStuck) return err({ kind: 'io', code: '', message: 'it gives no answer any more' });
    if ('thrown' in made && (isCutOff || code === 0)) throw made.thrown;
    if ('thrown' in made) return err(failureOf(words, code, killedBy));
    return code === 0 ? ok(made.value) : err(failureOf(words, code, killedBy));
  } finally {
    clearTimeout(silence);
    signal?.removeEventListener('abort', kill);
    process.removeListener('exit', kill);
    kill();
  }
}

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted ?? false;

const settled = <T>(work: Promise<T>): Promise<{ readonly value: T } | { readonly thrown: unknown }> =>
  work.then(
    (value) => ({ value }),
    (thrown: unknown) => ({ thrown }),
  );

const INTERRUPTED: SqlError = { kind: 'interrupted', code: '', message: 'cancelled' };

/** Its last words, without the program's name and without what it merely noted. */
function failureOf(words: string, code: number | null, killedBy: NodeJS.Signals | null): SqlError {
  if (killedBy === 'SIGINT' || killedBy === 'SIGTERM') return INTERRUPTED;
  const lines = words.split('\n').filter((line) => line !== '' && !/^\S+: (?:warning|hint|detail):/.test(line));
  const told = lines.map((line) => line.replace(/^\S+: (?:(?:error|fatal): )?/, '').trim()).join('; ');
  const kind = KINDS.find(([pattern]) => pattern.test(words))?.[1] ?? 'other';
  const message = told || (killedBy === null ? `it ended with code ${code ?? 0}` : `it was killed by ${killedBy}`);
  const fix = kind === 'tools-missing' ? { fix: DOWNLOADS } : {};
  return { kind, code: '', ...fix, message: kind === 'disk-full' ? `the disk is full (${message})` : message };
}
