// The transaction of a restore from BEGIN to COMMIT, and what became of it where nobody was told.
import { err, ok, safeTry, type ResultAsync } from 'neverthrow';
import type { RecordedEvent, StoredEvent } from '../../../../core/events/envelope.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { STALL_MS } from './lock-tables.js';
import type { PsqlSession } from './psql-session.js';

/** The server process of a restore. */
export interface Backend {
  readonly processId: number;
  readonly since: string;
  readonly serverVersion: number;
  readonly hadPublic: boolean;
}

/** A role or a database may say otherwise; a safety copy takes its time while the transaction waits for it. */
const SETTINGS: readonly (readonly [name: string, value: string, since: number])[] = [
  ['search_path', '', 0],
  ['client_min_messages', 'warning', 0],
  ['standard_conforming_strings', 'on', 0],
  ['synchronous_commit', 'on', 0],
  ['lock_timeout', String(STALL_MS), 0],
  ['statement_timeout', '0', 0],
  ['idle_in_transaction_session_timeout', '0', 0],
  ['client_connection_check_interval', '500ms', 140_000],
  ['transaction_timeout', '0', 170_000],
];
/** What the script of pg_restore leaves set otherwise. */
export const SETTINGS_AFTER = `SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET search_path = ''; SET lock_timeout = ${STALL_MS}`;

const WHO = `
  SELECT pg_catalog.pg_backend_pid() AS pid,
    (SELECT backend_start::text FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()) AS since,
    EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'public') AS has_public`;

export function beginRestore(psql: PsqlSession, serverVersion: number): ResultAsync<Backend, SqlError> {
  const settings = SETTINGS.filter(([, , since]) => serverVersion >= since).map(
    ([name, value]) => `SET ${name} = '${value}'`,
  );
  return psql
    .run(['BEGIN READ WRITE', ...settings].join('; '))
    .andThen(() => psql.all<{ pid: number; since: string; has_public: boolean }>(WHO))
    .map(([row]) => ({
      processId: row?.pid ?? 0,
      since: row?.since ?? '',
      serverVersion,
      hadPublic: row?.has_public ?? true,
    }));
}

const END_MS = 60_000;
const LOOK_EVERY_MS = 50;

/** Sees to it that nothing of the transaction is left at work: who comes next would wait for it. */
export async function endBackend(
  connection: PostgresConnection,
  { processId, since }: Pick<Backend, 'processId' | 'since'>,
): Promise<void> {
  const terminate = `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid = ? AND backend_start::text = ?`;
  for (const until = Date.now() + END_MS; Date.now() < until;) {
    const found = await connection.all(terminate, [processId, since]);
    if (found.isErr() || found.value.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

const IS_THERE = 'SELECT 1 AS there FROM migrate_safe.events WHERE position = ? AND hash = ?';

/** Who is asked where the session that committed is gone. */
interface Witness {
  readonly connection: PostgresConnection;
  readonly reconnect: () => ResultAsync<void, SqlError>;
  readonly backend: Backend;
}

/** Where the answer to COMMIT was lost, the journal knows whether it happened. */
export function commit(
  psql: PsqlSession,
  { connection, reconnect, backend }: Witness,
  last: RecordedEvent | StoredEvent | undefined,
): ResultAsync<void, SqlError> {
  return psql
    .run('COMMIT')
    .map(() => undefined)
    .orElse((error) =>
      safeTry(async function* () {
        if (last === undefined) return err(error);
        await endBackend(connection, backend);
        const look = (): ResultAsync<unknown[], SqlError> => connection.all(IS_THERE, [last.position, last.hash]);
        const found = yield* look().orElse((lost) =>
          lost.kind === 'connection-lost' ? reconnect().andThen(look) : err(lost),
        );
        return found.length === 1 ? ok(undefined) : err(error);
      }),
    );
}
