// Rows that policies hide from the role are lost like any others: the engine counts all of them, or is told that it cannot.
import type { ResultAsync } from 'neverthrow';
import type { QueryResult } from 'pg';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';

const SEE_ALL = `
  SELECT pg_catalog.current_setting('row_security') AS was, pg_catalog.set_config('row_security', 'off', true)`;

/** The rows of one question without values; `all`: of those too that policies hide, asked in one message. */
export function rowsOf<R extends object>(
  connection: PostgresConnection,
  sql: string,
  sight: 'all' | 'as-set',
): ResultAsync<readonly R[], SqlError> {
  if (sight === 'as-set') return connection.query<R>(sql).map(({ rows }) => rows);
  // The driver gives as many results as there are statements.
  return connection
    .query(`${KEEP}; ${sql}; ${PUT_BACK}`)
    .map((done: unknown) => (done as readonly QueryResult<R>[]).at(-2)?.rows ?? []);
}
const KEEP = `SELECT pg_catalog.set_config('migrate_safe.row_security', pg_catalog.current_setting('row_security'), true), pg_catalog.set_config('row_security', 'off', true)`;
const PUT_BACK = `SELECT pg_catalog.set_config('row_security', pg_catalog.current_setting('migrate_safe.row_security'), true)`;

/** Inside a step's transaction, whose own statements see what the step is set to see. */
export const seeingAll = <T>(
  connection: PostgresConnection,
  read: () => ResultAsync<T, SqlError>,
): ResultAsync<T, SqlError> =>
  connection
    .query<{ was: string }>(SEE_ALL)
    .andThen(({ rows: [row] }) =>
      read().andThen((result) =>
        connection
          .query(`SELECT pg_catalog.set_config('row_security', $1, true)`, [row?.was ?? 'on'])
          .map(() => result),
      ),
    );
