// The account of a step: what its statements did so far, as plain data that a savepoint can go back to. Pure.
import type { TableEffects } from '../../../../core/events/effects.js';
import type { SetColumns } from '../../../../core/ports/script-splitter.js';
import type { Image } from './image.js';
import type { StatementFacts } from './statement.js';

/** A relation's counters of the transaction, as the server has them: rows inserted, updated, deleted, and read by scans. */
export type Counters = readonly [inserted: number, updated: number, deleted: number, read: number];

export interface ColumnLoss {
  readonly oid: number;
  readonly number: number;
  readonly column: string;
  readonly rows: number;
}

export interface Account {
  readonly rows: ReadonlyMap<number, TableEffects>;
  /** Rows that a table had when it was dropped, less those that the step had put there: fewer than none, where it took some again. */
  readonly dropped: ReadonlyMap<number, number>;
  /** Rows that a table had when it was truncated, less those that the step had put there. */
  readonly truncated: ReadonlyMap<number, number>;
  readonly rewritten: ReadonlySet<number>;
  /** Their rows may have been taken and put there anew by one statement: the server did not count what was taken. */
  readonly refilled: ReadonlySet<number>;
  readonly columns: readonly ColumnLoss[];
  /** Columns that the step made in tables, by their bare names: nobody else has put a value there. */
  readonly made: readonly SetColumns[];
  /** Rows that had a value in an attribute of a type which was dropped, by where that is. */
  readonly attributes: ReadonlyMap<string, number>;
  /** Where rows are kept now, for tables whose rows have moved. */
  readonly filenodes: ReadonlyMap<number, number>;
  /** What tables held before rows of theirs could change, where nobody else can look any more. */
  readonly images: ReadonlyMap<number, Image>;
  /** Names that the step took away or gave away on purpose. */
  readonly named: ReadonlySet<string>;
  /** Foreign keys were not looked after by the server at times. */
  readonly unchecked: boolean;
  /** What can have become of the schema: `grown` where no object has another name than before, `added` where relations only came, or grew. */
  readonly schema: 'kept' | 'added' | 'grown' | 'unknown';
}

export const NOTHING: Account = {
  rows: new Map(),
  dropped: new Map(),
  truncated: new Map(),
  rewritten: new Set(),
  refilled: new Set(),
  columns: [],
  made: [],
  attributes: new Map(),
  filenodes: new Map(),
  images: new Map(),
  named: new Set(),
  unchecked: false,
  schema: 'kept',
};

/** Pure: a statement added a relation, or columns to one. */
export const withAddition = (
  account: Account,
  { sets }: Pick<StatementFacts, 'sets'>,
  schema: Account['schema'],
): Account => ({ ...account, schema, made: sets?.makes ? [...account.made, sets] : account.made });

/** Whether the step made that column itself. */
export const isMade = ({ made }: Pick<Account, 'made'>, table: string, column: string): boolean =>
  made.some((one) => one.table === table && one.columns.includes(column));

/** How the rows of one statement are to be read. */
export interface Reading {
  /** The relations whose counters began anew. */
  readonly wiped: ReadonlySet<number>;
  /** What goes out of one partition goes into another of the same table, by its root. */
  readonly moves?: (oid: number) => number | undefined;
}

/**
 * What was done between two looks at the counters. They begin at what is left of earlier transactions, and a truncation
 * sets them back to that.
 */
export function rowsBetween(
  base: ReadonlyMap<number, Counters>,
  last: ReadonlyMap<number, Counters>,
  now: ReadonlyMap<number, Counters>,
  { wiped, moves }: Reading,
): ReadonlyMap<number, TableEffects> {
  const done = new Map<number, TableEffects>();
  for (const [oid, counters] of now) {
    const before = last.get(oid) ?? ZERO;
    const anew = wiped.has(oid) || COLUMNS.some((at) => counters[at] < before[at]);
    const [inserted = 0, updated = 0, deleted = 0] = COLUMNS.map((at) =>
      Math.max(0, counters[at] - (anew ? (base.get(oid) ?? ZERO) : before)[at]),
    );
    if (inserted + updated + deleted > 0) done.set(oid, { inserted, updated, deleted });
  }
  return moves === undefined ? done : withMoves(done, moves);
}
const ZERO: Counters = [0, 0, 0, 0];
const COLUMNS = [0, 1, 2] as const;

/** Rows that an UPDATE took out of one partition and put into another were updated. */
function withMoves(
  done: ReadonlyMap<number, TableEffects>,
  rootOf: (oid: number) => number | undefined,
): ReadonlyMap<number, TableEffects> {
  const moved = new Map<number, TableEffects>();
  for (const [oid, effects] of done) {
    const root = rootOf(oid);
    moved.set(root ?? oid, sum(moved.get(root ?? oid), effects));
  }
  return new Map(
    [...moved].map(([oid, { inserted, updated, deleted }]) => {
      const both = done.has(oid) ? 0 : Math.min(inserted, deleted);
      return [oid, { inserted: inserted - both, updated: updated + both, deleted: deleted - both }];
    }),
  );
}

export const sum = (one: TableEffects | undefined, other: TableEffects): TableEffects => ({
  inserted: (one?.inserted ?? 0) + other.inserted,
  updated: (one?.updated ?? 0) + other.updated,
  deleted: (one?.deleted ?? 0) + other.deleted,
});

/** Adds up per relation. */
export function added(
  rows: ReadonlyMap<number, TableEffects>,
  more: ReadonlyMap<number, TableEffects>,
): ReadonlyMap<number, TableEffects> {
  if (more.size === 0) return rows;
  const all = new Map(rows);
  for (const [oid, effects] of more) all.set(oid, sum(all.get(oid), effects));
  return all;
}

/** The accounts at a transaction's savepoints, innermost last; two may have one name, the inner one hides the outer. */
export class Savepoints {
  #all: { readonly name: string; readonly account: Account }[] = [];

  set(name: string, account: Account): void {
    this.#all.push({ name, account });
  }

  release(name: string): void {
    const at = this.#all.findLastIndex((one) => one.name === name);
    if (at >= 0) this.#all = this.#all.slice(0, at);
  }

  /** The account as it was at that savepoint, which stays. */
  back(name: string): Account | undefined {
    const at = this.#all.findLastIndex((one) => one.name === name);
    if (at >= 0) this.#all = this.#all.slice(0, at + 1);
    return this.#all[at]?.account;
  }
}
