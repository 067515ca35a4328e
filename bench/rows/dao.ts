// What a DAO costs beside knex by hand, with the same driver on the same table: single rows, lists, many at once.
import { drizzle } from 'drizzle-orm/node-postgres';
import { eq } from 'drizzle-orm';
import { boolean, doublePrecision, integer, pgTable, text } from 'drizzle-orm/pg-core';
import { Kysely, PostgresDialect } from 'kysely';
import type { Result, ResultAsync } from 'neverthrow';
import pg from 'pg';
import { boundAt, peopleIn, personAt, type Ways } from '../dao/people.js';
import type { Dialect } from '../history.js';
import { median, sideBySide, timed, type Side } from '../measure.js';
import type { Measured, Row } from '../row.js';
import type { Scratch } from '../scratch.js';

const ROWS = 100_000;
const CALLS = 500;
const TURNS = { warmUp: 3, repetitions: 15 };

async function done<T, E>(work: ResultAsync<T, E>): Promise<T> {
  const result: Result<T, E> = await work;
  if (result.isErr()) throw new Error(JSON.stringify(result.error));
  return result.value;
}

const named = (name: string, dialect: Dialect): string => (dialect === 'sqlite' ? name : `pg-${name}`);

/** `CALLS` calls, one after the other. */
const calls =
  (call: (at: number) => PromiseLike<unknown>): Side =>
  () =>
    timed(async () => {
      for (let at = 1; at <= CALLS; at += 1) await call(at * 7);
    });

interface Single {
  readonly ours: (ways: Ways) => (at: number) => PromiseLike<unknown>;
  readonly byHand: (ways: Ways, dialect: Dialect) => (at: number) => PromiseLike<unknown>;
  readonly peers: (peers: Peers) => Readonly<Record<string, (at: number) => PromiseLike<unknown>>>;
}

const SINGLE: Readonly<Record<string, Single>> = {
  'dao-get': {
    ours:
      ({ dao }) =>
      (at) =>
        done(dao.get(at)),
    byHand:
      ({ byHand }) =>
      (at) =>
        byHand('people').where({ id: at }).first(),
    peers: ({ drizzled, kysely }) => ({
      drizzle: (at) => drizzled.select().from(people).where(eq(people.id, at)),
      kysely: (at) => kysely.selectFrom('people').selectAll().where('id', '=', at).executeTakeFirst(),
    }),
  },
  'dao-insert': {
    ours:
      ({ dao }) =>
      (at) =>
        done(dao.insert(personAt(at))),
    byHand:
      ({ byHand }, dialect) =>
      (at) =>
        byHand('people').insert(boundAt(at, dialect)).returning('*'),
    peers: ({ drizzled, kysely }) => ({
      drizzle: (at) => drizzled.insert(people).values(personAt(at)).returning(),
      kysely: (at) => kysely.insertInto('people').values(personAt(at)).returningAll().executeTakeFirst(),
    }),
  },
  'dao-update': {
    ours:
      ({ dao }) =>
      (at) =>
        done(dao.update(at, { score: at / 3, city: 'Riga' })),
    byHand:
      ({ byHand }) =>
      (at) =>
        byHand('people')
          .where({ id: at })
          .update({ score: at / 3, city: 'Riga' })
          .returning('*'),
    peers: ({ drizzled, kysely }) => ({
      drizzle: (at) =>
        drizzled
          .update(people)
          .set({ score: at / 3, city: 'Riga' })
          .where(eq(people.id, at))
          .returning(),
      kysely: (at) =>
        kysely
          .updateTable('people')
          .set({ score: at / 3, city: 'Riga' })
          .where('id', '=', at)
          .returningAll()
          .executeTakeFirst(),
    }),
  },
};

const people = pgTable('people', {
  id: integer('id').primaryKey().generatedByDefaultAsIdentity(),
  name: text('name').notNull(),
  age: integer('age').notNull(),
  score: doublePrecision('score').notNull(),
  active: boolean('active').notNull(),
  city: text('city').notNull(),
});
interface Person {
  readonly name: string;
  readonly age: number;
  readonly score: number;
  readonly active: boolean;
  readonly city: string;
}
interface PeopleDatabase {
  readonly people: Person & { readonly id: import('kysely').Generated<number> };
}
interface Peers {
  readonly drizzled: ReturnType<typeof drizzle>;
  readonly kysely: Kysely<PeopleDatabase>;
}

const single = (name: string, dialect: Dialect, { ours, byHand, peers }: Single): Row => ({
  name: named(name, dialect),
  dialect,
  peer: 'knex by hand',
  unit: 'ms',
  atMost: 1.15,
  async measure(scratch): Promise<Measured | undefined> {
    const ways = await peopleIn(scratch, dialect, ROWS);
    if (ways === undefined) return undefined;
    const measured = await sideBySide(calls(ours(ways)), calls(byHand(ways, dialect)), TURNS);
    if (dialect === 'sqlite') return { ...measured, note: `${CALLS} calls` };
    const others: string[] = [];
    for (const [peer, call] of Object.entries(peers(peersOf(scratch, ways.url)))) {
      const taken: number[] = [];
      for (let turn = 0; turn < 7; turn += 1) taken.push(await calls(call)());
      others.push(`${peer} ${median(taken).toFixed(0)} ms`);
    }
    return { ...measured, note: `${CALLS} calls; ${others.join(', ')}` };
  },
});

function peersOf(scratch: Scratch, url: string): Peers {
  const pools = [0, 1].map(() => new pg.Pool({ connectionString: url, max: 10 }));
  for (const pool of pools) scratch.atEnd(() => pool.end());
  const [first = new pg.Pool(), second = new pg.Pool()] = pools;
  return {
    drizzled: drizzle(first),
    kysely: new Kysely<PeopleDatabase>({ dialect: new PostgresDialect({ pool: second }) }),
  };
}

const list = (dialect: Dialect, reads: 'trusted' | 'validated'): Row => ({
  name: named(`dao-list-${reads}`, dialect),
  dialect,
  peer: 'knex by hand',
  unit: 'ms',
  atMost: reads === 'trusted' ? 1.1 : 1.6,
  async measure(scratch) {
    const ways = await peopleIn(scratch, dialect, ROWS);
    if (ways === undefined) return undefined;
    const { dao, trusted, byHand } = ways;
    const ours = (): Promise<unknown> =>
      reads === 'trusted' ? done(trusted.list({ limit: ROWS })) : done(dao.list({ limit: ROWS }));
    return sideBySide(
      () => timed(ours),
      () => timed(() => byHand('people').select('*').limit(ROWS)),
      { warmUp: 2, repetitions: 9 },
    );
  },
});

/** Half the time is twice the rows a second. knex on SQLite takes no more than 500 rows a statement. */
const insertMany = (dialect: Dialect): Row => ({
  name: named('dao-insert-many', dialect),
  dialect,
  peer: 'knex batchInsert',
  unit: 'ms',
  atMost: 0.5,
  async measure(scratch) {
    const ways = await peopleIn(scratch, dialect, 0);
    if (ways === undefined) return undefined;
    const { dao, byHand } = ways;
    const ours = Array.from({ length: ROWS }, (_, at) => personAt(at));
    const theirs = ours.map((_, at) => boundAt(at, dialect));
    const emptied = async (work: () => PromiseLike<unknown>): Promise<number> => {
      await done(dao.removeMany('all'));
      return timed(work);
    };
    return sideBySide(
      () => emptied(() => done(dao.insertMany(ours))),
      () => emptied(() => byHand.batchInsert('people', theirs, dialect === 'sqlite' ? 150 : 1000)),
      { warmUp: 1, repetitions: 7 },
    );
  },
});

const DIALECTS = ['sqlite', 'postgres'] as const;
export const daoRows: readonly Row[] = DIALECTS.flatMap((dialect) => [
  ...Object.entries(SINGLE).map(([name, one]) => single(name, dialect, one)),
  list(dialect, 'trusted'),
  list(dialect, 'validated'),
  insertMany(dialect),
]);
