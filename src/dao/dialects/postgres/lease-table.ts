// The row that is the run lock where the server has no lock that stays: who holds it, until when by the server's clock, and its fencing token.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { LockOwner } from '../../../core/ports/run-lock.js';
import type { Session, SqlError } from '../../../core/ports/session.js';
import { inOrder } from '../../in-order.js';

/** Whoever starts first makes it, before there is a journal; several may at once. */
const TABLE = [
  'CREATE SCHEMA IF NOT EXISTS migrate_safe',
  `CREATE TABLE IF NOT EXISTS migrate_safe.lock (
    name text PRIMARY KEY,
    owner text NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    since text NOT NULL,
    doing text NOT NULL,
    token bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL
  )`,
  `INSERT INTO migrate_safe.lock (name, owner, host, pid, since, doing, token, expires_at)
   VALUES ('run', '', '', 0, '', '', 0, pg_catalog.to_timestamp(0)) ON CONFLICT (name) DO NOTHING`,
];
const IS_THERE = `SELECT name FROM migrate_safe.lock WHERE name = 'run'`;
/** duplicate_schema, duplicate_table, duplicate_object, and two that insert the same name into a catalog. */
const MADE_BY_ANOTHER: ReadonlySet<string> = new Set(['42P06', '42P07', '42710', '23505']);
const TRIES = 10;

const UNTIL = `pg_catalog.clock_timestamp() + ? * interval '1 millisecond'`;
// A transaction that is fenced keeps a share of the row. It is passed by, not waited for: it may last as long as a step.
const TAKE = `
  WITH free AS (
    SELECT name FROM migrate_safe.lock
    WHERE name = 'run' AND expires_at <= pg_catalog.clock_timestamp() FOR UPDATE SKIP LOCKED
  )
  UPDATE migrate_safe.lock AS l
  SET owner = ?, host = ?, pid = ?, since = ?, doing = ?, token = l.token + 1, expires_at = ${UNTIL}
  FROM free WHERE l.name = free.name RETURNING l.token AS token`;
const RENEW = `UPDATE migrate_safe.lock SET doing = ?, expires_at = ${UNTIL} WHERE name = 'run' AND token = ?`;
const END = `
  UPDATE migrate_safe.lock SET doing = '', expires_at = pg_catalog.to_timestamp(0) WHERE name = 'run' AND token = ?`;
// A share of the key lets the row be renewed meanwhile, but not taken.
const FENCE = `SELECT token FROM migrate_safe.lock WHERE name = 'run' AND token = ? FOR KEY SHARE`;
const MINE = `SELECT token FROM migrate_safe.lock WHERE name = 'run' AND token = ?`;
const ALONE = `SELECT token FROM migrate_safe.lock WHERE name = 'run' AND token = ? FOR UPDATE SKIP LOCKED`;
const HOLDER = `SELECT owner, host, pid, since, doing, token FROM migrate_safe.lock WHERE name = 'run'`;

const IS_HELD = `
  SELECT token FROM migrate_safe.lock WHERE name = 'run' AND expires_at > pg_catalog.clock_timestamp()`;

/** How often it was taken: who has an older one than the row is not its holder any more. */
export type FencingToken = number;

interface HolderRow {
  readonly owner: string;
  readonly host: string;
  readonly pid: number;
  readonly since: string;
  readonly doing: string;
  readonly token: FencingToken;
}
interface TokenRow {
  readonly token: FencingToken;
}

/** Makes the table where there is none. */
export function prepareLease(session: Session, tries = TRIES): ResultAsync<void, SqlError> {
  return session
    .all(IS_THERE)
    .orElse((error) => (error.kind === 'missing-object' ? okAsync([]) : errAsync(error)))
    .andThen((rows): ResultAsync<void, SqlError> =>
      rows.length === 1 ? okAsync(undefined) : inOrder(TABLE, (sql) => session.run(sql)).map(() => undefined),
    )
    .orElse((error) =>
      MADE_BY_ANOTHER.has(error.code) && tries > 1 ? prepareLease(session, tries - 1) : errAsync(error),
    );
}

/** Undefined where another holds it, and where a transaction of the one before is still open. */
export function takeLease(
  session: Session,
  { runId, host, pid, since, doing }: LockOwner,
  forMs: number,
): ResultAsync<FencingToken | undefined, SqlError> {
  return session
    .all<TokenRow>(TAKE, [runId, host, pid, since, doing, forMs])
    .map(([row]) => row?.token)
    .orElse((error) => (error.kind === 'busy' ? okAsync(undefined) : errAsync(error)));
}

export const leaseHolder = (session: Session): ResultAsync<LockOwner | undefined, SqlError> =>
  session
    .all<HolderRow>(HOLDER)
    .map(([row]) =>
      row === undefined || row.token === 0
        ? undefined
        : { runId: row.owner, host: row.host, pid: row.pid, since: row.since, doing: row.doing },
    );

/** By whomever; for those who only look. */
export const leaseIsHeld = (session: Session): ResultAsync<boolean, SqlError> =>
  session.all(IS_HELD).map((rows) => rows.length > 0);

/** False where it is another's by now. */
export const renewLease = (
  session: Session,
  token: FencingToken,
  doing: string,
  forMs: number,
): ResultAsync<boolean, SqlError> => session.run(RENEW, [doing, forMs, token]).map(({ changes }) => changes === 1);

export const endLease = (session: Session, token: FencingToken): ResultAsync<void, SqlError> =>
  session.run(END, [token]).map(() => undefined);

/** Inside a transaction: false where the lease is another's. Where it is not, nobody takes it until the transaction ends. */
export const fenceLease = (session: Session, token: FencingToken): ResultAsync<boolean, SqlError> =>
  session.all<TokenRow>(FENCE, [token]).map((rows) => rows.length === 1);

/**
 * Inside a transaction that is not to write the row yet: false where the lease is another's. One that stands still for
 * longer than `forMs` is ended by the server, and lets go of its tables.
 */
export const watchLease = (session: Session, token: FencingToken, forMs: number): ResultAsync<boolean, SqlError> =>
  session
    .all<TokenRow>(MINE, [token])
    .andThen((rows) =>
      session
        .run(`SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', ?, true)`, [`${forMs}ms`])
        .map(() => rows.length === 1),
    );

/** Whether the lease is this one, and no transaction that was fenced with it is open any more. */
export const leaseAlone = (session: Session, token: FencingToken): ResultAsync<'alone' | 'in-use' | 'lost', SqlError> =>
  session
    .all<TokenRow>(ALONE, [token])
    .andThen((rows): ResultAsync<'alone' | 'in-use' | 'lost', SqlError> =>
      rows.length === 1
        ? okAsync('alone')
        : session.all<HolderRow>(HOLDER).map(([row]) => (row?.token === token ? 'in-use' : 'lost')),
    );
