// Attributes that a step dropped from types: every column of such a type loses the values that were in them.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { ColumnFinding } from '../../../../core/ports/step-transaction.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { quoted } from '../name.js';
import type { Account } from './account.js';
import { seeingAll } from './all-rows.js';
import type { Look } from './look.js';
import { asNow, inSql, isOwn, type Relation, type Relations } from './relations.js';
import type { StatementFacts } from './statement.js';

// Rows of tables are types too. What is within an array, a domain or another type is a value of it as well.
const USES = `
  WITH RECURSIVE lost AS (
    SELECT a.attrelid AS type, a.attnum AS attribute, c.reltype FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    WHERE ($1::oid[] IS NULL OR a.attrelid = ANY ($1)) AND a.attisdropped AND a.attnum > 0 AND c.reltype <> 0
      AND pg_catalog.age(a.xmin) <= pg_catalog.age(pg_catalog.pg_current_xact_id()::xid)),
  uses AS (
    SELECT type, attribute, reltype AS within, true AS direct FROM lost
    UNION
    SELECT u.type, u.attribute, n.oid, false FROM uses AS u CROSS JOIN LATERAL (
      SELECT t.oid FROM pg_catalog.pg_type AS t WHERE (t.typelem = u.within AND t.typlen = -1) OR t.typbasetype = u.within
      UNION ALL SELECT c.reltype FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
        WHERE a.atttypid = u.within AND NOT a.attisdropped AND c.reltype <> 0) AS n)
  SELECT u.type::bigint, u.attribute, a.attrelid::bigint AS oid, a.attnum AS number, pg_catalog.bool_or(u.direct) AS direct
  FROM uses AS u JOIN pg_catalog.pg_attribute AS a ON a.atttypid = u.within AND NOT a.attisdropped JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  GROUP BY u.type, u.attribute, a.attrelid, a.attnum ORDER BY a.attrelid, a.attnum`;

export interface Use {
  readonly type: number;
  readonly attribute: number;
  /** The table, and the number of its column. */
  readonly oid: number;
  readonly number: number;
  /** The column is of the type itself, not of an array of it or the like. */
  readonly direct: boolean;
}

const keyOf = ({ type, attribute, oid, number }: Use): string => [type, attribute, oid, number].join('.');

/** Where a statement took an attribute of a type, or of a table's rows, whose values were not counted yet. */
export function takenAttributes(
  connection: PostgresConnection,
  { verb }: StatementFacts,
  { locks }: Look,
  { attributes }: Account,
): ResultAsync<readonly Use[], SqlError> {
  const held = [...locks].flatMap(([oid, mode]) => (mode === 'AccessExclusive' ? [oid] : []));
  if (verb === 'CREATE' || held.length === 0) return okAsync([]);
  return connection
    .prepared<Use>('attributes', USES, [held])
    .map(({ rows }) => rows.filter((use) => !attributes.has(keyOf(use))));
}

/** Counts what is there of them now, before the statement takes it. */
export const withAttributes = (
  connection: PostgresConnection,
  account: Account,
  relations: ReadonlyMap<number, Relation>,
  uses: readonly Use[],
): ResultAsync<Account, SqlError> =>
  uses.length === 0
    ? okAsync(account)
    : seeingAll(connection, () => counted(connection, relations, uses)).map((all) => ({
        ...account,
        attributes: new Map([...account.attributes, ...all]),
      }));

const counted = (
  connection: PostgresConnection,
  relations: ReadonlyMap<number, Relation>,
  uses: readonly Use[],
): ResultAsync<(readonly [string, number])[], SqlError> =>
  inOrder(uses, (use) => {
    const relation = relations.get(use.oid);
    const now = relation === undefined ? okAsync<readonly Relation[], SqlError>([]) : asNow(connection, [relation]);
    return now
      .andThen(([one]) => (one ? count(connection, one, use) : okAsync(0)))
      .map((rows) => [keyOf(use), rows] as const);
  });

const count = (
  connection: PostgresConnection,
  relation: Relation,
  { type, attribute, number, direct }: Use,
): ResultAsync<number, SqlError> =>
  nameOf(connection, relation.oid, number).andThen((column) =>
    nameOf(connection, type, attribute).andThen((name) => {
      const value = direct ? `(t.${quoted(column)}).${quoted(name)}` : `t.${quoted(column)}`;
      const from = `${relation.kind === 'r' ? 'ONLY ' : ''}${inSql(relation)}`;
      return connection
        .query<{ rows: number }>(`SELECT pg_catalog.count(${value}) AS rows FROM ${from} AS t`)
        .map(({ rows: [row] }) => row?.rows ?? 0);
    }),
  );

const nameOf = (connection: PostgresConnection, oid: number, number: number): ResultAsync<string, SqlError> =>
  connection
    .query<{ name: string }>(
      'SELECT attname AS name FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attnum = $2',
      [oid, number],
    )
    .map(({ rows: [row] }) => row?.name ?? '');

interface Connections {
  readonly connection: PostgresConnection;
  /** Sees what was committed. */
  readonly second: () => ResultAsync<PostgresConnection, SqlError>;
}

/** As columns that were dropped: `table.column.attribute`. */
export function lostAttributes(
  { connection, second }: Connections,
  account: Account,
  { before, after }: Relations,
  [was, is]: readonly [SchemaSnapshot, SchemaSnapshot],
): ResultAsync<readonly ColumnFinding[], SqlError> {
  if (account.columns.length + account.attributes.size === 0 && typesIn(was) === typesIn(is)) return okAsync([]);
  return connection.query<Use>(USES, [null]).andThen(({ rows: uses }) =>
    inOrder(uses, (use): ResultAsync<readonly ColumnFinding[], SqlError> => {
      const relation = before.get(use.oid);
      // What nobody was there to count: the server's estimate, and never nothing.
      const rows = account.attributes.get(keyOf(use)) ?? Math.max(1, relation?.estimate ?? 1);
      if (relation === undefined || isOwn(relation) || !after.has(use.oid) || rows === 0) return okAsync([]);
      return second()
        .andThen((other) => namesOf(other, use))
        .map((column) => (column === undefined ? [] : [{ table: relation.name, column, rows, keys: [] }]));
    }).map((all) => all.flat()),
  );
}

/** As others see them; a column or a type that is new to the step is not there. */
const namesOf = (
  other: PostgresConnection,
  { type, attribute, oid, number }: Use,
): ResultAsync<string | undefined, SqlError> =>
  nameOf(other, oid, number).andThen((column) =>
    nameOf(other, type, attribute).map((name) => (column === '' || name === '' ? undefined : `${column}.${name}`)),
  );

const typesIn = ({ objects = [] }: SchemaSnapshot): string =>
  JSON.stringify(objects.filter(({ type }) => type === 'type'));
