// Figures over rows: counts, sums, averages, the least and the greatest, by group.
import { err, ok, Result } from 'neverthrow';
import type * as z from 'zod';
import { readInteger } from '../app/cells.js';
import type { Script } from '../app/flavour.js';
import type { InvalidCall, InvalidRow } from '../dao-error.js';
import { invalid, type CompiledColumn, type CompiledTable, type RawRow } from '../table/compiled-table.js';
import type { MarkOf } from '../table/column.js';
import type { AnyTable, Columns } from '../table/table.js';
import type { Direction, OrderBy } from './order-by.js';
import { orderings } from './order-by.js';
import { filter, type Removed } from './select.js';
import { Statement } from './statement.js';
import type { Where } from './where.js';

type Value<T extends AnyTable, C extends Columns<T>> = NonNullable<z.output<T['shape'][C]>>;
type ColumnsOf<T extends AnyTable, V> = {
  [C in Columns<T>]: 'json' extends MarkOf<T['shape'][C]> ? never : [Value<T, C>] extends [V] ? C : never;
}[Columns<T>];
/** What can be added up; a decimal is a string, but not every string is one. */
type Numeric<T extends AnyTable> =
  | ColumnsOf<T, number | bigint>
  | { [C in Columns<T>]: 'decimal' extends MarkOf<T['shape'][C]> ? C : never }[Columns<T>];

declare const RESULT: unique symbol;
/** One figure; `R` is the type of what comes out. */
export interface Aggregate<R> {
  readonly of: 'count' | 'countDistinct' | 'sum' | 'avg' | 'min' | 'max';
  readonly column?: string;
  readonly [RESULT]?: R;
}
/** Figures by name: what `select` gives back. */
export type Aggregates = Readonly<Record<string, Aggregate<unknown>>>;

/** The figures that a table's columns allow. Of no rows, a count is 0 and everything else null. */
export interface AggregatesOf<T extends AnyTable> {
  count(): Aggregate<number>;
  countDistinct(column: Columns<T>): Aggregate<number>;
  /** Exact for integers and decimals, whose sums are of their own type. */
  sum<C extends Numeric<T>>(column: C): Aggregate<Value<T, C> | null>;
  avg(column: Numeric<T>): Aggregate<number | null>;
  min<C extends ColumnsOf<T, number | bigint | string | Date>>(column: C): Aggregate<Value<T, C> | null>;
  max<C extends ColumnsOf<T, number | bigint | string | Date>>(column: C): Aggregate<Value<T, C> | null>;
}

export const aggregates = <T extends AnyTable>(): AggregatesOf<T> => ({
  count: () => ({ of: 'count' }),
  countDistinct: (column) => ({ of: 'countDistinct', column }),
  sum: (column) => ({ of: 'sum', column }),
  avg: (column) => ({ of: 'avg', column }),
  min: (column) => ({ of: 'min', column }),
  max: (column) => ({ of: 'max', column }),
});

/** Which figures, of which rows, by which groups; ordered by a group or by a figure. */
export interface AggregateQuery<T extends AnyTable, A extends Aggregates, G extends Columns<T>> {
  readonly select: (figures: AggregatesOf<T>) => A;
  readonly groupBy?: readonly G[];
  readonly where?: Where<T>;
  readonly removed?: Removed;
  readonly orderBy?: OrderBy<(keyof A & string) | NoInfer<G>>;
  readonly limit?: number;
}
/** The columns of the group, and the figures under the names that `select` gave them. */
export type AggregateRow<T extends AnyTable, A extends Aggregates, G extends Columns<T>> = {
  readonly [C in G]: z.output<T['shape'][C]>;
} & { readonly [F in keyof A]: A[F] extends Aggregate<infer R> ? R : never };

interface Asked {
  readonly asked: Aggregates;
  readonly groupBy?: readonly string[];
  readonly where?: object;
  readonly removed?: Removed;
  readonly orderBy?: OrderBy<string>;
  readonly limit?: number;
}

interface Figure {
  readonly name: string;
  readonly sql: string;
  readonly sort: string;
  readonly decode: (raw: unknown) => unknown;
  /** Its value is a whole number, or it is past what a number holds. */
  readonly isWhole?: boolean;
}

export interface CompiledAggregate {
  readonly script: Script;
  readonly decode: (row: RawRow) => Result<RawRow, InvalidRow>;
}

export function compileAggregate(
  table: CompiledTable,
  { asked, groupBy = [], orderBy = [], limit, ...conditions }: Asked,
): Result<CompiledAggregate, InvalidCall | InvalidRow> {
  const statement = new Statement(table.flavour);
  const twice = groupBy.find((name) => Object.hasOwn(asked, name));
  if (twice !== undefined) return err(table.refused(`${twice} is both a group and a figure`));
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0))
    return err(table.refused('a limit is a whole number from 0'));
  const figures = Result.combine([
    ...groupBy.map((name) => table.column(name).map((column) => groupOf(table, column))),
    ...Object.entries(asked).map(([name, one]) => figureOf(table, name, one)),
  ]);
  return figures.andThen((all) => {
    const order = orderOf(table, orderBy, all);
    return Result.combine([filter(table, conditions, statement), order]).map(([where, ordered]) => {
      const groups = groupBy.map((name) => table.flavour.quoted(name));
      const sql = [
        `SELECT ${all.map((figure) => `${figure.sql} AS ${table.flavour.quoted(figure.name)}`).join(', ')}`,
        `FROM ${table.sql}${where}`,
        ...(groups.length === 0 ? [] : [`GROUP BY ${groups.join(', ')}`]),
        ...(ordered === '' ? [] : [`ORDER BY ${ordered}`]),
        ...(limit === undefined ? [] : [`LIMIT ${statement.bind(limit)}`]),
      ].join(' ');
      const decode = (row: RawRow): Result<RawRow, InvalidRow> => {
        const read = all.map(({ name, decode: one }) => [name, one(row[name])] as const);
        const past = read.find(([, value], at) => all[at]?.isWhole && value !== null && !Number.isSafeInteger(value));
        if (past === undefined) return ok(Object.fromEntries(read));
        const message = `${String(past[1])} is past what a number holds exactly: declare the column as z.bigint()`;
        return err(invalid(table.name, 'read', [{ path: [past[0]], message }]));
      };
      return { script: statement.ended(sql), decode };
    });
  });
}

function groupOf({ flavour }: CompiledTable, column: CompiledColumn): Figure {
  return {
    name: column.name,
    sql: flavour.asText(column, column.sql),
    sort: flavour.comparable(column, column.qualified),
    decode: (raw) => (raw === null || !column.decode ? raw : column.decode(raw)),
  };
}

function figureOf(
  table: CompiledTable,
  name: string,
  { of, column: on }: Aggregate<unknown>,
): Result<Figure, InvalidCall> {
  if (of === 'count') return ok(counted(name, '*'));
  return table.column(on ?? '').andThen((column): Result<Figure, InvalidCall> => {
    if (of === 'countDistinct') return ok(counted(name, `DISTINCT ${column.sql}`));
    if (!Object.hasOwn(FIGURES, of) || !(FIGURES[of] ?? []).includes(column.kind))
      return err(table.refused(`${column.name}: a column of ${column.kind} has no ${of}`));
    const { sql, sort = sql, decode } = table.flavour.figure(column, of, column.sql);
    const read = decode ?? (of === 'avg' ? readInteger : (column.decode ?? ((raw: unknown) => raw)));
    const isWhole = of === 'sum' && column.kind === 'integer';
    return ok({ name, sql, sort, decode: (raw) => (raw === null ? null : read(raw)), isWhole });
  });
}

const NUMBERS = ['integer', 'real', 'bigint', 'decimal'];
const FIGURES: Readonly<Record<string, readonly string[]>> = {
  sum: NUMBERS,
  avg: NUMBERS,
  min: [...NUMBERS, 'text', 'instant'],
  max: [...NUMBERS, 'text', 'instant'],
};

const counted = (name: string, what: string): Figure => ({
  name,
  sql: `count(${what})`,
  sort: `count(${what})`,
  decode: readInteger,
});

function orderOf(
  table: CompiledTable,
  orderBy: OrderBy<string>,
  figures: readonly Figure[],
): Result<string, InvalidCall> {
  const known = new Map(figures.map(({ name, sort }) => [name, sort]));
  return Result.combine(
    orderings(orderBy).map(({ column, direction }: { column: string; direction: Direction }) => {
      const sort = known.get(column);
      if (direction !== 'asc' && direction !== 'desc')
        return err(table.refused(`${column}: the direction is asc or desc`));
      return sort === undefined
        ? err(table.refused(`the order names ${JSON.stringify(column)}, which is not selected`))
        : ok(`${sort}${direction === 'desc' ? ' DESC' : ''} ${table.flavour.nullsOf(direction)}`.trimEnd());
    }),
  ).map((texts) => texts.join(', '));
}
