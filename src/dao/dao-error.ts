// What can become of a call of a DAO, as a closed union: the drivers' errors, told apart once per dialect, and our own.

/** A value that its column cannot hold: `path` leads to it, from the row. */
export interface ValueIssue {
  /** Of the list of rows that was given, from 0. */
  readonly row?: number;
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** No such row, or it is removed. */
export interface NotFound {
  readonly kind: 'not-found';
  readonly table: string;
  readonly key: unknown;
}
/** Somebody updated the row since it was read. */
export interface StaleVersion {
  readonly kind: 'stale-version';
  readonly table: string;
  readonly key: unknown;
  readonly expected: number;
}
/** `columns` and `constraint` as far as the database says: SQLite names no foreign key. */
export interface Violation {
  readonly kind: 'unique-violation' | 'foreign-key-violation' | 'check-violation' | 'not-null-violation';
  readonly table: string;
  readonly columns: readonly string[];
  readonly constraint?: string;
  readonly message: string;
}
/** What was given, or what the table holds, is not what the declaration says. */
export interface InvalidRow {
  readonly kind: 'invalid-row';
  readonly table: string;
  readonly direction: 'write' | 'read';
  readonly issues: readonly ValueIssue[];
  readonly message: string;
}
/** What the database itself says of a value that its column cannot hold. */
export const unfitting = (table: string, said: string): InvalidRow => ({
  kind: 'invalid-row',
  table,
  direction: 'write',
  issues: [{ path: [], message: said }],
  message: `${table} cannot be written: ${said}`,
});
/** The call itself makes no sense: an unknown column, an empty condition where all rows would be meant. */
export interface InvalidCall {
  readonly kind: 'invalid-call';
  readonly table: string;
  readonly message: string;
}
/** The same call, or the whole unit of work, may go through when it is tried again. */
export interface Transient {
  readonly kind: 'busy' | 'deadlock' | 'serialization-failure' | 'pool-exhausted';
  readonly message: string;
}
/** `uncertain`: the connection went while a write or a commit was under way, and nobody can say whether it happened. */
export interface ConnectionLost {
  readonly kind: 'connection-lost';
  readonly uncertain: boolean;
  readonly message: string;
}
/** Rows of an append-only table are not what was appended: `position` is the first place at which it shows. */
export interface ChainBroken {
  readonly kind: 'chain-broken';
  readonly table: string;
  readonly position: number;
  /** A row that is not there, not in its place, not what was appended, or not behind the row before it. */
  readonly problem: 'missing' | 'out-of-order' | 'edited' | 'unlinked';
  readonly message: string;
}
/** The connection was opened for reading. */
export interface ReadOnly {
  readonly kind: 'read-only';
  readonly message: string;
}
/** A DAO was used after its unit of work had ended, or a unit ended while a call was not awaited: it was rolled back. */
export interface Leak {
  readonly kind: 'unit-ended' | 'not-awaited';
  readonly message: string;
}
/** What the database says of anything else: a missing table, a syntax error, a full disk. */
export interface Failed {
  readonly kind: 'failed';
  readonly code: string;
  readonly message: string;
  readonly sql?: string;
  readonly cause?: unknown;
}

/** Of every call. */
export type DatabaseError = Transient | ConnectionLost | ReadOnly | Leak | Failed;
/** What can become of a read. */
export type ReadError = InvalidRow | InvalidCall | DatabaseError;
/** What can become of a write. */
export type WriteError = ReadError | Violation;
/** What can become of any call of a DAO; discriminate on `kind`. */
export type DaoError = WriteError | NotFound | StaleVersion;

/** Whether the same work may go through when it is done again from its beginning, and cannot happen twice. */
export function isRetryable(error: DaoError): boolean {
  switch (error.kind) {
    case 'busy':
    case 'deadlock':
    case 'serialization-failure':
    case 'pool-exhausted':
      return true;
    case 'connection-lost':
      return !error.uncertain;
    default:
      return false;
  }
}

/** A read breaks no constraint. */
export function readError(error: Exclude<DaoError, NotFound | { kind: 'stale-version' }>): ReadError {
  switch (error.kind) {
    case 'unique-violation':
    case 'foreign-key-violation':
    case 'check-violation':
    case 'not-null-violation':
      return { kind: 'failed', code: error.kind, message: error.message };
    default:
      return error;
  }
}
