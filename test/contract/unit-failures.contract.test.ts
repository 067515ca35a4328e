// Bad luck in units of work, on every engine: deadlocks, lost connections, handlers that throw. The pool is whole afterwards.
import { expect } from 'chai';
import { Dao, defineTable, openDatabase, type AppDatabase, type DaoError } from 'migrate-safe/dao';
import { err, ok, type Result, type ResultAsync } from 'neverthrow';
import * as z from 'zod';
import { ENGINES, PG, type Opened } from '../support/app-databases.js';
import { cuttingProxy, type CuttingProxy } from '../support/cutting-proxy.js';
import { value } from '../support/project.js';

const Accounts = defineTable('accounts', { id: z.int(), balance: z.int() }, { primaryKey: 'id' });
const DDL = [
  'CREATE TABLE accounts (id integer PRIMARY KEY, balance integer NOT NULL)',
  'INSERT INTO accounts VALUES (1, 100), (2, 100)',
];
const SCHEMA = { sqlite: DDL, postgres: DDL };

/** Resolves when both have come to it, or after a while: on SQLite the second one waits at its beginning. */
function meeting(): () => Promise<void> {
  let come = 0;
  let open = (): void => undefined;
  const both = new Promise<void>((resolve) => (open = resolve));
  return () => {
    if ((come += 1) === 2) open();
    return Promise.race([both, new Promise<void>((resolve) => setTimeout(resolve, 150))]);
  };
}

for (const engine of ENGINES)
  describe(`bad luck in a unit of work on ${engine.name}`, () => {
    let opened: Opened;
    let others: AppDatabase;
    let accounts: Dao<typeof Accounts>;
    beforeEach(async function () {
      opened = await engine.open(this, SCHEMA, { pool: { max: 3, acquireTimeoutMs: 2000 } });
      others = openDatabase({ database: opened.url });
      accounts = new Dao(opened.database, Accounts);
    });
    afterEach(async () => {
      value(await others.close());
      await opened.remove();
    });
    const balances = async (): Promise<unknown> =>
      value(await accounts.list({ orderBy: ['id'] })).map(({ balance }) => balance);

    it('lets both of two that deadlock come through', async () => {
      const met = meeting();
      const runs = [0, 0];
      const transfer = (
        database: AppDatabase,
        which: 0 | 1,
        from: number,
        to: number,
      ): ResultAsync<unknown, unknown> => {
        const dao = new Dao(database, Accounts);
        const add = async (id: number, by: number): Promise<Result<unknown, DaoError>> =>
          (await dao.get(id)).asyncAndThen(({ balance }) => dao.update(id, { balance: balance + by }));
        return database.unitOfWork.run(async () => {
          runs[which] = (runs[which] ?? 0) + 1;
          const taken = await dao.update(from, { balance: 100 - 10 * (which + 1) });
          if (taken.isErr()) return taken;
          await met();
          return add(to, 1);
        });
      };
      const outcomes = await Promise.all([transfer(opened.database, 0, 1, 2), transfer(others, 1, 2, 1)]);
      for (const outcome of outcomes) value(outcome);
      if (engine.dialect === 'postgres') expect(runs.toSorted((a, b) => a - b)).to.deep.equal([1, 2]);
      else expect(runs).to.deep.equal([1, 1]);
      const kept = await balances();
      expect([
        [90, 81],
        [91, 80],
      ]).to.deep.include(kept);
    });

    it('gives connections back whatever the work throws, and leaves nothing unhandled', async () => {
      const unhandled: unknown[] = [];
      const note = (reason: unknown): void => void unhandled.push(reason);
      process.on('unhandledRejection', note);
      const thrown: unknown[] = [new Error('a bug'), undefined, null, 'text', { kind: 'busy' }];
      for (const what of [...thrown, ...thrown]) {
        let caught: unknown = 'nothing';
        let runs = 0;
        const outcome = opened.database.unitOfWork.run(async () => {
          runs += 1;
          value(await accounts.update(1, { balance: 0 }));
          void accounts.update(2, { balance: 0 });
          throw what;
        });
        await outcome.then(
          () => undefined,
          (error: unknown) => (caught = error),
        );
        expect([caught, runs]).to.deep.equal([what, 1]);
      }
      let nested: unknown;
      const outer = opened.database.unitOfWork.run(async () => {
        value(await accounts.update(1, { balance: 1 }));
        await opened.database.unitOfWork
          .run(() => {
            throw new Error('inside');
          })
          .then(
            () => undefined,
            (error: unknown) => (nested = error),
          );
        return ok(undefined);
      });
      value(await outer);
      expect((nested as Error).message).to.equal('inside');
      expect(await balances()).to.deep.equal([1, 100]);
      await new Promise((resolve) => setTimeout(resolve, 20));
      process.off('unhandledRejection', note);
      expect(unhandled).to.deep.equal([]);
    });

    it('does not try again what cannot go through', async () => {
      let runs = 0;
      const outcome = await opened.database.unitOfWork.run(async () => {
        runs += 1;
        return accounts.insert({ id: 1, balance: 0 });
      });
      expect(outcome._unsafeUnwrapErr()).to.include({ kind: 'unique-violation' });
      expect(runs).to.equal(1);
    });

    if (engine.dialect === 'sqlite')
      it('waits for the lock of another connection without holding up the process', async () => {
        const theirs = new Dao(others, Accounts);
        let turned = 0;
        const timer = setInterval(() => (turned += 1), 10);
        const held = others.unitOfWork.run(async () => {
          value(await theirs.update(1, { balance: 5 }));
          await new Promise((resolve) => setTimeout(resolve, 300));
          return ok(undefined);
        });
        await new Promise((resolve) => setTimeout(resolve, 50));
        const begun = Date.now();
        value(await accounts.update(2, { balance: 6 }));
        expect(Date.now() - begun).to.be.lessThan(3000);
        value(await held);
        clearInterval(timer);
        expect(turned).to.be.greaterThan(5);
        expect(await balances()).to.deep.equal([5, 6]);
      });
  });

describe('a connection to PostgreSQL that is lost', () => {
  let opened: Opened;
  let proxy: CuttingProxy;
  let database: AppDatabase;
  let accounts: Dao<typeof Accounts>;
  beforeEach(async function () {
    opened = await PG.open(this, SCHEMA);
    proxy = await cuttingProxy(opened.url);
    database = openDatabase({ database: proxy.url, pool: { max: 2, acquireTimeoutMs: 3000 } });
    accounts = new Dao(database, Accounts);
  });
  afterEach(async () => {
    value(await database.close());
    await proxy.close();
    await opened.remove();
  });
  const balance = async (): Promise<number> => value(await new Dao(opened.database, Accounts).get(1)).balance;
  const kill = async (): Promise<void> => {
    const own = value(
      await accounts.query(z.object({ pid: z.number() }), (knex) => knex.raw('SELECT pg_backend_pid() AS pid')),
    )[0]?.pid;
    await opened.sql(`SELECT pg_terminate_backend(${own})`);
  };

  it('between two calls of a unit has done nothing, and the unit is done again', async () => {
    let runs = 0;
    value(
      await database.unitOfWork.run(async () => {
        const read = await accounts.get(1);
        if (read.isErr()) return err(read.error);
        const done = await accounts.update(1, { balance: read.value.balance + 1 });
        if ((runs += 1) === 1) await kill();
        return done.asyncAndThen(() => accounts.update(2, { balance: 7 }));
      }),
    );
    expect(runs).to.equal(2);
    expect(await balance()).to.equal(101);
  });

  it('while nobody uses it is not given out again', async () => {
    await kill();
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (let at = 0; at < 4; at += 1) expect(value(await accounts.count())).to.equal(2);
  });

  it('at the commit leaves open what happened, and nothing is done twice', async () => {
    for (const [cut, expected] of [
      ['before', 100],
      ['answer', 101],
    ] as const) {
      let runs = 0;
      proxy.arm(1, cut);
      const outcome = await database.unitOfWork.run(async () => {
        runs += 1;
        return accounts.update(1, { balance: 101 });
      });
      expect(outcome._unsafeUnwrapErr(), cut).to.include({ kind: 'connection-lost', uncertain: true });
      expect([runs, await balance()], cut).to.deep.equal([1, expected]);
    }
    value(await accounts.update(1, { balance: 3 }));
    expect(await balance()).to.equal(3);
  });

  it('under a single write is uncertain, under a read is not', async () => {
    const slow = `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(5); RETURN NEW; END $$`;
    await opened.sql(slow);
    await opened.sql('CREATE TRIGGER slow BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION slow()');
    const [written] = await Promise.all([accounts.update(1, { balance: 1 }), killSleepers()]);
    expect(written._unsafeUnwrapErr()).to.include({ kind: 'connection-lost', uncertain: true });
    await opened.sql('CREATE VIEW sleepy AS SELECT id, balance FROM accounts, pg_sleep(5)');
    const sleepy = new Dao(database, defineTable('sleepy', Accounts.shape, { primaryKey: 'id' }));
    const [read] = await Promise.all([sleepy.list(), killSleepers()]);
    expect(read._unsafeUnwrapErr()).to.include({ kind: 'connection-lost', uncertain: false });
    expect(value(await accounts.count())).to.equal(2);
    expect(await balance()).to.equal(100);
  });

  const killSleepers = async (): Promise<void> => {
    for (let killed = 0; killed === 0;) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const { rows } = (await opened.database.knex.raw(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
      )) as { rows: readonly unknown[] };
      killed = rows.length;
    }
  };

  it('is not there at all where no server answers', async () => {
    const nowhere = openDatabase({ database: 'postgres://nobody@127.0.0.1:1/x', pool: { acquireTimeoutMs: 3000 } });
    const lost = await new Dao(nowhere, Accounts).update(1, { balance: 0 });
    expect(lost._unsafeUnwrapErr()).to.include({ kind: 'connection-lost', uncertain: false });
    value(await nowhere.close());
  });
});
