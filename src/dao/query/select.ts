// The SELECT of a list, a page or a count.
import { err, ok, type Result } from 'neverthrow';
import type { Script } from '../app/flavour.js';
import type { InvalidCall, InvalidRow } from '../dao-error.js';
import type { CompiledColumn, CompiledTable } from '../table/compiled-table.js';
import { compileWhere } from './compile-where.js';
import { behind, orderSql, type SortColumn } from './keyset.js';
import { Statement } from './statement.js';

/** Rows that are removed but kept: without a word they are not there. */
export type Removed = 'exclude' | 'include' | 'only';

export interface Selection {
  readonly where?: object | undefined;
  readonly removed?: Removed | undefined;
  readonly order?: readonly SortColumn[];
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

type Selected = Result<Script, InvalidCall | InvalidRow>;

/** `results`: the list of results. */
export function select(table: CompiledTable, results: string, selection: Selection): Selected {
  const { order = [], limit } = selection;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0))
    return err(table.refused('a limit is a whole number from 0'));
  const statement = new Statement(table.flavour);
  return filter(table, selection, statement).map((where) =>
    statement.ended(
      [
        `SELECT ${results} FROM ${table.sql}${where}`,
        ...(order.length === 0 ? [] : [`ORDER BY ${orderSql(order, table)}`]),
        ...(limit === undefined ? [] : [`LIMIT ${statement.bind(limit)}`]),
      ].join(' '),
    ),
  );
}

/** ` WHERE …`, or nothing. */
export function filter(
  table: CompiledTable,
  { where, removed, after, order = [] }: Selection,
  statement: Statement,
): Result<string, InvalidCall | InvalidRow> {
  const asked = where === undefined ? ok('TRUE') : compileWhere(where, { table, statement });
  return asked
    .andThen((first) =>
      after === undefined ? ok([first]) : behind(after, table, order, statement).map((place) => [first, place]),
    )
    .map((conditions) => {
      const all = [...conditions, liveness(table, removed)].filter((condition) => condition !== 'TRUE');
      return all.length === 0 ? '' : ` WHERE ${all.join(' AND ')}`;
    });
}

/** `TRUE` where the table has no removed rows. */
export function liveness(table: CompiledTable, removed: Removed = 'exclude'): string {
  const { softDelete } = table.declared.options;
  if (softDelete === undefined || removed === 'include') return 'TRUE';
  return `${table.flavour.quoted(softDelete)} IS ${removed === 'only' ? 'NOT ' : ''}NULL`;
}

/** The columns of a key and what they must be, from a key as callers write it. */
export function keyCondition(
  table: CompiledTable,
  key: unknown,
  statement: Statement,
): Result<string, InvalidCall | InvalidRow> {
  return keyValues(table, key).map((values) => keySql(table.key, values, statement));
}

export const keySql = (columns: readonly CompiledColumn[], values: readonly unknown[], statement: Statement): string =>
  columns
    .map((column, at) => `${column.sql} = ${statement.flavour.bound(column, statement.bind(values[at]))}`)
    .join(' AND ');

/** Encoded, in the order of the key's columns. */
export function keyValues(table: CompiledTable, key: unknown): Result<readonly unknown[], InvalidCall | InvalidRow> {
  const [only] = table.key;
  if (table.key.length === 1 && only !== undefined) return given(table, only, key).map((value) => [value]);
  if (key === null || typeof key !== 'object') return err(table.refused('the key has several columns: give an object'));
  const values: unknown[] = [];
  for (const column of table.key) {
    const part = Object.hasOwn(key, column.name) ? (key as Record<string, unknown>)[column.name] : undefined;
    const value = given(table, column, part);
    if (value.isErr()) return err(value.error);
    values.push(value.value);
  }
  return ok(values);
}

function given(
  table: CompiledTable,
  column: CompiledColumn,
  value: unknown,
): Result<unknown, InvalidCall | InvalidRow> {
  return value === undefined || value === null
    ? err(table.refused(`the key has no ${column.name}`))
    : table.given(column, value);
}
