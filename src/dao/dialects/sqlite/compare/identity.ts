// Decides by what a row of one version of a table is the same row in the other version: its rowid, its key, or nothing.
import { ok, okAsync, ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { ALIAS, column } from './cells.js';
import { foldName, mainTable } from './identifiers.js';
import { type Key, primaryKey, rowidKey, walkKey } from './key.js';
import type { TableShape } from './shape.js';

/** One version of the table, as one session sees it. */
export interface Version {
  readonly session: Session;
  readonly shape: TableShape;
}

/** `keyed`: equal keys are the same row. `multiset`: rows have no usable identity, and the keys only walk the tables. */
export interface Identity {
  readonly kind: 'keyed' | 'multiset';
  readonly before: Key;
  readonly after: Key;
}

/** A column that was added, with the expression (without columns) that its rows were filled with. */
export interface AddedColumn {
  readonly column: string;
  readonly filledWith: string;
}

/** `rebuilt`: the step made the table anew, so that a rowid without a name of its own may have changed. */
export interface CompareOptions {
  readonly rebuilt: boolean;
  /** Columns that only the version after has, and what a row that was not written to holds in them. */
  readonly added?: readonly AddedColumn[];
}

/** The collations whose equality a comparison can follow outside of an index. */
const FOLLOWED = new Set(['BINARY', 'NOCASE', 'RTRIM']);

/** The strongest identity that both versions share. */
export function chooseIdentity(
  before: Version,
  after: Version,
  options: CompareOptions & { readonly encodings: 'same' | 'different' },
): ResultAsync<Identity, SqlError> {
  const rowids = options.rebuilt ? sameAlias(before.shape, after.shape) : sameKindOfRowid(before.shape, after.shape);
  const [old, now] = [rowidKey(before.shape), rowidKey(after.shape)];
  if (rowids && old !== undefined && now !== undefined) return okAsync({ kind: 'keyed', before: old, after: now });

  const walked: Identity = { kind: 'multiset', before: walkKey(before.shape), after: walkKey(after.shape) };
  const [oldKey, nowKey] = [primaryKey(before.shape), primaryKey(after.shape)];
  // Places of one side are literals in its own encoding, which the other would misread.
  if (oldKey === undefined || nowKey === undefined || options.encodings === 'different') return okAsync(walked);
  if (!sameKey(before.shape, after.shape)) return okAsync(walked);
  return ResultAsync.combine([hasNullKeys(before), hasNullKeys(after)]).andThen((nulls) =>
    ok(nulls.includes(true) ? walked : { kind: 'keyed' as const, before: oldKey, after: nowKey }),
  );
}

/** A table that was not made anew keeps its rowids, whatever its columns are called now. */
function sameKindOfRowid(before: TableShape, after: TableShape): boolean {
  return (before.rowidAlias === undefined) === (after.rowidAlias === undefined);
}

/** The alias has the same name on both sides, or a name that the other side has not: then it was renamed. */
function sameAlias(before: TableShape, after: TableShape): boolean {
  if (before.rowidAlias === undefined || after.rowidAlias === undefined) return false;
  const [old, now] = [foldName(before.rowidAlias), foldName(after.rowidAlias)];
  if (old === now) return true;
  return !before.columns.map(foldName).includes(now) && !after.columns.map(foldName).includes(old);
}

function sameKey(before: TableShape, after: TableShape): boolean {
  if (before.primaryKey.length !== after.primaryKey.length) return false;
  return before.primaryKey.every((part, i) => {
    const other = after.primaryKey[i];
    if (other === undefined || foldName(part.column) !== foldName(other.column)) return false;
    const collation = part.collation.toUpperCase();
    if (collation !== other.collation.toUpperCase() || !FOLLOWED.has(collation)) return false;
    return part.affinity === undefined || other.affinity === undefined || part.affinity === other.affinity;
  });
}

/** Only a rowid table lets the columns of its primary key be NULL, and then as often as it likes. */
function hasNullKeys({ session, shape }: Version): ResultAsync<boolean, SqlError> {
  if (shape.withoutRowid || shape.rowidAlias !== undefined) return okAsync(false);
  const nulls = shape.primaryKey.map((part) => `${column(part.column)} IS NULL`).join(' OR ');
  return session
    .all(`SELECT 1 FROM ${mainTable(shape.name)} AS ${ALIAS} WHERE ${nulls} LIMIT 1`)
    .map((found) => found.length > 0);
}
