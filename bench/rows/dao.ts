// What a DAO costs beside knex by hand, with the same driver on the same table: single rows, lists, many at once.
import { peopleIn, personAt, type Ways } from '../dao/people.js';
import { besides } from '../dao/told.js';
import type { Way } from '../dao/way.js';
import type { Dialect } from '../history.js';
import { sideBySide, timed, type Side } from '../measure.js';
import type { Measured, Row } from '../row.js';

const ROWS = 100_000;
const CALLS = 500;
const TURNS = { warmUp: 3, repetitions: 15 };
const PEER_TURNS = { warmUp: 1, repetitions: 5 };

const named = (name: string, dialect: Dialect): string => (dialect === 'sqlite' ? name : `pg-${name}`);

/** `CALLS` calls, one after the other. */
const calls =
  (call: (at: number) => PromiseLike<unknown>): Side =>
  () =>
    timed(async () => {
      for (let at = 1; at <= CALLS; at += 1) await call(at * 7);
    });

const SINGLE: Readonly<Record<string, (way: Way) => (at: number) => PromiseLike<unknown>>> = {
  'dao-get': (way) => (at) => way.get(at),
  'dao-insert': (way) => (at) => way.insert(personAt(at)),
  'dao-update': (way) => (at) => way.update(at, { score: at / 3, city: 'Riga' }),
};

const single = (name: string, dialect: Dialect, callOf: (way: Way) => (at: number) => PromiseLike<unknown>): Row => ({
  name: named(name, dialect),
  dialect,
  peer: 'knex by hand',
  unit: 'ms',
  atMost: 1.15,
  async measure(scratch): Promise<Measured | undefined> {
    const ways = await peopleIn(scratch, dialect, ROWS);
    if (ways === undefined) return undefined;
    const sideOf = (way: Way): Side => calls(callOf(way));
    const measured = await sideBySide(sideOf(ways.validated), sideOf(ways.byHand), TURNS);
    const others = await besides(scratch, ways, { rows: ROWS, ours: 'validated', sideOf, turns: PEER_TURNS });
    return { ...measured, note: `${CALLS} calls; ${others}` };
  },
});

const list = (dialect: Dialect, reads: 'trusted' | 'validated'): Row => ({
  name: named(`dao-list-${reads}`, dialect),
  dialect,
  peer: 'knex by hand',
  unit: 'ms',
  atMost: reads === 'trusted' ? 1.1 : 1.6,
  async measure(scratch) {
    const ways = await peopleIn(scratch, dialect, ROWS);
    if (ways === undefined) return undefined;
    const sideOf =
      (way: Way): Side =>
      () =>
        timed(() => way.list(ROWS));
    const measured = await sideBySide(sideOf(ways[reads]), sideOf(ways.byHand), { warmUp: 2, repetitions: 9 });
    // None of the others validates what it reads.
    if (reads === 'validated') return measured;
    const turns = { warmUp: 1, repetitions: 3 };
    return { ...measured, note: await besides(scratch, ways, { rows: ROWS, ours: reads, sideOf, turns }) };
  },
});

/** Half the time is twice the rows a second. */
const insertMany = (dialect: Dialect): Row => ({
  name: named('dao-insert-many', dialect),
  dialect,
  peer: 'knex batchInsert',
  unit: 'ms',
  atMost: 0.5,
  async measure(scratch) {
    const ways = await peopleIn(scratch, dialect, 0);
    if (ways === undefined) return undefined;
    const people = Array.from({ length: ROWS }, (_, at) => personAt(at));
    const sideOf = (way: Way, { dao }: Ways = ways): Side => {
      const work = way.insertMany(people);
      return async () => {
        const emptied = await dao.removeMany('all');
        if (emptied.isErr()) throw new Error(emptied.error.message);
        return timed(work);
      };
    };
    const measured = await sideBySide(sideOf(ways.validated), sideOf(ways.byHand), { warmUp: 1, repetitions: 7 });
    const turns = { warmUp: 0, repetitions: 3 };
    return { ...measured, note: await besides(scratch, ways, { rows: 0, ours: 'validated', sideOf, turns }) };
  },
});

const DIALECTS = ['sqlite', 'postgres'] as const;
export const daoRows: readonly Row[] = DIALECTS.flatMap((dialect) => [
  ...Object.entries(SINGLE).map(([name, callOf]) => single(name, dialect, callOf)),
  list(dialect, 'trusted'),
  list(dialect, 'validated'),
  insertMany(dialect),
]);
