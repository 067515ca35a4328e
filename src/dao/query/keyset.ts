// Pages by key: a page begins behind the last row of the one before it, however many rows came or went meanwhile.
// https://use-the-index-luke.com/no-offset
import { err, ok, Result } from 'neverthrow';
import type { InvalidCall, InvalidRow } from '../dao-error.js';
import type { CompiledColumn, CompiledTable, RawRow } from '../table/compiled-table.js';
import type { Direction, OrderBy } from './order-by.js';
import { orderings } from './order-by.js';
import type { Statement } from './statement.js';

export interface SortColumn {
  readonly column: CompiledColumn;
  readonly direction: Direction;
}

/** Where a page ended; opaque, for the address of the next page. */
export type Cursor = string & { readonly __cursor: unique symbol };

/** The asked order, and the key behind it: no two rows are in the same place. */
export function totalOrder(table: CompiledTable, orderBy: OrderBy<string>): Result<readonly SortColumn[], InvalidCall> {
  return sortColumns(table, orderBy).map((asked) => {
    const named = new Set(asked.map(({ column }) => column.name));
    const last = asked.at(-1)?.direction ?? 'asc';
    return [
      ...asked,
      ...table.key.filter(({ name }) => !named.has(name)).map((column) => ({ column, direction: last })),
    ];
  });
}

export function sortColumns(
  table: CompiledTable,
  orderBy: OrderBy<string>,
): Result<readonly SortColumn[], InvalidCall> {
  return Result.combine(
    orderings(orderBy).map(({ column: name, direction }) =>
      table.column(name).andThen((column): Result<SortColumn, InvalidCall> => {
        if (column.kind === 'json') return err(table.refused(`${name}: JSON has no order`));
        if (direction !== 'asc' && direction !== 'desc')
          return err(table.refused(`${name}: the direction is asc or desc`));
        return ok({ column, direction });
      }),
    ),
  );
}

export const orderSql = (order: readonly SortColumn[], { flavour }: CompiledTable): string =>
  order
    .map(({ column, direction }) => {
      const nulls = column.nullable ? ` ${flavour.nullsOf(direction)}` : '';
      return `${flavour.comparable(column, column.qualified)}${direction === 'desc' ? ' DESC' : ''}${nulls}`.trimEnd();
    })
    .join(', ');

/** The place of a row, not decoded yet: a time may be finer than a Date. */
export function cursorOf(table: CompiledTable, order: readonly SortColumn[], raw: RawRow): Cursor {
  const place = order.map(({ column }) => {
    const value = raw[column.name];
    return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value;
  });
  return Buffer.from(JSON.stringify([signatureOf(table, order), ...place])).toString('base64url') as Cursor;
}

/** A cursor of another table or order would begin anywhere. */
const signatureOf = ({ name }: CompiledTable, order: readonly SortColumn[]): string =>
  [name, ...order.map(({ column, direction }) => `${column.name} ${direction}`)].join(',');

/** The rows behind the cursor's place. */
export function behind(
  cursor: string,
  table: CompiledTable,
  order: readonly SortColumn[],
  statement: Statement,
): Result<string, InvalidCall | InvalidRow> {
  const place = readCursor(cursor);
  if (
    place === undefined ||
    place[0] !== signatureOf(table, order) ||
    place.length !== order.length + 1 ||
    !place.every(isBindable)
  )
    return err(table.refused('the cursor is of another order, or was changed'));
  return ok(placeSql(order, place.slice(1), statement));
}

function readCursor(cursor: string): readonly unknown[] | undefined {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(place) ? place.map(fromJson) : undefined;
  } catch {
    return undefined;
  }
}

const isBindable = (value: unknown): boolean =>
  value === null || typeof value !== 'object' || value instanceof Uint8Array;
const fromJson = (value: unknown): unknown =>
  value !== null && typeof value === 'object' && 'bytes' in value ? Buffer.from(String(value.bytes), 'base64') : value;

function placeSql(order: readonly SortColumn[], place: readonly unknown[], statement: Statement): string {
  const { flavour } = statement;
  const bound = ({ column }: SortColumn, at: number): string =>
    flavour.comparable(column, flavour.bound(column, statement.bind(place[at])));
  const own = ({ column }: SortColumn): string => flavour.comparable(column, column.sql);
  const [first] = order;
  // One comparison of rows, which an index serves, where all columns go the same way and hold something.
  if (
    first !== undefined &&
    order.every(({ column, direction }) => !column.nullable && direction === first.direction)
  ) {
    const operator = first.direction === 'asc' ? '>' : '<';
    return `(${order.map(own).join(', ')}) ${operator} (${order.map(bound).join(', ')})`;
  }
  const ways = order.flatMap((last, at) => {
    // Nothing comes behind the rows without a value.
    if (place[at] === null && last.direction === 'asc') return [];
    const same = order
      .slice(0, at)
      .map((one, before) =>
        place[before] === null ? `${one.column.sql} IS NULL` : `${own(one)} = ${bound(one, before)}`,
      );
    return [`(${[...same, further(last, place[at], own(last), () => bound(last, at))].join(' AND ')})`];
  });
  return ways.length === 0 ? 'FALSE' : `(${ways.join(' OR ')})`;
}

/** Rows without a value are the last ones upwards, the first ones downwards. */
function further({ column, direction }: SortColumn, value: unknown, own: string, bound: () => string): string {
  if (value === null) return `${column.sql} IS NOT NULL`;
  if (direction === 'desc') return `${own} < ${bound()}`;
  return column.nullable ? `(${own} > ${bound()} OR ${column.sql} IS NULL)` : `${own} > ${bound()}`;
}
