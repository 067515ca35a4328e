// Conditions, as callers write them: typed by the columns of the table.
import type { MarkOf } from '../table/column.js';
import type { AnyTable, Columns } from '../table/table.js';
import type * as z from 'zod';

type Value<T extends AnyTable, C extends Columns<T>> = z.output<T['shape'][C]>;
/** What can be compared by order; booleans, bytes and JSON cannot. */
type Ordered = string | number | bigint | Date;
type Scalar = Ordered | boolean | Uint8Array;

interface Equality<V> {
  /** `eq` and `ne` take null for a value like any other: `ne: 'x'` finds the rows that hold nothing, too. */
  readonly eq?: V;
  readonly ne?: V;
  /** An empty list holds for no row. */
  readonly in?: readonly NonNullable<V>[];
  /** An empty list holds for every row, and a row that holds nothing is in no list. */
  readonly notIn?: readonly NonNullable<V>[];
}
interface Order<V> {
  readonly gt?: V;
  readonly gte?: V;
  readonly lt?: V;
  readonly lte?: V;
}
/** By letters as they are: `%` and `_` mean themselves, upper and lower case differ. */
interface Text {
  readonly contains?: string;
  readonly startsWith?: string;
  readonly endsWith?: string;
}
interface Nullable {
  readonly isNull?: boolean;
}

/** What can be asked of a column that holds `V`. */
export type Condition<V> =
  | ([NonNullable<V>] extends [Scalar] ? V : never)
  | (([NonNullable<V>] extends [Scalar] ? Equality<V> : unknown) &
      ([NonNullable<V>] extends [Ordered] ? Order<NonNullable<V>> : unknown) &
      ([NonNullable<V>] extends [string] ? Text : unknown) &
      (null extends V ? Nullable : unknown));
/** JSON is only there, or is not. */
type JsonCondition<V> = null extends V ? null | (Nullable & { readonly eq?: null; readonly ne?: null }) : never;
type IsJson<S extends z.ZodType> =
  'json' extends MarkOf<S> ? true : [NonNullable<z.output<S>>] extends [Scalar] ? false : true;

/** Columns and what they must hold, all of them at once. */
export type ColumnConditions<T extends AnyTable> = {
  readonly [C in Columns<T>]?: IsJson<T['shape'][C]> extends true ? JsonCondition<Value<T, C>> : Condition<Value<T, C>>;
};

const COMBINED: unique symbol = Symbol('migrate-safe/where');
/** Made by `and`, `or` and `not`. */
export interface Combined<T extends AnyTable> {
  readonly [COMBINED]: 'and' | 'or' | 'not';
  readonly parts: readonly Where<T>[];
}
/** A condition: columns and what they must hold, or conditions that are combined. */
export type Where<T extends AnyTable> = ColumnConditions<T> | Combined<T>;

/** All of them; of none, every row. */
export const and = <T extends AnyTable>(...parts: readonly Where<T>[]): Combined<T> => ({ [COMBINED]: 'and', parts });
/** At least one of them; of none, no row. */
export const or = <T extends AnyTable>(...parts: readonly Where<T>[]): Combined<T> => ({ [COMBINED]: 'or', parts });
/** Also for rows in which the condition is neither true nor false, for want of a value. */
export const not = <T extends AnyTable>(part: Where<T>): Combined<T> => ({ [COMBINED]: 'not', parts: [part] });

export const combinationOf = (where: object): Combined<AnyTable>[typeof COMBINED] | undefined =>
  (where as Partial<Combined<AnyTable>>)[COMBINED];
