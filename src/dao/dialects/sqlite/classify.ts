// Classifies what the SQLite drivers throw, once, into the closed union of the session port. Pure.
import type { SqlError, SqlErrorKind } from '../../../core/ports/session.js';

// Primary result codes, https://sqlite.org/rescode.html. Extended codes (`SQLITE_CONSTRAINT_UNIQUE`) begin with them.
const BY_CODE: readonly (readonly [prefix: string, kind: SqlErrorKind])[] = [
  ['SQLITE_BUSY', 'busy'],
  ['SQLITE_LOCKED', 'busy'],
  ['SQLITE_READONLY', 'read-only'],
  ['SQLITE_CANTOPEN', 'cannot-open'],
  ['SQLITE_CORRUPT', 'corrupt'],
  ['SQLITE_NOTADB', 'not-a-database'],
  ['SQLITE_FULL', 'disk-full'],
  ['SQLITE_IOERR', 'io'],
  ['SQLITE_CONSTRAINT', 'constraint'],
  ['SQLITE_INTERRUPT', 'interrupted'],
];
// SQLITE_ERROR says everything else; its words are stable.
const BY_MESSAGE: readonly (readonly [pattern: RegExp, kind: SqlErrorKind])[] = [
  [/^no such (table|column|index|view|trigger|function|module|collation)|has no column named/, 'missing-object'],
  [/syntax error|unrecognized token|incomplete input/, 'syntax'],
];

/** `sqlite3` puts the code before its message (`SQLITE_ERROR: no such table: x`); `better-sqlite3` does not. */
export function classify(thrown: unknown, sql?: string): SqlError {
  const error = thrown as { readonly code?: unknown; readonly message?: unknown } | undefined;
  const code = typeof error?.code === 'string' ? error.code : 'SQLITE_ERROR';
  const message = (typeof error?.message === 'string' ? error.message : String(thrown)).replace(/^SQLITE_\w+: /, '');
  const kind =
    BY_CODE.find(([prefix]) => code.startsWith(prefix))?.[1] ??
    BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1] ??
    'other';
  return { kind, message, code, ...(sql === undefined ? {} : { sql }), cause: thrown };
}
