// Several connections to one file in a process whose driver is synchronous: who waits must not hold up who is waited for.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import knex, { type Knex } from 'knex';
import { Dao, defineTable, openDatabase, openReadOnlyDatabase, type AppDatabase } from 'migrate-safe/dao';
import { ok } from 'neverthrow';
import * as z from 'zod';
import { value } from '../support/project.js';

const Notes = defineTable('notes', { id: z.int(), text: z.string() }, { primaryKey: 'id' });

describe('better-sqlite3 in a pool', () => {
  let folder: string;
  let file: string;
  const ends: (() => Promise<unknown>)[] = [];
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-pool-'));
    file = path.join(folder, 'app.db');
    await opened({ database: url() }).knex.raw('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)');
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    rmSync(folder, { recursive: true, force: true });
  });

  const url = (): string => `sqlite:${file}?driver=better-sqlite3`;
  const config = (pool?: Knex.PoolConfig): Knex.Config => ({
    client: 'better-sqlite3',
    connection: { filename: file },
    useNullAsDefault: true,
    ...(pool === undefined ? {} : { pool }),
  });
  const opened = (options: Parameters<typeof openDatabase>[0]): AppDatabase => {
    const database = openDatabase(options);
    ends.push(async () => value(await database.close()));
    return database;
  };
  const host = (pool?: Knex.PoolConfig): Knex => {
    const made = knex(config(pool));
    ends.push(() => made.destroy());
    return made;
  };

  /** A note, written in a unit that holds the lock for 100 ms and needs the event loop to come to its end. */
  const slowly = (database: AppDatabase, id: number) =>
    database.unitOfWork.run(async () => {
      value(await new Dao(database, Notes).insert({ id, text: 'slow' }));
      await pause(100);
      await turn();
      return ok(undefined);
    });

  /** The longest that the event loop did not come round while `work` was under way, in milliseconds. */
  async function longestTurn(work: Promise<unknown>): Promise<number> {
    let done = false;
    let longest = 0;
    let last = performance.now();
    const watched = work.finally(() => (done = true));
    while (!done) {
      await turn();
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
    await watched;
    return longest;
  }

  it('lets the event loop turn while several connections wait for the lock of another one', async () => {
    const databases = Array.from({ length: 4 }, () => opened({ database: url() }));
    const writes = Promise.all(databases.map(async (database, id) => value(await slowly(database, id))));
    expect(await longestTurn(writes)).to.be.lessThan(1000);
  });

  for (const [given, open] of [
    ['a URL', (): AppDatabase => opened({ database: url(), pool: { min: 2, max: 3 } })],
    ['a knex configuration', (): AppDatabase => opened({ database: config({ min: 2, max: 3 }) })],
  ] as const)
    it(`writes on one connection where ${given} would have several: the others could only wait`, async () => {
      const database = open();
      const begun = performance.now();
      const writes = Promise.all([1, 2, 3, 4, 5].map(async (id) => value(await slowly(database, id))));
      expect(await longestTurn(writes)).to.be.lessThan(400);
      expect(performance.now() - begun).to.be.lessThan(3000);
      expect(value(await new Dao(database, Notes).count())).to.equal(5);
      expect(sizeOf(database)).to.equal(1);
    });

  it('refuses an instance of the application with several, before anything waits', () => {
    const several = host({ min: 0, max: 3 });
    expect(() => openDatabase({ database: several })).to.throw(TypeError, /better-sqlite3 .* pool .* max: 1/s);
    expect(() => openDatabase({ database: host() })).not.to.throw();
    expect(() => openDatabase({ database: host({ min: 0, max: 1 }) })).not.to.throw();
  });

  it('waits in turns also on a connection of the application, which stays as patient as it was', async () => {
    const hosted = host();
    const other = opened({ database: url() });
    const mine = new Dao(opened({ database: hosted }), Notes);
    expect(await hosted.raw('PRAGMA busy_timeout')).to.deep.equal([{ timeout: 5000 }]);
    const held = slowly(other, 1);
    await pause(20);
    const written = (async () => value(await mine.insert({ id: 2, text: 'mine' })))();
    expect(await longestTurn(written)).to.be.lessThan(1000);
    value(await held);
    const asked = slowly(other, 3);
    await pause(20);
    const asking = mine.query(z.object({ id: z.int() }), (knex) =>
      knex.raw(`INSERT INTO notes VALUES (4, 'asked') RETURNING id`),
    );
    const inserted = (async () => value(await asking))();
    expect(await longestTurn(inserted)).to.be.lessThan(1000);
    value(await asked);
    expect(await hosted.raw('PRAGMA busy_timeout')).to.deep.equal([{ timeout: 5000 }]);
  });

  it('reads on as many as are asked for', async () => {
    const database = openReadOnlyDatabase({ database: host({ min: 0, max: 3 }), pool: { max: 3 } });
    ends.push(async () => value(await database.close()));
    expect(value(await new Dao(opened({ database: url() }), Notes).count())).to.equal(0);
    expect(sizeOf(database)).to.equal(3);
  });

  const sizeOf = ({ knex: made }: Pick<AppDatabase, 'knex'>): number =>
    (made.client as { readonly pool: { readonly max: number } }).pool.max;
});
