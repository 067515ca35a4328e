// Walks two versions of a table in the order of their common key and tells every difference; memory stays that of a few pages.
import { err, ok, type Result, ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { Place } from './key.js';
import {
  countBeyond,
  firstLimit,
  nextLimit,
  type Page,
  placeAt,
  readPage,
  rowsOf,
  samePage,
  type Side,
} from './page.js';

/** Where a row of the version before is found again: so many rows (from 0) behind a place. */
export interface Locator {
  readonly after: Place | undefined;
  readonly index: number;
}

/** A keyed row as its side wrote it; its cells begin behind the identity, at the byte `cells`. */
export interface KeyedRow {
  readonly content: Buffer;
  readonly cells: number;
  readonly found: Locator;
}

/** One difference between the two versions; `row` is the version before, `now` the one after. */
export type Difference =
  | { readonly kind: 'inserted'; readonly rows: number }
  | { readonly kind: 'deleted'; readonly row: KeyedRow }
  | { readonly kind: 'updated'; readonly row: KeyedRow; readonly now: Buffer };

/** Hears each difference; `stop` ends the walk. */
export type Visit = (difference: Difference) => 'go-on' | 'stop';

/** The two sides must have keys of the same kind, columns, collations and affinities. */
export function walkByKey(before: Side, after: Side, visit: Visit): ResultAsync<void, SqlError> {
  return new ResultAsync(walk(before, after, visit));
}

async function walk(before: Side, after: Side, visit: Visit): Promise<Result<void, SqlError>> {
  let limit = firstLimit(before, after);
  let place: Place | undefined;
  for (;;) {
    const span = { after: place, limit };
    const read = await ResultAsync.combine([readPage(before, span), readPage(after, span)]);
    if (read.isErr()) return err(read.error);
    const [old, now] = read.value;
    limit = nextLimit(old, now, [before, after]);
    let end = old.last ?? now.last;
    if (!samePage(old, now)) {
      if (old.rows === 0) return tellTheRest(after, place, visit);
      const compared = await comparePages(before, after, place, [old, now], visit);
      if (compared.isErr()) return err(compared.error);
      end = compared.value;
    }
    if (end === undefined) return ok(undefined);
    place = end;
  }
}

/** Gives the place up to which both versions are compared; undefined if that was the end, or the visit stopped. */
async function comparePages(
  before: Side,
  after: Side,
  place: Place | undefined,
  [old, now]: readonly [Page, Page],
  visit: Visit,
): Promise<Result<Place | undefined, SqlError>> {
  const left = new Map<string, KeyedRow>();
  for (const [index, content] of rowsOf(before, old).entries()) {
    const cells = content.indexOf(';') + 1;
    left.set(content.toString('latin1', 0, cells), { content, cells, found: { after: place, index } });
  }
  if (old.last === now.last)
    return ok(matchAll(left, rowsOf(after, now), visit) && tellLeft(left, visit) ? old.last : undefined);

  // The two pages end at different rows: the page after is read again up to where the page before ends.
  const end = await (old.last === undefined ? placeAt(before, place, old.rows - 1) : ok(old.last));
  if (end.isErr()) return err(end.error);
  for (let cursor = place; ;) {
    const page = await readPage(after, { after: cursor, upTo: end.value, limit: now.limit });
    if (page.isErr()) return err(page.error);
    if (!matchAll(left, rowsOf(after, page.value), visit)) return ok(undefined);
    cursor = page.value.last;
    if (cursor === undefined) return ok(tellLeft(left, visit) ? end.value : undefined);
  }
}

/** Takes the twin of each row out of `left`; false if the visit stopped. */
function matchAll(left: Map<string, KeyedRow>, rows: readonly Buffer[], visit: Visit): boolean {
  return rows.every((now) => {
    const identity = now.toString('latin1', 0, now.indexOf(';') + 1);
    const row = left.get(identity);
    if (row === undefined) return visit({ kind: 'inserted', rows: 1 }) === 'go-on';
    left.delete(identity);
    return row.content.equals(now) || visit({ kind: 'updated', row, now }) === 'go-on';
  });
}

function tellLeft(left: ReadonlyMap<string, KeyedRow>, visit: Visit): boolean {
  return [...left.values()].every((row) => visit({ kind: 'deleted', row }) === 'go-on');
}

/** Behind the last row of the version before, everything is new. */
function tellTheRest(after: Side, place: Place | undefined, visit: Visit): ResultAsync<void, SqlError> {
  return countBeyond(after, place).map((rows) => {
    if (rows > 0) visit({ kind: 'inserted', rows });
  });
}
