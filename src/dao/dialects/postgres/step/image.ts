// What a table holds at one moment, as far as a loss can be told from it: its keys and where its columns have values, or
// only how many, where it is large.
import type { ResultAsync } from 'neverthrow';
import { okAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { quoted, sqlName } from '../name.js';
import { rowsOf } from './all-rows.js';
import type { Relation } from './relations.js';

/** A table's columns by their numbers, which stay theirs under any name. */
export interface Columns {
  readonly names: ReadonlyMap<number, string>;
  /** Numbers of the primary key's columns, in its order. */
  readonly key: readonly number[];
}

export type Image =
  | { readonly kind: 'rows'; readonly columns: Columns; readonly rows: ReadonlyMap<string, string> }
  | {
      readonly kind: 'counts';
      readonly columns: Columns;
      readonly rows: number;
      /** Rows with a value, by the column's number. */
      readonly filled: ReadonlyMap<number, number>;
    };

/** As many rows are compared one by one. */
export const FEW_ROWS = 5000;

const COLUMNS = `
  SELECT n.nspname AS schema, c.relname AS bare, a.attnum AS number, a.attname AS name, pg_catalog.array_position(i.indkey::int2[], a.attnum) AS place
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary
  WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

interface ColumnRow {
  readonly schema: string;
  readonly bare: string;
  readonly number: number;
  readonly name: string;
  readonly place: number | null;
}

type Ask = <R extends object>(sql: string) => ResultAsync<readonly R[], SqlError>;

/** Undefined where there is no such table, under whatever name; `all`: with the rows that policies hide. */
export function readImage(
  connection: PostgresConnection,
  { oid, kind }: Pick<Relation, 'oid' | 'kind'>,
  sight: 'all' | 'as-set' = 'as-set',
): ResultAsync<Image | undefined, SqlError> {
  const ask: Ask = (sql) => rowsOf(connection, sql, sight);
  return connection
    .prepared<ColumnRow>('image_columns', COLUMNS, [oid])
    .andThen(({ rows }): ResultAsync<Image | undefined, SqlError> => {
      const [first] = rows;
      if (first === undefined) return okAsync(undefined);
      // Children that inherit are tables of their own; partitions are not.
      const from = `${kind === 'r' ? 'ONLY ' : ''}${sqlName({ schema: first.schema, name: first.bare })}`;
      const columns: Columns = {
        names: new Map(rows.map(({ number, name }) => [number, name])),
        key: rows
          .flatMap(({ number, place }) => (place === null ? [] : [{ number, place }]))
          .toSorted((a, b) => a.place - b.place)
          .map(({ number }) => number),
      };
      return columns.key.length === 0
        ? counts(ask, from, columns)
        : few(ask, from, columns).andThen((found): ResultAsync<Image, SqlError> =>
            found === undefined ? counts(ask, from, columns) : okAsync(found),
          );
    });
}

function few(ask: Ask, from: string, columns: Columns): ResultAsync<Image | undefined, SqlError> {
  const key = columns.key.map((number) => quoted(columns.names.get(number) ?? ''));
  const text = key.length === 1 ? `${key.join('')}::text` : `ROW(${key.join(', ')})::text`;
  const bits = [...columns.names.values()].map((name) => `CASE WHEN ${quoted(name)} IS NULL THEN '0' ELSE '1' END`);
  // A large table is not read for this: how many rows it has at least is known by then.
  const sql = `WITH few AS MATERIALIZED (SELECT pg_catalog.count(*) AS rows FROM (SELECT FROM ${from} LIMIT ${FEW_ROWS + 1}) AS one)
    SELECT (SELECT rows FROM few) AS rows, one.key, one.bits FROM (SELECT) AS here
    LEFT JOIN (SELECT ${text} AS key, ${bits.join(' || ')} AS bits FROM ${from} WHERE (SELECT rows FROM few) <= ${FEW_ROWS}) AS one ON true`;
  return ask<FewRow>(sql).map((rows) =>
    (rows[0]?.rows ?? 0) > FEW_ROWS
      ? undefined
      : {
          kind: 'rows',
          columns,
          rows: new Map(rows.flatMap(({ key, bits }) => (key === null || bits === null ? [] : [[key, bits] as const]))),
        },
  );
}

/** Where there is none, the one that says so has no key. */
interface FewRow {
  readonly rows: number;
  readonly key: string | null;
  readonly bits: string | null;
}

function counts(ask: Ask, from: string, columns: Columns): ResultAsync<Image, SqlError> {
  const numbers = [...columns.names.keys()];
  const each = [...columns.names.values()].map((name) => `pg_catalog.count(${quoted(name)})`);
  const sql = `SELECT pg_catalog.count(*) AS rows, pg_catalog.json_build_array(${each.join(', ')}) AS filled FROM ${from}`;
  return ask<{ rows: number; filled: readonly number[] }>(sql).map(([row]) => ({
    kind: 'counts',
    columns,
    rows: row?.rows ?? 0,
    filled: new Map(numbers.map((number, at) => [number, row?.filled[at] ?? 0])),
  }));
}

/** What is in `before` and not in `after`. */
export interface ImageLoss {
  /** Undefined where rows cannot be told apart. */
  readonly rows: readonly string[] | undefined;
  /** How many rows there are more than before. */
  readonly more: number;
  readonly nulled: readonly { readonly column: string; readonly rows: number; readonly keys: readonly string[] }[];
}

/**
 * Pure. `done`: rows that were inserted and deleted in between, for tables of which only numbers are known; `columns`: of
 * which something can be lost, with the names to tell it by.
 */
export function lossBetween(
  before: Image,
  after: Image,
  done: { readonly inserted: number; readonly deleted: number },
  columns: Columns['names'] = before.columns.names,
): ImageLoss {
  const kept = [...columns].filter(([number]) => after.columns.names.has(number));
  const [was, is] = [asCounts(before), asCounts(after)];
  const more = is.rows - was.rows;
  if (before.kind === 'rows' && after.kind === 'rows') {
    const rows = [...before.rows.keys()].filter((key) => !after.rows.has(key));
    const nulled = nulledByKey(before, after, kept);
    // Rows that have another key now are found by no key: their values are counted as well.
    if (rows.length <= done.deleted) return { rows, more, nulled };
    const counted = nulledByCount(was, is, done, kept);
    return { rows, more, nulled: kept.flatMap(([, name]) => most(name, nulled, counted)) };
  }
  return { rows: undefined, more, nulled: nulledByCount(was, is, done, kept) };
}

/** Pure: how many rows had a value in the column of that number. */
export const filledIn = (image: Image, number: number): number => asCounts(image).filled.get(number) ?? 0;

type Nulled = ImageLoss['nulled'];
type Named = readonly (readonly [number: number, name: string])[];

const most = (column: string, ...all: readonly Nulled[]): Nulled =>
  all
    .flatMap((one) => one.filter((each) => each.column === column))
    .toSorted((a, b) => b.rows - a.rows)
    .slice(0, 1);

type Rows = Extract<Image, { readonly kind: 'rows' }>;

const nulledByKey = (before: Rows, after: Rows, columns: Named): Nulled =>
  columns.flatMap(([number, column]) => {
    const [was, is] = [placeOf(before.columns, number), placeOf(after.columns, number)];
    const keys = [...before.rows]
      .filter(([key, bits]) => bits.charAt(was) === '1' && after.rows.get(key)?.charAt(is) === '0')
      .map(([key]) => key);
    return keys.length === 0 ? [] : [{ column, rows: keys.length, keys: keys.slice(0, SAMPLE) }];
  });

type Counted = ReturnType<typeof asCounts>;

const nulledByCount = (
  was: Counted,
  is: Counted,
  done: { readonly inserted: number; readonly deleted: number },
  columns: Named,
): Nulled =>
  columns.flatMap(([number, column]) => {
    const [filled, filledNow] = [was.filled.get(number) ?? 0, is.filled.get(number) ?? 0];
    // What went with deleted rows was not nulled, and neither is a row nulled that came in without a value.
    const gone = filled - filledNow - done.deleted;
    const empty = is.rows - filledNow - (was.rows - filled) - done.inserted;
    const rows = Math.max(gone, empty);
    return rows > 0 ? [{ column, rows, keys: [] }] : [];
  });

/** So many keys are told. */
export const SAMPLE = 5;

const placeOf = ({ names }: Columns, number: number): number => [...names.keys()].indexOf(number);

function asCounts(image: Image): { readonly rows: number; readonly filled: ReadonlyMap<number, number> } {
  if (image.kind === 'counts') return image;
  const all = [...image.rows.values()];
  return {
    rows: all.length,
    filled: new Map(
      [...image.columns.names.keys()].map((number, at) => [
        number,
        all.filter((bits) => bits.charAt(at) === '1').length,
      ]),
    ),
  };
}
