// Rows that policies hide from the role are lost like any others: the engine counts all of them, or is told that it cannot.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';

const SEE_ALL = `
  SELECT pg_catalog.current_setting('row_security') AS was, pg_catalog.set_config('row_security', 'off', true)`;

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
