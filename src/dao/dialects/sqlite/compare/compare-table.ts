// Compares two versions of one table row by row and counts what was inserted, updated, deleted and set to NULL.
import { ok, okAsync, ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { ALIAS, column, nullPositions } from './cells.js';
import { mainTable } from './identifiers.js';
import type { CompareOptions, Version } from './identity.js';
import { EXAMPLES, readableKeys } from './readable-keys.js';
import type { TableShape } from './shape.js';
import { type ColumnPair, commonColumns, prepareSides, type Sides } from './sides.js';
import { walkAsMultiset } from './walk-as-multiset.js';
import { type KeyedRow, type Locator, walkByKey } from './walk-by-key.js';

/** Rows of one column that had a value and are NULL now. */
export interface NulledColumn {
  /** As it was called before. */
  readonly column: string;
  readonly rows: number;
  /** Up to 5 keys of such rows. */
  readonly keys: readonly string[];
}

/** What happened to the rows of a table, over the columns that both versions have. */
export interface RowComparison {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Up to 5 keys of deleted rows, as readable text: `3`, `'x'` or `(3, 'x')`; none if the rows were not keyed. */
  readonly deletedKeys: readonly string[];
  /** Only columns with such rows. Of rows that were not keyed, the least number that explains the values. */
  readonly nulled: readonly NulledColumn[];
  /** False: rows had no usable identity and were compared as a multiset, in which a changed row is one removed and one added. */
  readonly keyed: boolean;
}

/**
 * Exact: values are the same when type and content are, whatever a column's collation says. The two tables may differ in
 * name and columns. Set `rebuilt` where the table was made anew, or one version went through VACUUM: rowids that have no
 * column of their own are then no identity. Memory stays that of a page; the sessions only read.
 */
export function compareTable(
  before: Session,
  beforeShape: TableShape,
  after: Session,
  afterShape: TableShape,
  options: CompareOptions,
): ResultAsync<RowComparison, SqlError> {
  const old: Version = { session: before, shape: beforeShape };
  const now: Version = { session: after, shape: afterShape };
  const pairs = commonColumns(old, now);
  return prepareSides(old, now, pairs, options).andThen((sides) =>
    sides.kind === 'keyed' ? compareByKey(old, pairs, sides) : compareAsMultiset(old, now, pairs, sides),
  );
}

class Counts {
  inserted = 0;
  updated = 0;
  deleted = 0;
  readonly deletedRows: Locator[] = [];
  /** By the position of the column. */
  readonly nulled = new Map<number, { rows: number; readonly examples: Locator[] }>();

  delete(row: KeyedRow): void {
    this.deleted += 1;
    if (this.deletedRows.length < EXAMPLES) this.deletedRows.push(row.found);
  }

  update(row: KeyedRow, now: Buffer): void {
    this.updated += 1;
    const nulls = nullPositions(now, row.cells);
    if (nulls.size === 0) return;
    const before = nullPositions(row.content, row.cells);
    for (const position of nulls) if (!before.has(position)) this.#null(position, row.found);
  }

  #null(position: number, row: Locator): void {
    const nulled = this.nulled.get(position) ?? { rows: 0, examples: [] };
    nulled.rows += 1;
    if (nulled.examples.length < EXAMPLES) nulled.examples.push(row);
    this.nulled.set(position, nulled);
  }
}

function compareByKey(
  before: Version,
  pairs: readonly ColumnPair[],
  sides: Sides,
): ResultAsync<RowComparison, SqlError> {
  const counts = new Counts();
  return walkByKey(sides.before, sides.after, (difference) => {
    if (difference.kind === 'inserted') counts.inserted += difference.rows;
    else if (difference.kind === 'deleted') counts.delete(difference.row);
    else counts.update(difference.row, difference.now);
    return 'go-on';
  })
    .andThen(() =>
      ResultAsync.combine([
        readableKeys(before, sides.before.key, counts.deletedRows),
        readableNulled(before, pairs, sides, counts),
      ]),
    )
    .map(([deletedKeys, nulled]) => {
      const { inserted, updated, deleted } = counts;
      return { inserted, updated, deleted, deletedKeys, nulled, keyed: true };
    });
}

function readableNulled(
  before: Version,
  pairs: readonly ColumnPair[],
  sides: Sides,
  counts: Counts,
): ResultAsync<NulledColumn[], SqlError> {
  const columns = pairs.flatMap((pair, i) => {
    const found = counts.nulled.get(i);
    if (found === undefined) return [];
    const keys = readableKeys(before, sides.before.key, found.examples);
    return [keys.map((shown): NulledColumn => ({ column: pair.before, rows: found.rows, keys: shown }))];
  });
  return ResultAsync.combine(columns);
}

function compareAsMultiset(
  before: Version,
  after: Version,
  pairs: readonly ColumnPair[],
  sides: Sides,
): ResultAsync<RowComparison, SqlError> {
  return walkAsMultiset(sides.before, sides.after).andThen(({ removed, added }) => {
    const updated = Math.min(removed, added);
    const deleted = removed - updated;
    const counted = { inserted: added - updated, updated, deleted, deletedKeys: [], keyed: false };
    if (updated === 0) return ok({ ...counted, nulled: [] });
    return leastNulled(before, after, pairs, deleted).map((nulled) => ({ ...counted, nulled }));
  });
}

/** Values that are gone and that no deleted row can have taken along. */
function leastNulled(
  before: Version,
  after: Version,
  pairs: readonly ColumnPair[],
  deleted: number,
): ResultAsync<NulledColumn[], SqlError> {
  return ResultAsync.combine([
    countValues(
      before,
      pairs.map((pair) => pair.before),
    ),
    countValues(
      after,
      pairs.map((pair) => pair.after),
    ),
  ]).map(([old, now]) =>
    pairs.flatMap((pair, i) => {
      const rows = (old[i] ?? 0) - (now[i] ?? 0) - deleted;
      return rows > 0 ? [{ column: pair.before, rows, keys: [] }] : [];
    }),
  );
}

/** Per column, the number of rows in which it has a value. */
function countValues(version: Version, columns: readonly string[]): ResultAsync<number[], SqlError> {
  if (columns.length === 0) return okAsync([]);
  const counts = columns.map((name, i) => `count(${column(name)}) AS "${i}"`).join(', ');
  return version.session
    .all(`SELECT ${counts} FROM ${mainTable(version.shape.name)} AS ${ALIAS}`)
    .map((found) => columns.map((_, i) => Number(found[0]?.[String(i)] ?? 0)));
}
