// What the two SQLite drivers have in common: connections, and the backup API. The contract suite runs against both.
import type { ResultAsync } from 'neverthrow';
import type { CopyProgress } from '../../../../core/ports/backup-source.js';
import type { Session, SqlError } from '../../../../core/ports/session.js';

/** `read` needs the file, `create` makes it; `read-only` opens without the right to write. */
export type OpenMode = 'read-only' | 'read' | 'create';

export interface DriverResult {
  readonly rows: readonly Record<string, unknown>[];
  readonly changes: number;
  readonly lastId: number | bigint;
}

/**
 * A second connection of the same driver, and the `data_version` that it must still see once the copy holds the write
 * lock: from then on nobody can commit before the copy does. Without a witness only the counter is asked.
 */
export interface Unmoved {
  readonly witness: SqliteConnection | undefined;
  readonly version: number;
  /** In rollback mode that lock keeps the witness out: whether the change counter of the file is what it was. */
  readonly counterStands: () => boolean;
}

export interface SqliteConnection extends Session {
  readonly file: string;
  /**
   * Runs one statement with a host's values (dates, booleans, buffers), as knex gives them. `wants` says what the
   * caller reads of the answer: the rows, or how many changed and the last id.
   */
  query(sql: string, bindings: readonly unknown[], wants: 'rows' | 'changes'): ResultAsync<DriverResult, SqlError>;
  /** Copies this database into `file`, page by page; the copy is complete or an error. */
  copyTo(file: string, onProgress: CopyProgress): ResultAsync<void, SqlError>;
  /**
   * Replaces this database's content by that of `file`, atomically. `file` must exist: a missing one would empty it.
   * A writer that is at work, or was since `unmoved`, ends it with nothing changed.
   */
  copyFrom(file: string, onProgress: CopyProgress, unmoved?: Unmoved): ResultAsync<void, SqlError | 'others-wrote'>;
  /** Stops the statement that is running; without effect where the driver is synchronous. */
  interrupt(): void;
}

export interface ConnectOptions {
  /** How long a statement that meets a lock is tried again, in milliseconds. */
  readonly busyWaitMs: number;
}

export interface SqliteDriver {
  readonly name: 'sqlite3' | 'better-sqlite3';
  connect(file: string, mode: OpenMode, options: ConnectOptions): ResultAsync<SqliteConnection, SqlError>;
  /** Wraps a connection that the host opened: a database in memory has no other. Closing it is the host's business. */
  adopt(raw: unknown, options: ConnectOptions): SqliteConnection;
}

/** What a connection sees of the commits of others: another number after each of them. */
export const versionOf = (connection: SqliteConnection): ResultAsync<number, SqlError> =>
  connection.all<{ data_version: number }>('PRAGMA data_version').map(([row]) => row?.data_version ?? 0);
