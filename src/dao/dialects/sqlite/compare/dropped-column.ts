// Measures what dropping a column loses: its values, unless another column of the table took all of them over.
import { err, ok, type Result, ResultAsync } from 'neverthrow';
import type { Session, SqlError, SqlValue } from '../../../../core/ports/session.js';
import { ALIAS, column as columnOf, nullPositions } from './cells.js';
import { foldName, mainTable } from './identifiers.js';
import type { CompareOptions, Version } from './identity.js';
import { walkKey } from './key.js';
import { firstKeysWithValue } from './readable-keys.js';
import type { TableShape } from './shape.js';
import { type ColumnPair, commonColumns, prepareSides } from './sides.js';
import { walkAsMultiset } from './walk-as-multiset.js';
import { type KeyedRow, walkByKey } from './walk-by-key.js';

/** What a dropped column takes with it. */
export interface ColumnLoss {
  /** Rows in which the column had a value, deleted rows included; 0 if it was renamed. */
  readonly rows: number;
  /** Up to 5 keys of such rows. */
  readonly keys: readonly string[];
  /** The new column that holds exactly the same value in every row that is left. */
  readonly renamedTo?: string;
}

/**
 * `column` is one of `beforeShape` that `afterShape` has not. Of rows without a usable identity a rename is only believed
 * if no other common column of any row changed.
 */
export function droppedColumnLoss(
  before: Session,
  beforeShape: TableShape,
  after: Session,
  afterShape: TableShape,
  column: string,
  options: CompareOptions,
): ResultAsync<ColumnLoss, SqlError> {
  const old: Version = { session: before, shape: beforeShape };
  const now: Version = { session: after, shape: afterShape };
  return countValues(old, column).andThen((rows) => {
    if (rows === 0) return ok<ColumnLoss>({ rows: 0, keys: [] });
    return new ResultAsync(findRename(old, now, column, rows, options)).andThen((renamedTo) => {
      if (renamedTo !== undefined) return ok<ColumnLoss>({ rows: 0, keys: [], renamedTo });
      return firstKeysWithValue(old, walkKey(beforeShape), column).map((keys): ColumnLoss => ({ rows, keys }));
    });
  });
}

async function findRename(
  before: Version,
  after: Version,
  name: string,
  values: number,
  options: CompareOptions,
): Promise<Result<string | undefined, SqlError>> {
  const known = new Set(before.shape.columns.map(foldName));
  for (const candidate of after.shape.columns.filter((other) => !known.has(foldName(other)))) {
    const same = await tookOver(before, after, { before: name, after: candidate }, values, options);
    if (same.isErr()) return err(same.error);
    if (same.value) return ok(candidate);
  }
  return ok(undefined);
}

/** At least one value must be left to tell by: a column of which nothing survived was not renamed. */
function tookOver(
  before: Version,
  after: Version,
  pair: ColumnPair,
  values: number,
  options: CompareOptions,
): ResultAsync<boolean, SqlError> {
  return prepareSides(before, after, [pair], options).andThen((sides) => {
    if (sides.kind === 'multiset') return tookOverUnkeyed(before, after, pair, values, options);
    let left = values;
    let same = true;
    return walkByKey(sides.before, sides.after, (difference) => {
      if (difference.kind === 'deleted' && hasValue(difference.row)) left -= 1;
      if (difference.kind === 'updated') same = false;
      return same ? 'go-on' : 'stop';
    }).map(() => same && left > 0);
  });
}

function tookOverUnkeyed(
  before: Version,
  after: Version,
  pair: ColumnPair,
  values: number,
  options: CompareOptions,
): ResultAsync<boolean, SqlError> {
  const pairs = [...commonColumns(before, after), pair];
  return prepareSides(before, after, pairs, options)
    .andThen((sides) => walkAsMultiset(sides.before, sides.after))
    .map(({ removed, added }) => Math.min(removed, added) === 0 && values > removed);
}

function hasValue(row: KeyedRow): boolean {
  return nullPositions(row.content, row.cells).size === 0;
}

function countValues({ session, shape }: Version, name: string): ResultAsync<number, SqlError> {
  return session
    .all<{ readonly n: SqlValue }>(`SELECT count(${columnOf(name)}) AS n FROM ${mainTable(shape.name)} AS ${ALIAS}`)
    .map((found) => Number(found[0]?.n ?? 0));
}
