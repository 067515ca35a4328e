// Gives the live database's name to a new one: both renames in one transaction, with nobody connected to either.
import { err, errAsync, okAsync, ResultAsync, type Result } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { PostgresServer } from '../../backup/server.js';
import type { PostgresConnection } from '../../connection.js';
import { quoted } from '../../name.js';
import { endBackend, type Backend } from '../restore-transaction.js';
import { withMaintenance } from './maintenance.js';
import { OTHERS, type LiveDatabase } from './outlook.js';

export interface SwitchOver {
  readonly live: LiveDatabase;
  /** The new one, as it is called until then. */
  readonly fresh: { readonly oid: number; readonly name: string };
  readonly keptAs: string;
  /** What the new one is to be, by the name that it has then. */
  readonly statements: readonly string[];
  /** The session of the run: the last one that is connected to the live database. */
  readonly work: { readonly processId: number; leave(): ResultAsync<void, SqlError> };
}

const LOOK_EVERY_MS = 25;
const ATTEMPTS = 3;

/**
 * The server keeps newcomers out as soon as a rename has its lock, and gives those who are there five seconds to leave:
 * within that time they are ended, and the run's own session leaves as the last one, so that nobody else ever has its lock.
 * No database is closed for a moment that a crash could make last.
 */
export function switchOver(server: PostgresServer, plan: SwitchOver): ResultAsync<void, SqlError> {
  return withMaintenance(server, plan.live.name, (acting, watching) =>
    acting.query<{ since: string }>(SINCE).andThen(({ rows: [row] }) => {
      const backend = { processId: acting.processId, since: row?.since ?? '' };
      return new ResultAsync(renamedAtOnce(acting, watching, plan)).orElse((error) =>
        error.kind === 'connection-lost' ? becameOf(acting, backend, plan, error) : errAsync(error),
      );
    }),
  );
}

async function renamedAtOnce(
  acting: PostgresConnection,
  watching: PostgresConnection,
  { live, fresh, keptAs, statements, work }: SwitchOver,
): Promise<Result<void, SqlError>> {
  let hasLeft = false;
  const leave = async (): Promise<Result<void, SqlError>> => {
    hasLeft = true;
    return work.leave();
  };
  for (let attempt = 1; ; attempt++) {
    const result = await acting
      .run('BEGIN')
      .andThen(() => new ResultAsync(rename(acting, watching, live, keptAs, { processId: work.processId, leave })))
      .andThen(() => new ResultAsync(rename(acting, watching, fresh, live.name)))
      .andThen(() => (statements.length === 0 ? okAsync(undefined) : acting.query(statements.join('\n'))))
      .andThen(() => acting.run('COMMIT'))
      .map(() => undefined);
    if (result.isOk() || result.error.kind === 'connection-lost') return result;
    const undone = await acting.run('ROLLBACK');
    if (undone.isErr() || result.error.kind !== 'busy' || hasLeft || attempt === ATTEMPTS) return result;
  }
}

interface Last {
  readonly processId: number;
  readonly leave: () => Promise<Result<void, SqlError>>;
}

/** `last` leaves when all others have gone, and nobody can come any more. */
async function rename(
  acting: PostgresConnection,
  watching: PostgresConnection,
  database: { readonly oid: number; readonly name: string },
  to: string,
  last?: Last,
): Promise<Result<void, SqlError>> {
  const progress = { ended: false };
  const renaming = (async (): Promise<Result<unknown, SqlError>> => {
    const result = await acting.run(`ALTER DATABASE ${quoted(database.name)} RENAME TO ${quoted(to)}`);
    progress.ended = true;
    return result;
  })();
  let failure: SqlError | undefined;
  let [isLast, stays]: [boolean, string] = [last !== undefined, ''];
  while (!progress.ended && failure === undefined) {
    const seen = await othersEnded(watching, database.oid, acting.processId, isLast ? (last?.processId ?? 0) : 0);
    if (seen.isErr()) failure = seen.error;
    else if (seen.value.locked) {
      stays = seen.value.stays;
      if (isLast && seen.value.others === 0) {
        isLast = false;
        const left = await last?.leave();
        if (left?.isErr()) failure = left.error;
      }
    }
    await Promise.race([renaming, new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))]);
  }
  const result = await renaming;
  if (failure !== undefined) return err(failure);
  return result
    .map(() => undefined)
    .mapErr((error) =>
      error.kind === 'busy' && stays !== '' ? { ...error, message: `${error.message}: ${stays}` } : error,
    );
}

interface Seen {
  /** The rename has its lock: nobody comes any more. */
  readonly locked: boolean;
  readonly others: number;
  /** Who is still there. */
  readonly stays: string;
}

/** Ends those who are there, once nobody can come in their place. */
function othersEnded(
  watching: PostgresConnection,
  oid: number,
  actingId: number,
  except: number,
): ResultAsync<Seen, SqlError> {
  return watching
    .query<{ locked: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_locks WHERE pid = ${actingId} AND granted AND locktype = 'object'
         AND classid = 'pg_catalog.pg_database'::regclass AND objid = ${oid} AND mode = 'AccessExclusiveLock') AS locked`,
    )
    .andThen(({ rows: [row] }) => {
      if (row?.locked !== true) return okAsync({ locked: false, others: 1, stays: '' });
      return watching
        .query<{ pid: number; who: string }>(
          `SELECT a.pid, concat_ws(', ', nullif(a.usename, ''), nullif(a.application_name, '')) AS who ${OTHERS(oid, except)}`,
        )
        .andThen(({ rows }) =>
          ResultAsync.combine(
            rows.map(({ pid }) =>
              watching
                .query(`SELECT pg_catalog.pg_terminate_backend(${pid})`)
                .orElse((error) => (error.kind === 'not-permitted' ? okAsync(undefined) : errAsync(error))),
            ),
          ).map(() => ({
            locked: true,
            others: rows.length,
            stays: rows.map(({ pid, who }) => `process ${pid} (${who}) does not end`).join('; '),
          })),
        );
    });
}

const SINCE =
  'SELECT backend_start::text AS since FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()';

/** Where the answer was lost, the new database's name tells whether it was committed, once nothing of it is at work. */
function becameOf(
  acting: PostgresConnection,
  backend: Pick<Backend, 'processId' | 'since'>,
  { live, fresh }: SwitchOver,
  lost: SqlError,
): ResultAsync<void, SqlError> {
  return acting
    .reconnect()
    .andThen(() => ResultAsync.fromSafePromise(endBackend(acting, backend)))
    .andThen(() =>
      acting.query<{ name: string }>(`SELECT datname AS name FROM pg_catalog.pg_database WHERE oid = ${fresh.oid}`),
    )
    .andThen(({ rows: [row] }) => (row?.name === live.name ? okAsync(undefined) : errAsync(lost)));
}
