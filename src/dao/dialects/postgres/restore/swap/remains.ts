// What swaps leave on a server: half-filled databases of runs that were killed, and those that were kept on purpose.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import { inOrder } from '../../../../in-order.js';
import type { PostgresConnection } from '../../connection.js';
import { HALF_FILLED, keptNamePrefix, newNamePrefix } from './names.js';
import { dropped } from './new-database.js';

export interface SwapRemains {
  readonly name: string;
  /** Null where the role may not connect to it. */
  readonly bytes: number | null;
  /** `half-filled`: of a restore, or a clone, that is going on, or was killed; `foreign`: the same of another database; `kept`: what was live before one. */
  readonly kind: 'half-filled' | 'foreign' | 'kept';
}

const REMAINS = `
  SELECT d.datname AS name, CASE WHEN pg_catalog.starts_with(d.datname, $1) THEN 'half-filled'
      WHEN pg_catalog.starts_with(d.datname, '${HALF_FILLED}') THEN 'foreign' ELSE 'kept' END AS kind,
    CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') THEN pg_catalog.pg_database_size(d.oid) END AS bytes
  FROM pg_catalog.pg_database AS d
  WHERE pg_catalog.starts_with(d.datname, '${HALF_FILLED}')
    OR pg_catalog.starts_with(d.datname, $2) AND substr(d.datname, char_length($2) + 1) ~ '^[0-9]{14}$'
  ORDER BY 1`;

const remainsOf = (connection: PostgresConnection, name: string): ResultAsync<readonly SwapRemains[], SqlError> =>
  connection.query<SwapRemains>(REMAINS, [newNamePrefix(name), keptNamePrefix(name)]).map(({ rows }) => rows);

const here = (connection: PostgresConnection): ResultAsync<string, SqlError> =>
  connection.all<{ name: string }>('SELECT pg_catalog.current_database() AS name').map(([row]) => row?.name ?? '');

/** Of the database that is connected to, and what is half-filled on its server. */
export const swapRemains = (connection: PostgresConnection): ResultAsync<readonly SwapRemains[], SqlError> =>
  here(connection).andThen((live) => remainsOf(connection, live));

/** To be called under the run lock: then nobody is at work in them. What cannot be seen or dropped stays for the doctor. */
export const clearRemains = (connection: PostgresConnection): ResultAsync<void, SqlError> =>
  connection.server.product === 'postgresql'
    ? here(connection)
        .andThen((live) => clearRemainsOf(connection, live))
        .orElse((error) => (error.kind === 'connection-lost' ? errAsync(error) : okAsync(undefined)))
    : okAsync(undefined);

/** What was to become a database of this name. */
export const clearRemainsOf = (connection: PostgresConnection, name: string): ResultAsync<void, SqlError> =>
  remainsOf(connection, name)
    .map((found) => found.filter(({ kind }) => kind === 'half-filled'))
    .andThen((found) => inOrder(found, (half) => dropped(connection, half.name).orElse(() => okAsync(undefined))))
    .map(() => undefined);
