// What an append-only table lives through, and what goes past its triggers: steps, restores, rights, REPLACE.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, MigrationStep, type SafeMigrationManager, type StepDefinition } from 'migrate-safe';
import { AppendOnlyDao, appendOnlyGuards, appendOnlyStep, defineAppendOnlyTable } from 'migrate-safe/dao';
import * as z from 'zod';
import { ENGINES, PG, type Opened } from '../support/app-databases.js';
import { value } from '../support/project.js';

const Log = defineAppendOnlyTable('log', { entry: z.string() });
const WithNote = defineAppendOnlyTable('log', { entry: z.string(), note: z.string().nullable() });
const WithRemark = defineAppendOnlyTable('log', { entry: z.string(), remark: z.string().nullable() });
const WithKind = defineAppendOnlyTable('log', { entry: z.string(), kind: z.string() });
const Renamed = defineAppendOnlyTable('diary', { entry: z.string() });
const ON_POSTGRES =
  'CREATE TABLE log (position bigint PRIMARY KEY, entry text NOT NULL, previous_hash text NOT NULL, hash text NOT NULL)';
const EMPTY = { sqlite: [], postgres: [] };

const outcomeOf = (work: Promise<void>): Promise<string> =>
  work.then(
    () => 'done',
    (error: Error) => error.message,
  );

for (const engine of ENGINES)
  describe(`steps on an append-only table on ${engine.name}`, () => {
    const integer = engine.dialect === 'sqlite' ? 'INTEGER' : 'bigint';
    const columns = `position ${integer} PRIMARY KEY, entry text NOT NULL, previous_hash text NOT NULL, hash text NOT NULL`;
    let opened: Opened;
    let backups: string;
    let safe: SafeMigrationManager;
    let log: AppendOnlyDao<typeof Log>;
    let version = 2;
    beforeEach(async function () {
      opened = await engine.open(this, EMPTY);
      backups = mkdtempSync(path.join(tmpdir(), 'migrate-safe-append-'));
      version = 2;
      safe = createMigrateSafe({
        database: opened.url,
        backups,
        steps: [
          new MigrationStep(1, 'create', { apply: (knex) => knex.raw(`CREATE TABLE log (${columns})`) }),
          new MigrationStep(2, 'guard', appendOnlyStep(Log)),
        ],
      });
      value(await safe.up());
      log = new AppendOnlyDao(opened.database, Log);
      value(await log.appendMany(['a', 'b', 'c'].map((entry) => ({ entry }))));
    });
    afterEach(async () => {
      value(await safe.close());
      rmSync(backups, { recursive: true, force: true });
      await opened.remove();
    });
    const step = async (apply: readonly string[], declares: StepDefinition['declares'] = {}): Promise<string> => {
      version += 1;
      const work = async (knex: { raw(sql: string): PromiseLike<unknown> }): Promise<void> => {
        for (const sql of apply) await knex.raw(sql);
      };
      safe.addMigration(new MigrationStep(version, 'next', { apply: work, declares }));
      return (await safe.up()).match(
        () => 'done',
        ({ message }) => message,
      );
    };

    it('may add a column that holds nothing in the rows that are there', async () => {
      expect(await step(['ALTER TABLE log ADD COLUMN note text'])).to.equal('done');
      const noted = new AppendOnlyDao(opened.database, WithNote);
      expect(value(await noted.append({ entry: 'd', note: 'of the new kind' })).position).to.equal(4);
      expect(value(await noted.verify()).position).to.equal(4);
    });

    for (const [change, After] of [
      ['RENAME COLUMN note TO remark', WithRemark],
      ['DROP COLUMN note', Log],
    ] as const)
      it(`break the chain where a row holds something in the column: ${change}`, async () => {
        expect(await step(['ALTER TABLE log ADD COLUMN note text'])).to.equal('done');
        const noted = new AppendOnlyDao(opened.database, WithNote);
        value(await noted.appendMany([{ entry: 'd' }, { entry: 'e', note: 'of the new kind' }]));
        expect(await step([`ALTER TABLE log ${change}`], { mayDrop: ['log.note'] })).to.equal('done');
        const verified = await new AppendOnlyDao(opened.database, After).verify();
        expect(verified._unsafeUnwrapErr()).to.include({ kind: 'chain-broken', position: 5, problem: 'edited' });
      });

    it('break the chain with a column that has a value in them', async () => {
      expect(await step([`ALTER TABLE log ADD COLUMN kind text NOT NULL DEFAULT 'plain'`])).to.equal('done');
      const verified = await new AppendOnlyDao(opened.database, WithKind).verify();
      expect(verified._unsafeUnwrapErr()).to.include({ kind: 'chain-broken', position: 1, problem: 'edited' });
    });

    it('may rename the table, and its triggers go along', async () => {
      expect(await step(['ALTER TABLE log RENAME TO diary'])).to.equal('done');
      const diary = new AppendOnlyDao(opened.database, Renamed);
      expect(value(await diary.append({ entry: 'd' })).position).to.equal(4);
      expect(value(await diary.verify()).position).to.equal(4);
      expect(await outcomeOf(opened.sql(`UPDATE diary SET entry = 'x'`))).to.contain('is append-only');
      expect(await outcomeOf(opened.sql(`INSERT INTO diary VALUES (9, 'x', '', '')`))).to.contain('does not end');
    });

    for (const sql of [`UPDATE log SET entry = 'x'`, 'DELETE FROM log WHERE position = 3'])
      it(`cannot change a row while the triggers are there: ${sql}`, async () => {
        expect(await step([sql], { mayLoseRows: ['log'] })).to.contain('is append-only');
        expect(value(await log.verify()).position).to.equal(3);
      });

    it('may take the triggers away for a change, and the chain tells of it', async () => {
      const { apply, revert } = appendOnlyGuards(Log, engine.dialect);
      const changed = await step([...revert, `UPDATE log SET entry = 'x' WHERE position = 2`, ...apply]);
      expect(changed).to.equal('done');
      expect(await outcomeOf(opened.sql(`UPDATE log SET entry = 'y'`))).to.contain('is append-only');
      expect((await log.verify())._unsafeUnwrapErr()).to.include({ position: 2, problem: 'edited' });
    });

    it('cannot hash a row again without the next one telling', async () => {
      const { revert } = appendOnlyGuards(Log, engine.dialect);
      for (const sql of [...revert, 'CREATE TABLE kept AS SELECT * FROM log WHERE position = 3']) await opened.sql(sql);
      await opened.sql('DELETE FROM log WHERE position >= 2');
      value(await log.append({ entry: 'x' }));
      await opened.sql('INSERT INTO log SELECT * FROM kept');
      expect((await log.verify())._unsafeUnwrapErr()).to.include({ position: 3, problem: 'unlinked' });
    });

    it('are undone, for all or for this table alone, without the triggers in the way', async () => {
      const backup = value(await safe.createBackup()).manifest.id;
      for (const tables of [['log'], undefined]) {
        value(await log.append({ entry: 'later' }));
        const noted = value(await log.head());
        value(await safe.restore({ choice: { id: backup }, ...(tables === undefined ? {} : { tables }) }));
        expect(value(await log.verify()).position).to.equal(3);
        expect((await log.verify({ noted }))._unsafeUnwrapErr()).to.include({ position: 4, problem: 'missing' });
        expect(await outcomeOf(opened.sql(`DELETE FROM log`))).to.contain('is append-only');
      }
    });

    if (engine.dialect === 'sqlite')
      it('may rebuild the table, and its triggers are there again', async () => {
        const rebuilt = await step([
          `CREATE TABLE log_new (${columns}, CHECK (entry <> ''))`,
          'INSERT INTO log_new SELECT * FROM log',
          'DROP TABLE log',
          'ALTER TABLE log_new RENAME TO log',
        ]);
        expect(rebuilt).to.equal('done');
        expect(value(await log.append({ entry: 'd' })).position).to.equal(4);
        expect(value(await log.verify()).position).to.equal(4);
        expect(await outcomeOf(opened.sql(`UPDATE log SET entry = 'x'`))).to.contain('is append-only');
      });
  });

for (const engine of ENGINES.filter(({ dialect }) => dialect === 'sqlite'))
  describe(`INSERT OR REPLACE on an append-only table on ${engine.name}`, () => {
    const replace = `INSERT OR REPLACE INTO log VALUES (4, 'b', '', '')`;
    let opened: Opened;
    let log: AppendOnlyDao<typeof Log>;
    const open = async (test: Mocha.Context, unique: '' | 'UNIQUE'): Promise<void> => {
      const table = `CREATE TABLE log (position INTEGER PRIMARY KEY, entry TEXT NOT NULL ${unique}, previous_hash TEXT NOT NULL, hash TEXT NOT NULL)`;
      // One connection, so that a pragma is of the one that everything goes through.
      const sqlite = [table, ...appendOnlyGuards(Log, 'sqlite').apply];
      opened = await engine.open(test, { sqlite, postgres: [] }, { pool: { min: 1, max: 1 } });
      log = new AppendOnlyDao(opened.database, Log);
      value(await log.appendMany(['a', 'b', 'c'].map((entry) => ({ entry }))));
    };
    afterEach(() => opened.remove());

    it('takes a row away past the triggers where it meets a second unique constraint, and verify sees it', async function () {
      await open(this, 'UNIQUE');
      expect(await outcomeOf(opened.sql(replace))).to.equal('done');
      expect((await log.verify())._unsafeUnwrapErr()).to.include({
        kind: 'chain-broken',
        position: 2,
        problem: 'missing',
      });
    });

    it('is refused where the connection has recursive_triggers on', async function () {
      await open(this, 'UNIQUE');
      await opened.sql('PRAGMA recursive_triggers = ON');
      expect(await outcomeOf(opened.sql(replace))).to.contain('is append-only');
      expect(value(await log.verify()).position).to.equal(3);
    });

    it('takes no row away without one, and what it adds is seen', async function () {
      await open(this, '');
      expect(await outcomeOf(opened.sql(replace))).to.equal('done');
      expect((await log.verify())._unsafeUnwrapErr()).to.include({ position: 4, problem: 'edited' });
      await opened.sql(appendOnlyGuards(Log, 'sqlite').revert[1] ?? '');
      await opened.sql('DELETE FROM log WHERE position = 4');
      expect(value(await log.verify()).position).to.equal(3);
    });
  });

describe('rights on an append-only table on PostgreSQL', () => {
  it('do not bind a superuser who says that the rows are replicated, and verify sees it', async function () {
    const postgres = [ON_POSTGRES, ...appendOnlyGuards(Log, 'postgres').apply];
    const opened = await PG.open(this, { sqlite: [], postgres }, { pool: { min: 1, max: 1 } });
    const log = new AppendOnlyDao(opened.database, Log);
    value(await log.appendMany([{ entry: 'a' }, { entry: 'b' }]));
    await opened.sql('SET session_replication_role = replica');
    expect(await outcomeOf(opened.sql('DELETE FROM log WHERE position = 1'))).to.equal('done');
    expect((await log.verify())._unsafeUnwrapErr()).to.include({ position: 1, problem: 'missing' });
    await opened.remove();
  });

  it('suffice to append where they are SELECT and INSERT, and to do nothing else', async function () {
    const role = `migrate_safe_appender_${randomBytes(6).toString('hex')}`;
    const opened = await PG.open(
      this,
      {
        sqlite: [],
        postgres: [
          ON_POSTGRES,
          ...appendOnlyGuards(Log, 'postgres').apply,
          `CREATE ROLE ${role}`,
          `GRANT SELECT, INSERT ON log TO ${role}`,
        ],
      },
      { pool: { min: 1, max: 1 } },
    );
    try {
      const log = new AppendOnlyDao(opened.database, Log);
      await opened.sql(`SET ROLE ${role}`);
      const head = value(await log.appendMany([{ entry: 'a' }, { entry: 'b' }]));
      expect(value(await log.append({ entry: 'c' })).previous_hash).to.equal(head.hash);
      expect(value(await log.verify()).position).to.equal(3);
      for (const sql of ['ALTER TABLE log DISABLE TRIGGER ALL', 'DROP TRIGGER append_only ON log', 'DROP TABLE log'])
        expect(await outcomeOf(opened.sql(sql)), sql).to.contain('must be owner');
    } finally {
      for (const sql of ['RESET ROLE', `DROP OWNED BY ${role}`, `DROP ROLE ${role}`]) await opened.sql(sql);
      await opened.remove();
    }
  });
});
