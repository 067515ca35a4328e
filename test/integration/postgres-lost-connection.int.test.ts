// A connection that is lost while something is recorded: the run finds out what the server did, and goes on from there.
import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, MigrationStep, type SafeMigrationManager } from 'migrate-safe';
import pg from 'pg';
import { cuttingProxy, type Cut, type CuttingProxy } from '../support/cutting-proxy.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { until } from '../support/processes.js';
import { value } from '../support/project.js';

describe('a connection to PostgreSQL that is lost', () => {
  let database: TestDatabase;
  let proxy: CuttingProxy;
  let folder: string;
  beforeEach(async function () {
    database = await freshDatabase(this);
    proxy = await cuttingProxy(database.url);
    folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-lost-'));
  });
  afterEach(async () => {
    await proxy.close();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const rows = async (sql: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const steps = (): MigrationStep[] => [
    new MigrationStep(1, 'one', { apply: (knex) => knex.raw('CREATE TABLE one (n int)') }),
  ];
  const safeAt = (url: string): SafeMigrationManager =>
    createMigrateSafe({ database: url, steps: steps(), backups: folder, fileBackup: 'never' });
  const typesOf = async (safe: SafeMigrationManager): Promise<readonly string[]> =>
    value(await safe.history()).map(({ type }) => type);

  /** What stands is a journal whose chain and mirror hold, and that says each thing once. */
  async function expectStamped(safe: SafeMigrationManager, at: string): Promise<void> {
    expect(await typesOf(safe), at).to.deep.equal(['RunStarted', 'StepStamped', 'RunCompleted']);
    value(await safe.audit());
    expect(value(await safe.status()), at).to.include({ pending: 0, current: '1' });
    expect(await rows('SELECT version, state FROM migrate_safe.steps')).to.deep.equal([
      { version: '1', state: 'stamped' },
    ]);
  }

  it('is found out at every commit of the journal, whether the server had it or not', async function () {
    this.timeout(120_000);
    const undisturbed = safeAt(proxy.url);
    value(await undisturbed.stamp('1'));
    void (await undisturbed.close());
    await expectStamped(safeAt(database.url), 'undisturbed');
    const commits = proxy.commits();
    expect(commits).to.be.greaterThan(2);
    for (let nth = 1; nth <= commits; nth++) {
      for (const cut of ['before', 'answer', 'late'] satisfies readonly Cut[]) {
        await rows('DROP SCHEMA migrate_safe CASCADE');
        rmSync(folder, { recursive: true, force: true });
        const before = proxy.cuts();
        proxy.arm(nth, cut);
        const safe = safeAt(proxy.url);
        const outcome = await safe.stamp('1');
        void (await safe.close());
        const at = `commit ${nth} of ${commits}, ${cut}: ${outcome.isErr() ? outcome.error.message : 'stamped'}`;
        expect(proxy.cuts(), at).to.equal(before + 1);
        expect(outcome.isOk(), at).to.equal(true);
        await expectStamped(safeAt(database.url), at);
      }
    }
  });

  describe('with steps', () => {
    const chain = (): MigrationStep[] => [
      new MigrationStep(1, 'one', { apply: (knex) => knex.raw('CREATE TABLE one (n int PRIMARY KEY)') }),
      new MigrationStep(2, 'two', { apply: (knex) => knex.raw('INSERT INTO one SELECT generate_series(1, 50)') }),
      new MigrationStep(3, 'three', { apply: (knex) => knex.raw('UPDATE one SET n = n + 1000') }),
    ];
    const chainAt = (url: string, steps = chain()): SafeMigrationManager =>
      createMigrateSafe({ database: url, steps, backups: folder, fileBackup: 'never' });

    async function expectApplied(at: string): Promise<void> {
      const safe = chainAt(database.url);
      value(await safe.audit());
      expect(
        value(await safe.history())
          .filter(({ type }) => type === 'StepApplied')
          .map(({ data }) => data['version']),
        at,
      ).to.deep.equal(['1', '2', '3']);
      expect(value(await safe.status()), at).to.include({ pending: 0, current: '3' });
      expect(await rows('SELECT n FROM one ORDER BY n')).to.deep.equal(
        Array.from({ length: 50 }, (_, i) => ({ n: 1001 + i })),
      );
      value(await safe.close());
    }

    it('is found out at every commit of a run: what the server has is done, what it has not is told', async function () {
      this.timeout(300_000);
      const undisturbed = chainAt(proxy.url);
      value(await undisturbed.up());
      value(await undisturbed.close());
      await expectApplied('undisturbed');
      const commits = proxy.commits();
      expect(commits).to.be.greaterThan(5);
      let failures = 0;
      for (let nth = 1; nth <= commits; nth++) {
        for (const cut of ['before', 'answer', 'late'] satisfies readonly Cut[]) {
          await rows('DROP SCHEMA migrate_safe, migrate_safe_backup CASCADE');
          await rows('DROP TABLE one');
          rmSync(folder, { recursive: true, force: true });
          const before = proxy.cuts();
          proxy.arm(nth, cut);
          const safe = chainAt(proxy.url);
          const outcome = await safe.up();
          void (await safe.close());
          const at = `commit ${nth} of ${commits}, ${cut}: ${outcome.isErr() ? outcome.error.message : 'applied'}`;
          // A backup that is copied over a connection of its own is not waited for once that is lost.
          await until(() => proxy.cuts() === before + 1);
          if (outcome.isErr()) {
            // A table's backup is made again by the next run; of the rest, only what the server never got can have failed.
            const isCopy = outcome.error.message.startsWith('copying ');
            if (!isCopy) failures += 1;
            if (!isCopy) expect(cut, at).to.equal('before');
            expect(outcome.error, at).to.include({ state: isCopy ? 'unchanged' : 'rolled-back', exitCode: 1 });
            const types = await typesOf(chainAt(database.url));
            const told = ['StepStarted', 'StepFailed', 'StepRolledBack', 'RunFailed'];
            expect(types.slice(isCopy ? -1 : -4), at).to.deep.equal(isCopy ? ['RunFailed'] : told);
            value(await chainAt(database.url).up());
          }
          await expectApplied(at);
        }
      }
      expect(failures).to.equal(3);
    });

    it('is a failed step where it is lost in the middle of one: nothing of it stays, and the run says so', async () => {
      const cutOff = new MigrationStep(3, 'three', {
        apply: async (knex) => {
          await knex.raw('UPDATE one SET n = n + 1000');
          await knex.raw('SELECT pg_terminate_backend(pg_backend_pid())');
        },
      });
      const safe = chainAt(database.url, [...chain().slice(0, 2), cutOff]);
      const outcome = await safe.up();
      value(await safe.close());
      expect(outcome.isErr() && outcome.error).to.include({ state: 'rolled-back', exitCode: 1 });
      expect((await typesOf(chainAt(database.url))).slice(-4)).to.deep.equal([
        'StepStarted',
        'StepFailed',
        'StepRolledBack',
        'RunFailed',
      ]);
      expect(await rows('SELECT n FROM one ORDER BY n')).to.deep.equal(
        Array.from({ length: 50 }, (_, i) => ({ n: 1 + i })),
      );
      value(await chainAt(database.url).up());
      await expectApplied('the next run');
    });

    it('is told of where another run had the lock in between, and is not mistaken for its work', async () => {
      // Stands for a replica that waited for the lock, and had it when the connection went.
      const overtaken = new MigrationStep(3, 'three', {
        apply: async (knex) => {
          await knex.raw('UPDATE one SET n = n + 1000');
          await rows(
            `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
          );
          value(await chainAt(database.url).up());
        },
      });
      const safe = chainAt(database.url, [...chain().slice(0, 2), overtaken]);
      const outcome = await safe.up();
      value(await safe.close());
      expect(outcome.isErr()).to.equal(true);
      await expectApplied('the other run');
    });
  });
});
