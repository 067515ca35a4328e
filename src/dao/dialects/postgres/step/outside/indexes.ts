// The indexes of a table as the catalog has them, and the taking away of those that a failed build left.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import { inOrder } from '../../../../in-order.js';
import type { PostgresConnection } from '../../connection.js';
import { sqlName } from '../../name.js';
import { refusal } from './context.js';

export interface IndexState {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly table: number;
  /** Finished, and kept up with every write. */
  readonly valid: boolean;
  /** As the server writes it. */
  readonly sql: string;
  /** Without the names of index and table: two with the same are the same index twice. */
  readonly definition: string;
}

interface IndexRow extends Omit<IndexState, 'definition'> {
  /** The table's name as the server writes it. */
  readonly on: string;
}

const INDEXES = `
  SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, x.indrelid::bigint AS "table",
    x.indisvalid AND x.indisready AND x.indislive AS valid, pg_catalog.pg_get_indexdef(c.oid) AS sql,
    pg_catalog.quote_ident(t.relname) AS "on"
  FROM pg_catalog.pg_index AS x
  JOIN pg_catalog.pg_class AS c ON c.oid = x.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS t ON t.oid = x.indrelid`;

const asState = ({ on, ...row }: IndexRow): IndexState => {
  const before = `.${on} USING `;
  const unique = row.sql.startsWith('CREATE UNIQUE ') ? 'UNIQUE ' : '';
  return { ...row, definition: unique + row.sql.slice(row.sql.indexOf(before) + before.length) };
};

export const indexesOf = (connection: PostgresConnection, table: number): ResultAsync<IndexState[], SqlError> =>
  connection.query<IndexRow>(`${INDEXES} WHERE x.indrelid = $1`, [table]).map(({ rows }) => rows.map(asState));

export const indexNamed = (
  connection: PostgresConnection,
  schema: string,
  name: string,
): ResultAsync<IndexState | undefined, SqlError> =>
  connection
    .query<IndexRow>(`${INDEXES} WHERE n.nspname = $1 AND c.relname = $2`, [schema, name])
    .map(({ rows }) => rows.map(asState)[0]);

/** Invalid ones among the indexes of these tables. */
export const invalidOn = (
  connection: PostgresConnection,
  tables: readonly number[] | 'all',
): ResultAsync<IndexState[], SqlError> =>
  (tables === 'all'
    ? connection.query<IndexRow>(`${INDEXES} WHERE NOT x.indisvalid`)
    : connection.query<IndexRow>(`${INDEXES} WHERE NOT x.indisvalid AND x.indrelid = ANY ($1::oid[])`, [[...tables]])
  ).map(({ rows }) => rows.map(asState));

// Who builds an index holds this lock on its table from the first moment to the last.
const BUILDER = `
  SELECT l.pid FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_progress_create_index AS p ON p.pid = l.pid
  WHERE l.locktype = 'relation' AND l.relation = $1 AND l.granted AND l.mode = 'ShareUpdateExclusiveLock'
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    AND l.pid <> pg_catalog.pg_backend_pid()`;

/** Takes invalid indexes away, unless somebody is just building them. */
export function dropInvalid(
  connection: PostgresConnection,
  indexes: readonly IndexState[],
): ResultAsync<void, SqlError> {
  return inOrder(indexes, (index) => {
    const sql = `DROP INDEX CONCURRENTLY IF EXISTS ${sqlName(index)}`;
    return connection
      .query<{ pid: number }>(BUILDER, [index.table])
      .andThen(({ rows: [builder] }) =>
        builder === undefined
          ? connection.query(sql).map(() => undefined)
          : errAsync(
              refusal('55P03', `process ${builder.pid} is building an index on the table of ${index.name}`, sql),
            ),
      );
  }).andThen(() => okAsync(undefined));
}
