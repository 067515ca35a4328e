// A step that sets client_encoding: the driver goes on in UTF-8, and the server would read other text.
import { expect } from 'chai';
import type { Knex } from 'knex';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, MigrationStep, type SafeMigrationManager } from 'migrate-safe';
import { sql, toolsOf } from '../support/kitchen-sink.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { failure, value } from '../support/project.js';

describe('a step that sets client_encoding on PostgreSQL', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let directory: string;

  beforeEach(async function () {
    database = await freshDatabase(this);
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    if ((await toolsOf(database.url)) === undefined) this.skip();
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await database?.drop();
  });
  const manager = (
    apply: (knex: Knex) => Promise<unknown>,
    transaction: 'own' | 'none' = 'own',
  ): SafeMigrationManager =>
    createMigrateSafe({ database: database.url, backups: directory }).addMigration(
      new MigrationStep(1, 'für größe', { transaction, apply, isDone: () => false }),
    );
  const content = (): Promise<unknown> => sql(database.url, 'SELECT v FROM z');

  for (const set of [
    `SET client_encoding = 'LATIN1'`,
    `SET LOCAL client_encoding TO win1252`,
    `SELECT set_config('client_encoding', 'LATIN9', false)`,
  ])
    for (const transaction of set.includes('LOCAL') ? (['own'] as const) : (['own', 'none'] as const))
      it(`is refused: ${set}, ${transaction === 'own' ? 'within' : 'outside of'} a transaction`, async () => {
        const run = manager(async (knex) => {
          await knex.raw(set);
          await knex.raw(`CREATE TABLE z AS SELECT 'ü'::text AS v`);
        }, transaction);
        const error = failure(await run.up());
        expect(error.message).to.contain('steps and the driver speak UTF-8');
        expect(await sql(database.url, `SELECT to_regclass('z') AS z`)).to.deep.equal([{ z: null }]);
        value(await run.audit());
      });

  it('writes what is written where the step goes on all the same, and its journal is whole', async () => {
    const run = manager(async (knex) => {
      await knex.raw(`SET client_encoding = 'UTF8'`);
      await knex.raw(`SET client_encoding = 'LATIN1'`).catch(() => undefined);
      await knex.raw(`CREATE TABLE z AS SELECT 'ü€'::text AS v`);
    });
    value(await run.up());
    expect(await content()).to.deep.equal([{ v: 'ü€' }]);
    value(await run.audit());
    expect(JSON.stringify(value(await run.history()))).to.contain('für größe');
  });
});
