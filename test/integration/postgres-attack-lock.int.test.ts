// Steps on PostgreSQL that let go of the run lock: it is taken again before anything is committed, or nothing is.
import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, MigrationStep, type SafeMigrationManager } from 'migrate-safe';
import pg from 'pg';
import { LOCK_KEY } from '#src/dao/dialects/postgres/postgres-lock.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { failure, value } from '../support/project.js';

const OWN_KEY = `pg_advisory_unlock(${LOCK_KEY})`;

describe('a step on PostgreSQL that lets go of the run lock', () => {
  let db: TestDatabase;
  let other: pg.Client;
  let directory: string;
  let safe: SafeMigrationManager;
  beforeEach(async function () {
    db = await freshDatabase(this);
    other = new pg.Client({ connectionString: db.url });
    await other.connect();
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-attack-'));
    safe = createMigrateSafe({
      database: db.url,
      backups: path.join(directory, 'backups'),
      fileBackup: 'never',
    });
  });
  afterEach(async () => {
    value(await safe?.close());
    await other?.end();
    await db?.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  const ask = async <T>(sql: string): Promise<T | undefined> =>
    (await other.query<{ it: T }>(`SELECT ${sql} AS it`)).rows[0]?.it;
  const take = (): Promise<boolean | undefined> => ask(`pg_try_advisory_lock(${LOCK_KEY})`);

  for (const [how, sql] of [
    ['all locks', 'SELECT pg_advisory_unlock_all()'],
    ['its key', `SELECT ${OWN_KEY}`],
    ['it in a block', `DO $$ BEGIN PERFORM ${OWN_KEY}; END $$`],
  ] as const) {
    it(`has it again before it is committed, where it lets go of ${how}`, async () => {
      const taken: (boolean | undefined)[] = [];
      safe.addMigration(new MigrationStep(1, 'lets go', { apply: (knex) => knex.raw(sql) }));
      safe.addMigration(
        new MigrationStep(2, 'next', {
          apply: async (knex) => {
            taken.push(await take());
            await knex.raw('CREATE TABLE made (id int)');
          },
        }),
      );
      value(await safe.up());
      expect(taken).to.deep.equal([false]);
      expect(await take()).to.equal(true);
    });
  }

  it('is not recorded where another run has the lock by then', async () => {
    safe.addMigration(
      new MigrationStep(1, 'lets go', {
        apply: async (knex) => {
          await knex.raw('CREATE TABLE made (id int)');
          await knex.raw('SELECT pg_advisory_unlock_all()');
          expect(await take()).to.equal(true);
        },
      }),
    );
    const error = failure(await safe.up());
    expect(JSON.stringify(error)).to.include('another run has it');
    expect(await ask('pg_advisory_unlock_all()')).to.equal('');
    expect(value(await safe.status()).steps[0]?.state).to.equal('interrupted');
    expect(await ask(`to_regclass('made')`)).to.equal(null);
  });
});
