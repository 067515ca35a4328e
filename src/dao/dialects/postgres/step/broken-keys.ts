// Rows that point at nothing after a step that turned the server's own look after foreign keys off, or ran a trigger that kept
// what a key would have taken along: the server does not look again.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { ForeignKeyFinding } from '../../../../core/ports/step-transaction.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { nameOf } from '../name.js';
import type { LossContext } from './row-losses.js';

interface KeyRow {
  readonly schema: string;
  readonly child: string;
  readonly parent_schema: string;
  readonly parent: string;
  /** Counts the rows whose parent is missing. */
  readonly sql: string;
}

/** Of `pg_trigger.tgtype`: one that runs before a row is changed, and can keep it as it is. */
const BEFORE = 2;

// The equality is that of the key itself: it need not be on the search path. Keys of partitions are their table's.
const KEYS = `
  SELECT cn.nspname AS schema, c.relname AS child, pn.nspname AS parent_schema, p.relname AS parent,
    pg_catalog.format('SELECT pg_catalog.count(*) AS rows FROM %s%I.%I AS c WHERE %s AND NOT EXISTS (SELECT FROM %s%I.%I AS p WHERE %s)',
      CASE c.relkind WHEN 'r' THEN 'ONLY ' END, cn.nspname, c.relname, pairs.filled,
      CASE p.relkind WHEN 'r' THEN 'ONLY ' END, pn.nspname, p.relname, pairs.equal) AS sql
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS p ON p.oid = k.confrelid JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
  CROSS JOIN LATERAL (
    SELECT pg_catalog.string_agg(pg_catalog.format('c.%I IS NOT NULL', a.attname), ' AND ') AS filled,
      pg_catalog.string_agg(pg_catalog.format('p.%I OPERATOR(%I.%s) c.%I', b.attname, n.nspname, o.oprname, a.attname), ' AND ') AS equal
    FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conpfeqop)) AS u (own, other, operator)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.own
    JOIN pg_catalog.pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = u.other
    JOIN pg_catalog.pg_operator AS o ON o.oid = u.operator JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace) AS pairs
  WHERE k.contype = 'f' AND k.convalidated AND k.conparentid = 0 AND (k.conrelid = ANY ($1::oid[]) OR k.confrelid = ANY ($1::oid[])
    OR (k.confrelid = ANY ($2::oid[]) AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd')) AND EXISTS (
      SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = k.conrelid AND NOT g.tgisinternal AND (g.tgtype::int & ${BEFORE}) <> 0)))`;

/** What pointed at nothing before the step is none of its doing, where that can still be read. */
export function brokenKeys({ connection, second, trace }: LossContext): ResultAsync<ForeignKeyFinding[], SqlError> {
  const { unchecked, rows, truncated } = trace.account;
  const withRoots = (all: readonly number[]): readonly number[] =>
    all.flatMap((oid) => [oid, trace.relations.get(oid)?.root ?? oid]);
  const changed = unchecked ? withRoots([...rows.keys(), ...truncated.keys()]) : [];
  const lessened = [...rows].flatMap(([oid, { updated, deleted }]) => (updated + deleted > 0 ? [oid] : []));
  const acting = trace.isLoud ? withRoots(lessened) : [];
  if (changed.length + acting.length === 0) return okAsync([]);
  return connection
    .query<KeyRow>(KEYS, [changed, acting])
    .andThen(({ rows: keys }) =>
      inOrder(keys, (key) =>
        orphans(connection, key).andThen((now) =>
          (now === 0 ? okAsync<number, SqlError>(0) : before(second, key)).map((was): ForeignKeyFinding => ({
            table: nameOf({ schema: key.schema, name: key.child }),
            parent: nameOf({ schema: key.parent_schema, name: key.parent }),
            rows: Math.max(0, now - was),
            keys: [],
          })),
        ),
      ),
    )
    .map((found) => found.filter((one) => one.rows > 0));
}

const orphans = (connection: PostgresConnection, { sql }: KeyRow): ResultAsync<number, SqlError> =>
  connection.query<{ rows: number }>(sql).map(({ rows: [row] }) => row?.rows ?? 0);

function before(second: LossContext['second'], key: KeyRow): ResultAsync<number, SqlError> {
  return second().andThen((other) => {
    const end = (rows: number): ResultAsync<number, SqlError> => other.query('ROLLBACK').map(() => rows);
    return other
      .query(`BEGIN; SET LOCAL lock_timeout = '1s'`)
      .andThen(() => orphans(other, key))
      .andThen(end)
      .orElse(() => end(0));
  });
}
