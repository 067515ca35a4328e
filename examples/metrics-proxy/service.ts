// The two servers: a proxy that brings its database up to date before it answers, and does not start if it cannot; and
// beside it one that answers questions, on connections that can only read.
import type { MigrateError, Progress, SafeMigrationManager, UpReport } from 'migrate-safe';
import { openDatabase, openReadOnlyDatabase, type AppDatabase } from 'migrate-safe/dao';
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import { CompletionRequestsDao, CompletionRequestsReader } from './completion-requests-dao.js';
import { MigrationHealth, type Health } from './health.js';
import { HOST, serverOf, type App } from './http.js';
import { reading } from './reading.js';
import { CURRENT_RELEASE, openSchema, type Release } from './schema.js';
import { writing, type Upstream } from './writing.js';

export interface ServiceOptions {
  /** `sqlite:metrics.db` or `postgres://…`. */
  readonly database: string;
  readonly backups: string;
  /** Default: one that is free. */
  readonly port?: number;
  readonly release?: Release;
  readonly upstream?: Upstream | undefined;
  /** Called with the address as soon as /health answers, before the migration. */
  readonly onListening?: (url: string) => void;
  /** Called with what the migration is doing. */
  readonly onProgress?: (progress: Progress) => void;
}

/** A proxy that is ready. */
export interface Service {
  readonly url: string;
  readonly migrated: UpReport;
  readonly safe: SafeMigrationManager;
  readonly database: AppDatabase;
  health(): Health;
  stop(): Promise<Result<void, StopError>>;
}

type StopError = MigrateError | { readonly kind: 'close-failed'; readonly message: string };
export type StartError =
  | MigrateError
  | { readonly kind: 'port-unavailable'; readonly message: string; readonly hint: string; readonly exitCode: 2 };

/**
 * Listens, migrates, then answers. While it migrates /health says 503 and what is being done, everything else 503.
 * When the migration fails the server is closed again and the error given back.
 */
export async function startService(options: ServiceOptions): Promise<Result<Service, StartError>> {
  const { backups, port = 0, release = CURRENT_RELEASE, onListening, onProgress } = options;
  const database = openDatabase({ database: options.database });
  const safe = openSchema(database.knex, backups, release);
  const health = new MigrationHealth(safe);
  if (onProgress) safe.onProgress(onProgress);
  const about = { title: 'Metrics proxy', description: 'Passes completions on, and writes them down.' };
  const server = await serverOf(
    about,
    writing(new CompletionRequestsDao(database), () => health.current, options.upstream),
  );
  const stop = async (): Promise<Result<void, StopError>> => {
    await server.close();
    return (await database.close()).asyncAndThen(() => safe.close());
  };

  const listening = await listen(server, port);
  if (listening.isErr()) {
    const stopped = await stop();
    return stopped.isErr() ? err({ ...listening.error, cause: stopped.error }) : err(listening.error);
  }
  onListening?.(listening.value);
  const migrated = await safe.up({ to: release.schemaVersion });
  if (migrated.isErr()) {
    health.failed(migrated.error);
    const stopped = await stop();
    // The first error is the one that explains; the second only says that a file could not be closed.
    return err(stopped.isErr() ? { ...migrated.error, cause: stopped.error } : migrated.error);
  }
  // Whoever reads need not wait for whoever writes.
  if (database.dialect === 'sqlite') await database.knex.raw('PRAGMA journal_mode = WAL');
  health.ready(migrated.value.current);
  return ok({ url: listening.value, migrated: migrated.value, safe, database, health: () => health.current, stop });
}

/** The server that answers questions: it migrates nothing, and could not write if it tried. */
export async function startMetrics({
  database: where,
  port = 0,
}: Pick<ServiceOptions, 'database' | 'port'>): Promise<
  Result<{ readonly url: string; stop(): Promise<Result<void, StopError>> }, StartError>
> {
  const database = openReadOnlyDatabase({ database: where });
  const about = { title: 'Metrics', description: 'What went through the proxy. Reads only.' };
  const server = await serverOf(about, reading(new CompletionRequestsReader(database)));
  const stop = async (): Promise<Result<void, StopError>> => {
    await server.close();
    return database.close();
  };
  const listening = await listen(server, port);
  if (listening.isOk()) return ok({ url: listening.value, stop });
  const stopped = await stop();
  return err(stopped.isErr() ? { ...listening.error, cause: stopped.error } : listening.error);
}

function listen(server: App, port: number): ResultAsync<string, StartError> {
  return ResultAsync.fromPromise(server.listen({ host: HOST, port }), (thrown): StartError => ({
    kind: 'port-unavailable',
    message: `port ${port} cannot be used: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    hint: 'Choose another with --port.',
    exitCode: 2,
  }));
}
