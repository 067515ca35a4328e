// The service: an HTTP server that brings its database up to date before it answers, and does not start if it cannot.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import type { MigrateError, Progress, SafeMigrationManager, UpReport } from 'migrate-safe';
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import type { Knex } from 'knex';
import { answer } from './api.js';
import { openDatabase } from './database.js';
import { MigrationHealth, type Health } from './health.js';
import { CURRENT_RELEASE, openSchema, type Release } from './schema.js';

export interface ServiceOptions {
  readonly file: string;
  readonly backups: string;
  /** Default: one that is free. */
  readonly port?: number;
  readonly release?: Release;
  /** Called with the address as soon as /health answers, before the migration. */
  readonly onListening?: (url: string) => void;
  /** Called with what the migration is doing. */
  readonly onProgress?: (progress: Progress) => void;
}

/** A service that is ready. */
export interface Service {
  readonly url: string;
  readonly migrated: UpReport;
  readonly safe: SafeMigrationManager;
  readonly database: Knex;
  health(): Health;
  stop(): Promise<Result<void, MigrateError>>;
}

export type StartError =
  | MigrateError
  | { readonly kind: 'port-unavailable'; readonly message: string; readonly hint: string; readonly exitCode: 2 };

const HOST = '127.0.0.1';
const MOST_BYTES = 64 * 1024;

/**
 * Listens, migrates, then answers. While it migrates /health says 503 and what is being done, everything else 503.
 * When the migration fails the server is closed again and the error given back.
 */
export async function startService(options: ServiceOptions): Promise<Result<Service, StartError>> {
  const { file, backups, port = 0, release = CURRENT_RELEASE, onListening, onProgress } = options;
  const database = openDatabase(file);
  const safe = openSchema(database, backups, release);
  const health = new MigrationHealth(safe);
  if (onProgress) safe.onProgress(onProgress);
  const server = serverFor(health, database);
  const stop = async (): Promise<Result<void, MigrateError>> => {
    await closed(server);
    await database.destroy();
    return safe.close();
  };

  const listening = await listen(server, port);
  if (listening.isErr()) {
    const stopped = await stop();
    return err(stopped.isErr() ? stopped.error : listening.error);
  }
  onListening?.(listening.value);
  const migrated = await safe.up({ to: release.schemaVersion });
  if (migrated.isErr()) {
    health.failed(migrated.error);
    const stopped = await stop();
    // The first error is the one that explains; the second only says that a file could not be closed.
    return err(stopped.isErr() ? { ...migrated.error, cause: stopped.error } : migrated.error);
  }
  health.ready(migrated.value.current);
  return ok({ url: listening.value, migrated: migrated.value, safe, database, health: () => health.current, stop });
}

function serverFor(health: MigrationHealth, database: Knex): Server {
  return createServer((request, response) => {
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    };
    bodyOf(request)
      .then((json) =>
        answer(request.method ?? 'GET', new URL(request.url ?? '/', `http://${HOST}`), json, health.current, database),
      )
      .then(({ status, body }) => send(status, body))
      .catch((thrown: unknown) => {
        process.emitWarning(thrown instanceof Error ? thrown : String(thrown));
        send(500, { error: 'the request could not be answered' });
      });
  });
}

/** The body as JSON; undefined where it is empty, too large, or no JSON. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (request.method !== 'POST' || Number(request.headers['content-length'] ?? Infinity) > MOST_BYTES) return undefined;
  const body = await text(request);
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function listen(server: Server, port: number): ResultAsync<string, StartError> {
  const listening = new Promise<string>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => {
      const address = server.address();
      resolve(`http://${HOST}:${address === null || typeof address === 'string' ? port : address.port}`);
    });
  });
  return ResultAsync.fromPromise(listening, (thrown): StartError => ({
    kind: 'port-unavailable',
    message: `port ${port} cannot be used: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    hint: 'Choose another with --port.',
    exitCode: 2,
  }));
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
