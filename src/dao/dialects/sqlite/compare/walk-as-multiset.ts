// Counts the rows that one version of a table has and the other has not, whatever their order and key.
import { err, ok, okAsync, type Result, ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { firstLimit, nextLimit, type Page, readPage, rowsOf, samePage, type Side } from './page.js';
import { type Share, UnmatchedRows, WHOLE } from './unmatched-rows.js';

/** Rows without a twin on the other side; a row that occurs three times needs three twins. */
export interface Unmatched {
  readonly removed: number;
  readonly added: number;
}

/** How many unmatched rows are held at once: 2^21 slots of 20 bytes, up to 70 % full. */
const HELD_ROWS = 1_400_000;

/**
 * Each side is walked in its own order, and rows cancel each other as they meet: a copy in the old order holds nothing.
 * Past `heldRows` unmatched rows the rows are shared out by hash, and each share costs a walk of its own.
 */
export function walkAsMultiset(before: Side, after: Side, heldRows = HELD_ROWS): ResultAsync<Unmatched, SqlError> {
  return new ResultAsync(walkShares(before, after, heldRows));
}

async function walkShares(before: Side, after: Side, heldRows: number): Promise<Result<Unmatched, SqlError>> {
  const shares: Share[] = [WHOLE];
  let removed = 0;
  let added = 0;
  for (let share = shares.pop(); share !== undefined; share = shares.pop()) {
    const held = new UnmatchedRows(share, heldRows);
    const walked = await walkOnce(before, after, held);
    if (walked.isErr()) return err(walked.error);
    const left = held.totals();
    removed += left.positive;
    added += left.negative;
    shares.push(...held.givenUp);
  }
  return ok({ removed, added });
}

const NOTHING: Page = { rows: 0, body: Buffer.alloc(0), limit: Infinity, last: undefined };

async function walkOnce(before: Side, after: Side, held: UnmatchedRows): Promise<Result<void, SqlError>> {
  const sides = [before, after] as const;
  let limit = firstLimit(...sides);
  let [old, now] = [NOTHING, NOTHING];
  for (let first = true; first || old.last !== undefined || now.last !== undefined; first = false) {
    const read = await ResultAsync.combine(
      (
        [
          [before, old],
          [after, now],
        ] as const
      ).map(([side, page]) =>
        first || page.last !== undefined ? readPage(side, { after: page.last, limit }) : okAsync(NOTHING),
      ),
    );
    if (read.isErr()) return err(read.error);
    [old = NOTHING, now = NOTHING] = read.value;
    limit = nextLimit(old, now, sides);
    // Equal pages cancel each other row by row, whatever is held.
    if (samePage(old, now)) continue;
    for (const row of rowsOf(before, old)) held.add(row, 1);
    for (const row of rowsOf(after, now)) held.add(row, -1);
  }
  return ok(undefined);
}
