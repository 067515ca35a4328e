// Where the rows of a partitioned table lie: in its partitions, however deep.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { sqlName, type QualifiedName } from '../name.js';

export interface Leaf extends QualifiedName {
  /** As a statement needs it. */
  readonly parent: string;
}

/** A partition is its own; a table that is not partitioned at all has none. */
export const leavesOf = (
  connection: PostgresConnection,
  tables: readonly QualifiedName[],
): ResultAsync<readonly Leaf[], SqlError> =>
  connection.query<Leaf>(LEAVES, [tables.map(sqlName)]).map(({ rows }) => rows);

const LEAVES = `
  SELECT w.parent, n.nspname AS schema, c.relname AS name
  FROM pg_catalog.unnest($1::text[]) AS w (parent), pg_catalog.pg_partition_tree(pg_catalog.to_regclass(w.parent)) AS p
  JOIN pg_catalog.pg_class AS c ON c.oid = p.relid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE p.isleaf AND c.relkind = 'r'`;
