// In which order rows come: columns, each up or down. A row without a value comes last either way up, first the other.
import type { AnyTable, Columns } from '../table/table.js';

/** A row without a value comes last going up, first going down. */
export type Direction = 'asc' | 'desc';
/** `['model', ['started_at', 'desc']]` */
export type OrderBy<C extends string> = readonly (C | readonly [C, Direction])[];
export type OrderByColumns<T extends AnyTable> = OrderBy<Columns<T>>;

export interface Ordering {
  readonly column: string;
  readonly direction: Direction;
}

export const orderings = (orderBy: OrderBy<string>): readonly Ordering[] =>
  orderBy.map((one) => {
    if (typeof one === 'string') return { column: one, direction: 'asc' };
    // Callers without a compiler may give anything: it is no column.
    return Array.isArray(one) ? { column: one[0], direction: one[1] } : { column: String(one), direction: 'asc' };
  });
