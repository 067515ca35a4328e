// How a step's transaction begins and what is put back behind it: settings, roles, locks of the session.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { QueryResult } from 'pg';
import type { SqlError } from '../../../../core/ports/session.js';
import type { HostKnexConfig } from '../../../host-knex.js';
import type { PostgresConnection } from '../connection.js';
import { MOMENT } from '../inspect/known-schema.js';
import { momentOf, type Moment } from '../inspect/moment.js';
import { quoted } from '../name.js';
import { LOCK_KEY } from '../postgres-lock.js';

export interface BeginOptions {
  readonly transactional: boolean;
  /** The host's search path; without one, that of the role or the database. */
  readonly searchPath?: HostKnexConfig['searchPath'];
}

/** How long a statement waits for a lock before it gives up: others queue behind it for as long. */
export const LOCK_TIMEOUT = '2s';

/** Behind a wait for a lock rows are counted as they are then; through a pooler no setting of the session says so. */
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED';

/** Begins the transaction that a step runs in; for a step without one, only the session is set. */
export const beginStep = (connection: PostgresConnection, options: BeginOptions): ResultAsync<void, SqlError> =>
  begun(connection, options).map(() => undefined);

/** The same with a transaction, on a connection of one's own: says whose work can be seen in it. */
export const beginStepAt = (connection: PostgresConnection, options: BeginOptions): ResultAsync<Moment, SqlError> =>
  // The driver gives as many results as there are statements.
  begun(connection, options, MOMENT).map((done: unknown) => {
    const [row] = (done as readonly QueryResult<{ at: string }>[]).at(-1)?.rows ?? [];
    return momentOf(row?.at ?? '');
  });

function begun(
  connection: PostgresConnection,
  { transactional, searchPath }: BeginOptions,
  ...also: readonly string[]
): ResultAsync<unknown, SqlError> {
  // Through a pooler nothing is set for longer than a transaction.
  if (!transactional && connection.isPooled) return okAsync(undefined);
  connection.statements.place = 'step';
  const set = transactional ? 'SET LOCAL' : 'SET';
  const settings = [
    `lock_timeout = '${LOCK_TIMEOUT}'`,
    `search_path = ${searchPathOf(searchPath)}`,
    'jit = DEFAULT',
    'row_security = DEFAULT',
  ].map((one) => `${set} ${one}`);
  return connection.query([...(transactional ? [BEGIN] : []), ...settings, ...also].join('; '));
}

/** As SET takes it. */
export function searchPathOf(searchPath: HostKnexConfig['searchPath']): string {
  if (searchPath === undefined) return 'DEFAULT';
  const path = typeof searchPath === 'string' ? [searchPath] : searchPath;
  return path.length === 0 ? "''" : path.map((schema) => quoted(schema)).join(', ');
}

/** Whatever the step set for its transaction: the journal is written by the engine's own role, and its commit is to last. */
export const OWN_SETTINGS = `RESET SESSION AUTHORIZATION; RESET ROLE; SET LOCAL search_path = ''; SET LOCAL synchronous_commit = on`;

// RESET ALL leaves out who is asking.
const RESET = `RESET SESSION AUTHORIZATION; RESET ROLE; CLOSE ALL; UNLISTEN *; RESET ALL; DISCARD TEMP; DISCARD SEQUENCES`;

/**
 * The last thing in a transaction: through a pooler the server process is another client's as soon as it has ended, and
 * what was set for the session would be met by that one.
 */
export function beforeCommit(connection: PostgresConnection): ResultAsync<void, SqlError> {
  if (!connection.isPooled) return okAsync(undefined);
  return unlock(connection)
    .andThen(() => connection.query(`${RESET}; DEALLOCATE ALL; SET LOCAL synchronous_commit = on`))
    .map(() => undefined);
}

/** Outside of a transaction: nothing of what a step set, made for a while, listened to or locked is left. */
export function endStep(connection: PostgresConnection): ResultAsync<void, SqlError> {
  connection.statements.place = 'engine';
  if (connection.isPooled) return okAsync(undefined);
  return connection.resettle<{ readonly locks: number }>(RESET, LOCKS).andThen(({ prepared, locks }) => {
    // What the engine has prepared stays.
    const byStep = prepared.filter(([, bySql]) => bySql).map(([name]) => `DEALLOCATE ${quoted(name)}`);
    const freed: ResultAsync<unknown, SqlError> =
      byStep.length === 0 ? okAsync(undefined) : connection.settled(byStep.join('; '), 'SELECT true');
    return freed.andThen(() => (locks === 0 ? okAsync(undefined) : unlock(connection)));
  });
}

const FOREIGN = `l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'advisory' AND l.granted
    AND NOT (l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = ${LOCK_KEY})`;
const LOCKS = `(SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks AS l WHERE ${FOREIGN}) AS locks`;

// Locks of the session outlive the transaction. One that was taken twice has to be let go of twice.
const UNLOCK = `
  SELECT CASE WHEN l.objsubid = 1 THEN
      CASE l.mode WHEN 'ShareLock' THEN pg_catalog.pg_advisory_unlock_shared(key) ELSE pg_catalog.pg_advisory_unlock(key) END
    ELSE
      CASE l.mode WHEN 'ShareLock' THEN pg_catalog.pg_advisory_unlock_shared(half, other) ELSE pg_catalog.pg_advisory_unlock(half, other) END
    END AS unlocked
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
  CROSS JOIN LATERAL (SELECT l.classid::bigint << 32 | l.objid::bigint AS key,
    l.classid::bigint::bit(32)::int AS half, l.objid::bigint::bit(32)::int AS other) AS k
  WHERE ${FOREIGN}`;

function unlock(connection: PostgresConnection, rounds = 100): ResultAsync<void, SqlError> {
  return connection
    .prepared<{ unlocked: boolean }>('unlock', UNLOCK)
    .andThen(({ rows }) => (rows.length === 0 || rounds === 0 ? okAsync(undefined) : unlock(connection, rounds - 1)));
}
