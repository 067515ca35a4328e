// One pinned connection to a database, as the engine sees it: ordered statements, typed failures.
import type { ResultAsync } from 'neverthrow';

/** What a driver takes and gives for one cell. 64-bit integers past 2^53 arrive rounded: compare such cells inside SQL. */
export type SqlValue = string | number | bigint | Uint8Array | null;

/**
 * A driver's error, classified once per dialect.
 * `unreachable`: no server answers, or it takes nobody in. `access-denied`: it does not know who asks, or not with this
 * password. `not-permitted`: it does, and that one may not do this.
 * `busy`: another connection holds a lock (retryable). `not-a-database`, `corrupt`: the file is not what it should be.
 * `tools-missing`: the database's own programs, which the work needs, are not there.
 */
export type SqlErrorKind =
  | 'busy'
  | 'read-only'
  | 'cannot-open'
  | 'unreachable'
  | 'access-denied'
  | 'not-permitted'
  | 'corrupt'
  | 'not-a-database'
  | 'disk-full'
  | 'io'
  | 'constraint'
  | 'interrupted'
  | 'syntax'
  | 'missing-object'
  | 'connection-lost'
  | 'driver-missing'
  | 'tools-missing'
  | 'other';

export interface SqlError {
  readonly kind: SqlErrorKind;
  /** The engine's own words, without the driver's prefix. */
  readonly message: string;
  /** The driver's code, for example `SQLITE_BUSY`. */
  readonly code: string;
  /** The statement that failed, if there was one. */
  readonly sql?: string;
  /** What mends it, where that is known: a command, or the address of a page. */
  readonly fix?: string;
  readonly cause?: unknown;
  /** Nothing but a lock of somebody else was in the way: tried again from the beginning, the whole may go through. */
  readonly transient?: true;
}

/** Statements run in the order in which they are given; a session is never shared by two runs. */
export interface Session {
  /** Runs one statement and returns its rows. */
  all<R extends object = Record<string, SqlValue>>(
    sql: string,
    params?: readonly SqlValue[],
  ): ResultAsync<R[], SqlError>;
  /** Runs one statement; `changes` is the number of rows it changed itself (not by triggers). */
  run(sql: string, params?: readonly SqlValue[]): ResultAsync<{ readonly changes: number }, SqlError>;
  close(): ResultAsync<void, SqlError>;
}
