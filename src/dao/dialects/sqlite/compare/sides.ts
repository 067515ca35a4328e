// Prepares two versions of a table to be compared over given pairs of columns: one identity, one encoding, two sides.
import { okAsync, ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { cell, column, type Carriage, joined } from './cells.js';
import { foldName, mainTable } from './identifiers.js';
import { chooseIdentity, type CompareOptions, type Version } from './identity.js';
import { identityOf, type Key } from './key.js';
import type { Side } from './page.js';

/** A column before and the column after that is compared with it. */
export interface ColumnPair {
  readonly before: string;
  readonly after: string;
}

/** What a walk of either kind needs. */
export interface Sides {
  readonly kind: 'keyed' | 'multiset';
  readonly before: Side;
  readonly after: Side;
}

/** Columns of the same name (A to Z in either case) in the order of the version before. */
export function commonColumns(before: Version, after: Version): readonly ColumnPair[] {
  const now = new Map(after.shape.columns.map((name) => [foldName(name), name]));
  return before.shape.columns.flatMap((name) => {
    const other = now.get(foldName(name));
    return other === undefined ? [] : [{ before: name, after: other }];
  });
}

/** The two sides over these pairs of columns; a keyed row's content begins with its key. */
export function prepareSides(
  before: Version,
  after: Version,
  pairs: readonly ColumnPair[],
  options: CompareOptions,
): ResultAsync<Sides, SqlError> {
  return ResultAsync.combine([encodingOf(before.session), encodingOf(after.session)]).andThen(([old, now]) => {
    const added = options.added ?? [];
    const carriage = old === 'UTF-8' && now === 'UTF-8' ? 'bytes' : 'text';
    return chooseIdentity(before, after, { ...options, encodings: old === now ? 'same' : 'different' }).map(
      (identity) => ({
        kind: identity.kind,
        before: sideOf(
          before,
          identity.kind,
          identity.before,
          [...pairs.map((pair) => column(pair.before)), ...added.map((one) => one.filledWith)],
          carriage,
        ),
        after: sideOf(
          after,
          identity.kind,
          identity.after,
          [...pairs.map((pair) => column(pair.after)), ...added.map((one) => column(one.column))],
          carriage,
        ),
      }),
    );
  });
}

function sideOf(
  version: Version,
  kind: Sides['kind'],
  key: Key,
  expressions: readonly string[],
  carriage: Carriage,
): Side {
  const cells = joined(expressions.map((one) => cell(one, carriage)));
  return {
    session: version.session,
    table: mainTable(version.shape.name),
    key,
    content: kind === 'keyed' ? `${identityOf(key)}||';'||${cells}` : cells,
    carriage,
    virtual: version.shape.virtual === true,
  };
}

/** A database that has a table keeps its encoding (https://sqlite.org/pragma.html#pragma_encoding): it is asked for once. */
const encodings = new WeakMap<Session, string>();

function encodingOf(session: Session): ResultAsync<string, SqlError> {
  const known = encodings.get(session);
  if (known !== undefined) return okAsync(known);
  return session.all<{ readonly encoding: string }>('SELECT encoding FROM pragma_encoding').map((found) => {
    const encoding = found[0]?.encoding ?? 'UTF-8';
    encodings.set(session, encoding);
    return encoding;
  });
}
