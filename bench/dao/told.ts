// What is told below a row of other libraries at the same work. On SQLite they have `better-sqlite3` in common, so there it
// is told with that driver, ours and knex again among them.
import { inTurns, type Side } from '../measure.js';
import type { Scratch } from '../scratch.js';
import { peopleIn, type Ways } from './people.js';
import type { Way } from './way.js';

interface Work {
  /** In the table from the beginning. */
  readonly rows: number;
  readonly ours: 'trusted' | 'validated';
  /** Measures one of them, in the database that is given with it. */
  readonly sideOf: (way: Way, inside: Ways) => Side;
  readonly turns: { readonly warmUp: number; readonly repetitions: number };
}

export async function besides(scratch: Scratch, ways: Ways, { rows, ours, sideOf, turns }: Work): Promise<string> {
  const { peersAt } = await import('./peers.js');
  const isSqlite = ways.place.dialect === 'sqlite';
  const inside = isSqlite ? ((await peopleIn(scratch, 'sqlite', rows, 'better-sqlite3')) ?? ways) : ways;
  const peers = await peersAt(scratch, inside.place);
  const told: readonly Way[] = isSqlite ? [inside[ours], inside.byHand, ...peers] : peers;
  const figures = await inTurns(
    told.map((way) => sideOf(way, inside)),
    turns,
  );
  const list = told.map(({ name }, at) => `${name} ${figures[at]?.toFixed(0) ?? '?'} ms`).join(', ');
  return isSqlite ? `better-sqlite3: ${list}` : list;
}
