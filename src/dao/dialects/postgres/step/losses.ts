// Tables and columns that a statement took away, and how many rows and values were in them.
import { okAsync, ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { quoted } from '../name.js';
import type { Account, ColumnLoss } from './account.js';
import { seeingAll } from './all-rows.js';
import type { Use } from './lost-attributes.js';
import { asNow, holdsRows, inSql, type Changes, type Relation } from './relations.js';
import type { StatementFacts } from './statement.js';

/** What is to be counted, and where. */
export interface Losses {
  /** Every relation that loses something. */
  readonly relations: readonly Relation[];
  readonly dropped: readonly Relation[];
  readonly truncated: readonly Relation[];
  readonly columns: readonly { readonly relation: Relation; readonly number: number }[];
}

/** They give a table's rows another file, and keep the rows. */
const REWRITING: ReadonlySet<string> = new Set(['ALTER', 'CLUSTER', 'REFRESH', 'VACUUM']);

/** Pure: whether rows may have been taken and put there anew, or given other values: what is there now is compared. */
export const isRefilled = ({ isEmpty }: Changes['refiled'][number], { verb }: Pick<StatementFacts, 'verb'>): boolean =>
  !isEmpty && !REWRITING.has(verb);

/** Pure: relations whose values a statement may have computed anew. */
export const convertedIn = (
  { refiled }: Changes,
  facts: Pick<StatementFacts, 'verb' | 'converts'>,
): readonly number[] =>
  refiled.filter((one) => isRefilled(one, facts) || (facts.converts && !one.isEmpty)).map(({ oid }) => oid);

/** Pure: relations whose counters began anew. */
export const wipedIn = ({ gone, refiled }: Changes): ReadonlySet<number> =>
  new Set([...gone, ...refiled.map(({ oid }) => oid)]);

/** Pure: what a statement took away that was not counted before it. */
export function lossesIn(
  { gone, refiled, droppedColumns }: Changes,
  relations: ReadonlyMap<number, Relation>,
  account: Account,
): Losses {
  const known = (oid: number): Relation[] => {
    const relation = relations.get(oid);
    return relation && holdsRows(relation) ? [relation] : [];
  };
  const dropped = gone.filter((oid) => !account.dropped.has(oid)).flatMap(known);
  const truncated = refiled
    .filter(({ isEmpty }) => isEmpty)
    .filter(({ oid }) => !gone.includes(oid))
    .flatMap(({ oid }) => known(oid));
  const columns = droppedColumns
    .filter(({ oid, column }) => !account.columns.some((one) => one.oid === oid && one.number === column))
    .flatMap(({ oid, column }) => known(oid).map((relation) => ({ relation, number: column })))
    .filter(({ relation, number }) => number <= relation.columns)
    // A partition loses the columns that its table loses.
    .filter(({ relation: { root } }) => !droppedColumns.some(({ oid }) => oid === root));
  const all = new Map([...dropped, ...truncated, ...columns.map((one) => one.relation)].map((one) => [one.oid, one]));
  return { relations: [...all.values()], dropped, truncated, columns };
}

/** What a statement took that nobody had counted, or looked at. */
export interface Uncounted {
  readonly losses: Losses;
  readonly blind: readonly Relation[];
  readonly uses: readonly Use[];
}

export interface CountedLosses {
  readonly dropped: ReadonlyMap<number, number>;
  readonly truncated: ReadonlyMap<number, number>;
  readonly columns: readonly ColumnLoss[];
}

/** Counts what is there now, locked so that it stays that until the statement takes it. */
export const countLosses = (connection: PostgresConnection, losses: Losses): ResultAsync<CountedLosses, SqlError> =>
  losses.relations.length === 0
    ? okAsync({ dropped: new Map(), truncated: new Map(), columns: [] })
    : seeingAll(connection, () => countAll(connection, losses));

function countAll(connection: PostgresConnection, losses: Losses): ResultAsync<CountedLosses, SqlError> {
  return here(connection, losses.relations).andThen((names) => {
    const rowsOf = (relations: readonly Relation[]): ResultAsync<ReadonlyMap<number, number>, SqlError> =>
      // The rows of a partitioned table are those of its partitions.
      inOrder(relations, ({ oid, kind }) =>
        countIn(connection, kind === 'p' ? undefined : names.get(oid), '*').map((rows) => [oid, rows] as const),
      ).map((counted) => new Map(counted));
    return lock(connection, [...names.values()])
      .andThen(() => rowsOf(losses.dropped))
      .andThen((dropped) =>
        rowsOf(losses.truncated).andThen((truncated) =>
          inOrder(losses.columns, ({ relation: { oid }, number }) =>
            columnName(connection, oid, number).andThen((column) =>
              countIn(connection, names.get(oid), quoted(column)).map((rows) => ({ oid, number, column, rows })),
            ),
          ).map((columns) => ({ dropped, truncated, columns })),
        ),
      );
  });
}

const lock = (connection: PostgresConnection, names: readonly string[]): ResultAsync<unknown, SqlError> =>
  names.length === 0 ? okAsync(undefined) : connection.query(`LOCK TABLE ${names.join(', ')} IN ACCESS EXCLUSIVE MODE`);

/** How relations are called at this moment: the step may have given them another name. */
const here = (
  connection: PostgresConnection,
  relations: readonly Relation[],
): ResultAsync<ReadonlyMap<number, string>, SqlError> =>
  asNow(connection, relations).map(
    (now) => new Map(now.map((one) => [one.oid, `${one.kind === 'r' ? 'ONLY ' : ''}${inSql(one)}`])),
  );

const countIn = (
  connection: PostgresConnection,
  name: string | undefined,
  what: string,
): ResultAsync<number, SqlError> =>
  name === undefined
    ? okAsync(0)
    : connection
        .query<{ count: number }>(`SELECT pg_catalog.count(${what}) AS count FROM ${name}`)
        .map(({ rows: [row] }) => row?.count ?? 0);

const columnName = (connection: PostgresConnection, oid: number, number: number): ResultAsync<string, SqlError> =>
  connection
    .query<{ name: string }>(
      'SELECT a.attname AS name FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = $1 AND a.attnum = $2',
      [oid, number],
    )
    .map(({ rows: [row] }) => row?.name ?? '');

/** Pure: rows that the step itself had added are not lost. */
export function withLosses(account: Account, { dropped, truncated, columns }: CountedLosses): Account {
  const lost = ([oid, rows]: readonly [number, number]): readonly [number, number] => [
    oid,
    rows - (account.rows.get(oid)?.inserted ?? 0),
  ];
  const emptied = [...truncated]
    .map(lost)
    .map(([oid, rows]) => [oid, Math.max(0, rows) + (account.truncated.get(oid) ?? 0)] as const);
  return {
    ...account,
    dropped: new Map([...account.dropped, ...[...dropped].map(lost)]),
    truncated: new Map([...account.truncated, ...emptied]),
    columns: [...account.columns, ...columns],
  };
}

/** Pure: what else a statement did to tables and names. */
export function withStatement(account: Account, { refiled }: Changes, facts: StatementFacts): Account {
  const { drops, keepsNames } = facts;
  const moved = refiled.filter(({ oid }) => !account.truncated.has(oid)).map(({ oid }) => oid);
  return {
    ...account,
    refilled: new Set([...account.refilled, ...refiled.filter((one) => isRefilled(one, facts)).map(({ oid }) => oid)]),
    rewritten: moved.length === 0 ? account.rewritten : new Set([...account.rewritten, ...moved]),
    filenodes: new Map([...account.filenodes, ...refiled.map(({ oid, filenode }) => [oid, filenode] as const)]),
    named: drops.size === 0 ? account.named : new Set([...account.named, ...drops]),
    schema: account.schema === 'unknown' || !keepsNames ? 'unknown' : 'grown',
  };
}
