// Units of work on every engine: together or not at all, and nothing that goes astray goes unnoticed.
import { expect } from 'chai';
import { Dao, defineTable, openReadOnlyDatabase, ReadOnlyDao, type UnitOfWork } from 'migrate-safe/dao';
import { err, ok, type Result, type ResultAsync } from 'neverthrow';
import * as z from 'zod';
import { ENGINES, type Opened } from '../support/app-databases.js';
import { value } from '../support/project.js';

const Accounts = defineTable('accounts', { id: z.int(), owner: z.string(), balance: z.int() }, { primaryKey: 'id' });
const DDL = [
  'CREATE TABLE accounts (id integer PRIMARY KEY, owner text NOT NULL UNIQUE, balance integer NOT NULL)',
  `INSERT INTO accounts VALUES (1, 'ann', 100), (2, 'bob', 100)`,
];
const SCHEMA = { sqlite: DDL, postgres: DDL };

for (const engine of ENGINES)
  describe(`a unit of work on ${engine.name}`, () => {
    let opened: Opened;
    let accounts: Dao<typeof Accounts>;
    let units: UnitOfWork;
    beforeEach(async function () {
      opened = await engine.open(this, SCHEMA, { pool: { acquireTimeoutMs: 300 } });
      accounts = new Dao(opened.database, Accounts);
      units = opened.database.unitOfWork;
    });
    afterEach(() => opened?.remove());

    const balances = async (): Promise<unknown> =>
      value(await accounts.list({ orderBy: ['id'] })).map(({ balance }) => balance);
    const set = (id: number, balance: number): ResultAsync<unknown, { readonly kind: string }> =>
      accounts.update(id, { balance });

    it('commits what every call in it did', async () => {
      value(await units.run(async () => (await set(1, 50)).andThen(() => ok(undefined))));
      expect(value(await units.run(() => set(2, 150).map(() => 'moved')))).to.equal('moved');
      expect(await balances()).to.deep.equal([50, 150]);
    });

    it('takes all of it back where it gives an error', async () => {
      const outcome = await units.run(async () => {
        value(await set(1, 0));
        return err({ kind: 'too-little' as const });
      });
      expect(outcome._unsafeUnwrapErr()).to.deep.equal({ kind: 'too-little' });
      expect(await balances()).to.deep.equal([100, 100]);
    });

    it('takes all of it back where it throws, and lets that through', async () => {
      let thrown: unknown;
      try {
        value(
          await units.run(async () => {
            value(await set(1, 0));
            throw new Error('a bug');
          }),
        );
      } catch (error) {
        thrown = error;
      }
      expect((thrown as Error).message).to.equal('a bug');
      expect(await balances()).to.deep.equal([100, 100]);
    });

    it('is a savepoint inside of another one', async () => {
      value(
        await units.run(async () => {
          value(await set(1, 1));
          const inner = await units.run(async () => {
            value(await set(2, 2));
            const twice = await accounts.insert({ id: 3, owner: 'ann', balance: 0 });
            return twice.andThen(() => ok(undefined));
          });
          expect(inner._unsafeUnwrapErr().kind).to.equal('unique-violation');
          value(await accounts.insert({ id: 4, owner: 'cid', balance: 4 }));
          return ok(undefined);
        }),
      );
      expect(await balances()).to.deep.equal([1, 100, 4]);
    });

    it('keeps units that are begun side by side in one unit apart', async () => {
      value(
        await units.run(async () => {
          const inner = await Promise.all(
            [3, 4, 5].map((id) =>
              units.run(async () => {
                value(await accounts.insert({ id, owner: `o${id}`, balance: id }));
                return id === 4 ? err({ kind: 'no' as const }) : ok(id);
              }),
            ),
          );
          expect(inner.map((one) => one.isOk())).to.deep.equal([true, false, true]);
          return ok(undefined);
        }),
      );
      expect(await balances()).to.deep.equal([100, 100, 3, 5]);
    });

    it('does not commit after a statement in it failed, though the error was passed over', async () => {
      const outcome = await units.run(async () => {
        value(await set(1, 0));
        const twice = await accounts.insert({ id: 2, owner: 'x', balance: 0 });
        expect(twice.isErr()).to.equal(true);
        return ok('as if nothing had been');
      });
      expect(outcome._unsafeUnwrapErr()).to.include({ kind: 'unique-violation' });
      expect(await balances()).to.deep.equal([100, 100]);
    });

    if (engine.dialect === 'sqlite')
      for (const where of ['in it', 'in a unit inside'] as const)
        it(`writes nothing more where a statement ${where} ended the transaction by itself`, async () => {
          const ends = () =>
            accounts.query(z.object({}), (knex) => knex.raw(`INSERT OR ROLLBACK INTO accounts VALUES (1, 'x', 0)`));
          const outcome = await units.run(async () => {
            value(await set(1, 0));
            const ended = await (where === 'in it' ? ends() : units.run(ends));
            expect(ended.isErr()).to.equal(true);
            const after = await Promise.all([3, 4].map((id) => accounts.insert({ id, owner: `o${id}`, balance: 0 })));
            expect(after.map((one) => one.isOk())).to.deep.equal([false, false]);
            expect((await units.run(() => set(2, 0))).isErr()).to.equal(true);
            return ok(undefined);
          });
          expect(outcome.isErr()).to.equal(true);
          expect(await balances()).to.deep.equal([100, 100]);
        });

    it('does not commit while a call is still under way', async () => {
      const loose: ResultAsync<unknown, unknown>[] = [];
      const outcome = await units.run(async () => {
        loose.push(set(1, 0));
        return ok(undefined);
      });
      expect(outcome._unsafeUnwrapErr().kind).to.equal('not-awaited');
      expect(await loose[0]).to.satisfy((result: Result<unknown, unknown>) => result.isOk());
      expect(await balances()).to.deep.equal([100, 100]);
    });

    it('is over for whoever calls later', async () => {
      let later: Promise<unknown> | undefined;
      value(
        await units.run(async () => {
          later = new Promise((resolve) => setTimeout(() => resolve(set(1, 0)), 30));
          return ok(undefined);
        }),
      );
      expect(((await later) as Awaited<ReturnType<typeof set>>)._unsafeUnwrapErr().kind).to.equal('unit-ended');
      expect(await balances()).to.deep.equal([100, 100]);
    });

    it('is done again where something was in the way, and as often as it was asked', async () => {
      let done = 0;
      const busy = () =>
        units.run(async () => ((done += 1), err({ kind: 'busy' as const, message: '' })), { attempts: 4 });
      expect((await busy())._unsafeUnwrapErr().kind).to.equal('busy');
      expect(done).to.equal(4);
    });

    it('can be for reading only', async () => {
      const outcome = await units.run(() => set(1, 0), { access: 'read-only' });
      expect(outcome._unsafeUnwrapErr().kind).to.equal('read-only');
      value(await set(1, 7));
      expect(await balances()).to.deep.equal([7, 100]);
    });

    it('says that every connection is in use', async () => {
      const most = engine.dialect === 'sqlite' ? 1 : 10;
      const holding: Promise<unknown>[] = [];
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      for (let at = 0; at < most; at += 1)
        holding.push(
          (async () =>
            value(await units.run(async () => (await accounts.count()).asyncAndThen(() => heldFor(held)))))(),
        );
      await new Promise((resolve) => setTimeout(resolve, 200));
      const outcome = await accounts.count();
      expect(outcome._unsafeUnwrapErr().kind).to.equal('pool-exhausted');
      release();
      await Promise.all(holding);
    });

    it('of a read-only database writes nothing, raw SQL included', async () => {
      const database = openReadOnlyDatabase({ database: opened.url });
      const reading = new ReadOnlyDao(database, Accounts);
      expect(value(await reading.count())).to.equal(2);
      const raw = await reading.query(z.object({}), (knex) => knex.raw('UPDATE accounts SET balance = 0'));
      expect(raw._unsafeUnwrapErr().kind).to.equal('read-only');
      const dao = new Dao(database as never, Accounts);
      expect((await dao.removeMany('all'))._unsafeUnwrapErr().kind).to.equal('read-only');
      expect(
        (await database.unitOfWork.run(() => dao.insert({ id: 9, owner: 'x', balance: 0 })))._unsafeUnwrapErr().kind,
      ).to.equal('read-only');
      expect(
        await database.knex.raw('CREATE TABLE t (x int)').then(
          () => 'written',
          () => 'refused',
        ),
      ).to.equal('refused');
      value(await database.close());
      expect(await balances()).to.deep.equal([100, 100]);
    });
  });

const heldFor = (until: Promise<void>): ResultAsync<void, never> => ok<void>(undefined).asyncMap(() => until);
