// A connection that is lost while something is recorded: the run finds out what the server did, and goes on from there.
import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, MigrationStep, type SafeMigrationManager } from 'migrate-safe';
import pg from 'pg';
import { cuttingProxy, type Cut, type CuttingProxy } from '../support/cutting-proxy.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
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
      for (const cut of ['before', 'answer', 'at-once'] satisfies readonly Cut[]) {
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
});
