// Classifies what the `pg` driver throws, by SQLSTATE, into the closed union of the session port. Pure.
import type { SqlError, SqlErrorKind } from '../../../core/ports/session.js';
import { tlsReason } from './tls-reason.js';

// https://www.postgresql.org/docs/current/errcodes-appendix.html; a code comes before its class.
const BY_CODE: readonly (readonly [prefix: string, kind: SqlErrorKind])[] = [
  // lock_not_available (lock_timeout, NOWAIT), deadlock_detected, serialization_failure, object_in_use
  ['55P03', 'busy'],
  ['40P01', 'busy'],
  ['40001', 'busy'],
  ['55006', 'busy'],
  // query_canceled: a timeout, or somebody's pg_cancel_backend
  ['57014', 'interrupted'],
  ['25006', 'read-only'],
  ['53100', 'disk-full'],
  ['58030', 'io'],
  ['XX001', 'corrupt'],
  ['XX002', 'corrupt'],
  ['42601', 'syntax'],
  // undefined_table, _column, _function, _object, _schema, _database
  ['42P01', 'missing-object'],
  ['42703', 'missing-object'],
  ['42883', 'missing-object'],
  ['42704', 'missing-object'],
  ['3F000', 'missing-object'],
  ['23', 'constraint'],
  // invalid_catalog_name, invalid_authorization, too_many_connections, cannot_connect_now
  ['3D000', 'cannot-open'],
  ['28', 'access-denied'],
  ['53300', 'unreachable'],
  ['57P03', 'unreachable'],
  ['42501', 'not-permitted'],
  // The connection is gone, by the network or by the server's end.
  ['08', 'connection-lost'],
  ['57P', 'connection-lost'],
  // idle_in_transaction_session_timeout
  ['25P03', 'connection-lost'],
];

/** What Node says of a socket; a server that never answered is not there. */
const BY_SOCKET: ReadonlyMap<string, SqlErrorKind> = new Map([
  ['ECONNREFUSED', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['EAI_AGAIN', 'unreachable'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENOENT', 'unreachable'],
  ['ECONNRESET', 'connection-lost'],
  ['EPIPE', 'connection-lost'],
  ['ETIMEDOUT', 'connection-lost'],
]);
/** The driver's own errors carry no code. */
const LOST = /^(?:Connection terminated|Client has encountered a connection error|Client was closed)/;

/** What the driver says where it has no password to give. */
const NO_PASSWORD = /^SASL: .*password must be/;
export const NO_PASSWORD_GIVEN = 'the server asks for a password, and none is given';
const TIMEOUT = 'statement timeout';

/** untranslatable_character: of the engine's own statements only the names of steps can have such letters. */
const UNTRANSLATABLE = '22P05';
const FITTING_NAMES =
  'Nothing half-done was left. The names of steps have to fit the encoding of the database: rename the file, or let the database be UTF8.';

interface Thrown {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly detail?: unknown;
  readonly hint?: unknown;
  readonly routine?: unknown;
}

/** What the server calls the place where it finds that policies would hide rows: its words are in its own language. */
const HIDES_ROWS = 'check_enable_rls';
const ALL_ROWS =
  'what is hidden from this role can be neither counted nor copied: let it see all rows (as a superuser: ALTER ROLE … BYPASSRLS), or the table’s owner (ALTER TABLE … NO FORCE ROW LEVEL SECURITY)';

/** Which row broke a constraint, and what the server itself would try, belong to what it says. */
function told(message: string, kind: SqlErrorKind, error: Thrown | undefined): string {
  if (error?.routine === HIDES_ROWS) return `${message}; ${ALL_ROWS}`;
  const more = kind === 'constraint' ? error?.detail : error?.hint;
  return typeof more === 'string' && more !== '' && more.length <= 200
    ? `${message} (${more.replace(/\.$/, '')})`
    : message;
}

/** `sql` is the statement that failed, if it was one. */
export function classify(thrown: unknown, sql?: string): SqlError {
  const error = thrown as Thrown | undefined;
  const code = typeof error?.code === 'string' ? error.code : '';
  const message = typeof error?.message === 'string' ? error.message : String(thrown);
  const kind = kindOf(code, message);
  return {
    kind,
    message: NO_PASSWORD.test(message) ? NO_PASSWORD_GIVEN : told(message, kind, error),
    code,
    ...(sql === undefined ? {} : { sql }),
    ...(code === UNTRANSLATABLE ? { fix: FITTING_NAMES } : {}),
    cause: thrown,
  };
}

function kindOf(code: string, message: string): SqlErrorKind {
  if (LOST.test(message)) return 'connection-lost';
  if (NO_PASSWORD.test(message)) return 'access-denied';
  if (tlsReason({ code, message }) !== undefined) return 'cannot-open';
  // A time that was set is over: nobody cancelled anything.
  if (code === '57014' && message.includes(TIMEOUT)) return 'other';
  return BY_SOCKET.get(code) ?? BY_CODE.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'other';
}
