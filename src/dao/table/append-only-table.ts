// A table to which rows are only ever added, each hashed with the one before it: what was written cannot change unseen.
import * as z from 'zod';
import { defineTable, type AnyTable, type ColumnOf, type Shape, type Table, type TableOptions } from './table.js';

const CHAIN = { position: z.int(), previous_hash: z.string(), hash: z.string() };
type Chain = typeof CHAIN;
/** The columns that the chain itself has. */
export const CHAINED = ['position', 'previous_hash', 'hash'] as const;
interface ChainOptions {
  readonly primaryKey: 'position';
  readonly generated: typeof CHAINED;
}

/** What a table may have that only grows; its key is `position`. */
export interface AppendOnlyOptions<C extends string> extends Pick<TableOptions<C>, 'schema' | 'reads'> {
  /** Set to the time at which the row is appended. */
  readonly timestamps?: { readonly createdAt: C };
}
/** Made by `defineAppendOnlyTable`: the columns that were declared, and those of the chain. */
export type AppendOnlyTable<S extends Shape, O extends AppendOnlyOptions<ColumnOf<S>>> = Table<
  S & Chain,
  O & ChainOptions
> & { readonly appendOnly: true };
/** An append-only table of any shape. */
export type AnyAppendOnlyTable = AnyTable & { readonly appendOnly: true };

/**
 * Declares an append-only table. It has three columns more than are written here: `position` (integer, the primary key,
 * gapless from 1), `previous_hash` and `hash` (text), which the DAO fills in. A step creates the table, and takes from
 * `appendOnlyGuards` what keeps everybody else from changing it.
 * @example
 * const ChainOfCustody = defineAppendOnlyTable('chain_of_custody', {
 *   evidence_id: z.int(), action: z.enum(['received', 'examined', 'released']), actor: z.string(), at: z.date(),
 * }, { timestamps: { createdAt: 'at' } });
 */
export function defineAppendOnlyTable<S extends Shape, const O extends AppendOnlyOptions<ColumnOf<S>> = object>(
  name: string,
  shape: S,
  options?: O,
): AppendOnlyTable<S, O> {
  const taken = CHAINED.filter((column) => Object.hasOwn(shape, column));
  if (taken.length > 0) throw new TypeError(`table ${name}: ${taken.join(', ')} is the chain's own: leave it out`);
  const all: TableOptions<string> = { ...options, primaryKey: 'position', generated: CHAINED };
  const table = { ...defineTable(name, { ...shape, ...CHAIN }, all), appendOnly: true };
  return Object.freeze(table) as AnyTable as AppendOnlyTable<S, O>;
}
