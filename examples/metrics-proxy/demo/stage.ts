// What the scenes share: where the database is, which service runs on it, and which rows it must hold.
import { once } from 'node:events';
import { fork } from 'node:child_process';
import path from 'node:path';
import type { MigrateError } from 'migrate-safe';
import { openDatabase, type DaoError } from 'migrate-safe/dao';
import type { Result } from 'neverthrow';
import type { Release } from '../schema.js';
import type { SeedData } from '../seed.js';
import { startMetrics, startService, type Service, type StartError } from '../service.js';
import { countText, drawProgress } from './progress-lines.js';
import { check, fact } from './terminal.js';
import { digestIn, digestOf, type Digest } from './truth.js';

type Metrics = ReturnType<Awaited<ReturnType<typeof startMetrics>>['_unsafeUnwrap']>;

/** Through a connection of its own; not a read-only one, which could not take back what a killed process left. */
export async function digestOfFile(file: string): Promise<Digest> {
  const database = openDatabase({ database: `sqlite:${file}` });
  const digest = await digestIn(database);
  must(await database.close());
  return digest;
}

export class Stage {
  readonly file: string;
  readonly url: string;
  readonly backups: string;
  #truth: SeedData = { requests: [], errors: [] };
  #expected = digestOf(this.#truth);
  #service: Service | undefined;
  #metrics: Metrics | undefined;

  constructor(directory: string) {
    this.file = path.join(directory, 'metrics.db');
    this.url = `sqlite:${this.file}`;
    this.backups = path.join(directory, 'backups');
  }

  /** What the database must hold. */
  get truth(): SeedData {
    return this.#truth;
  }
  set truth(rows: SeedData) {
    this.#truth = rows;
    this.#expected = digestOf(rows);
  }

  /** The service that runs now. */
  get service(): Service {
    if (this.#service === undefined) throw new Error('no service is running');
    return this.#service;
  }

  /** Stops what runs, and starts another release on the same database. The error is why it did not start. */
  async start(release: Release, onListening?: (url: string) => void): Promise<StartError | undefined> {
    await this.stop();
    const started = await startService({
      database: this.url,
      backups: this.backups,
      release,
      onProgress: drawProgress,
      ...(onListening ? { onListening } : {}),
    });
    if (started.isErr()) return started.error;
    this.#service = started.value;
    const metrics = await startMetrics({ database: this.url });
    if (metrics.isErr()) return metrics.error;
    this.#metrics = metrics.value;
    return undefined;
  }

  async stop(): Promise<void> {
    const stopped = [await this.#metrics?.stop(), await this.#service?.stop()];
    this.#metrics = undefined;
    this.#service = undefined;
    for (const one of stopped) if (one?.isErr()) throw new Error(one.error.message);
  }

  /** Asks the running servers: the proxy takes what is written, the metrics server answers questions. */
  async ask(
    method: 'GET' | 'POST',
    target: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const asksMetrics = method === 'GET' && target !== '/health';
    const response = await fetch(`${asksMetrics ? (this.#metrics?.url ?? '') : this.service.url}${target}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    });
    return { status: response.status, body: await response.json() };
  }

  /** Reads every row through a connection of its own and compares it with the truth. */
  async checkRows(claim: string): Promise<void> {
    const seen = await digestOfFile(this.file);
    const expected = this.#expected;
    const same =
      seen.sha256 === expected.sha256 && seen.requests === expected.requests && seen.errors === expected.errors;
    const found = `${countText(seen.requests)} requests, ${countText(seen.errors)} errors, sha256 ${seen.sha256.slice(0, 12)}`;
    check(
      claim,
      same,
      same
        ? found
        : `${found}; expected ${countText(expected.requests)}, ${countText(expected.errors)}, ${expected.sha256.slice(0, 12)}`,
    );
  }

  /** Starts a release in another process that is killed half-way through its step. */
  async startAndKill(): Promise<void> {
    await this.stop();
    const child = fork(new URL('doomed-start.js', import.meta.url), [this.url, this.backups]);
    const exited = once(child, 'exit');
    const [message]: { rated?: number }[] = (await Promise.race([once(child, 'message'), exited])) as [
      { rated?: number },
    ];
    fact(
      `pid ${child.pid ?? 0}`,
      `has rated ${countText(message?.rated ?? 0)} requests in its open transaction; kill -9`,
    );
    child.kill('SIGKILL');
    const [code, signal] = (await exited) as [number | null, string | null];
    check(
      'the process was killed in the middle of the step',
      message?.rated === 50_000 && code !== 0,
      `exit ${signal ?? code ?? ''}`,
    );
  }
}

/** What an error tells the one who has to act. */
export const errorText = ({ message, hint, ...rest }: StartError | MigrateError): string =>
  `not started: ${message}   [${'code' in rest ? rest.code : rest.kind}]\n${hint}`;

/** The value, or an end of the demo with what went wrong: for what no scene expects to fail. */
export function must<T>(
  result: Result<T, MigrateError | DaoError | { readonly kind: 'close-failed'; readonly message: string }>,
): T {
  if (result.isOk()) return result.value;
  const { error } = result;
  const lines = ['message' in error ? error.message : error.kind, ...('hint' in error ? [error.hint] : [])];
  throw new Error(`${lines.join('\n')} [${error.kind}]`);
}
