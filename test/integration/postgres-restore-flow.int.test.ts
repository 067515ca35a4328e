// `restore` of a PostgreSQL database through the manager: the data goes back, the journal goes on, also where only the backups are left.
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, MigrationStep, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import type { RestorePreview } from '#src/core/manager/restore-context.js';
import { sql, textOf, toolsOf } from '../support/kitchen-sink.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { needsTools } from '../support/postgres-version.js';
import { failure, value } from '../support/project.js';

describe('restore on PostgreSQL', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let directory: string;
  let atOne: string;
  let others: TestDatabase[];

  const manager = (options: Partial<MigrateSafeOptions> = {}): SafeMigrationManager =>
    createMigrateSafe({
      database: database.url,
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
      lockWait: '20s',
      ...options,
    });
  const write = (name: string, text: string): void => writeFileSync(path.join(directory, 'migrations', name), text);
  const content = async (url = database.url): Promise<string> => {
    const tools = await toolsOf(url);
    if (tools === undefined) throw new Error('no pg_dump');
    return textOf(tools, url);
  };
  const types = async (options: Partial<MigrateSafeOptions> = {}): Promise<string[]> =>
    value(await manager(options).history()).map(({ type }) => type);

  before(async function () {
    await needsTools(this);
  });
  beforeEach(async function () {
    others = [];
    database = await freshDatabase(this);
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'migrations'));
    write(
      '0001_shop.sql',
      `CREATE TABLE customers (id int PRIMARY KEY, name text);
       CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric CHECK (total >= 0));
       INSERT INTO customers VALUES (1, 'a'), (2, 'b'); INSERT INTO orders VALUES (1, 1, 10), (2, 2, 20);`,
    );
    value(await manager().up());
    atOne = await content();
    write(
      '0002_more.sql',
      `ALTER TABLE customers ADD COLUMN email text; INSERT INTO customers VALUES (3, 'c', 'c@x');`,
    );
    value(await manager({ fileBackup: 'each-step' }).up());
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    for (const one of [database, ...others]) await one.drop();
  });

  it('puts the whole back to before a step, and the journal goes on', async () => {
    const before = value(await manager().history());
    const report = value(await manager().restore({ choice: { beforeStep: '2' } }));
    expect(await content()).to.equal(atOne);
    expect(report.restored).to.deep.include({ rows: 4 });
    const events = value(await manager().history());
    expect(events.slice(0, before.length)).to.deep.equal(before);
    expect(events.slice(before.length).map((event) => event.type)).to.deep.equal([
      'RunStarted',
      'BackupTaken',
      'BackupVerified',
      'RestoreStarted',
      'BackupRestored',
      'RunCompleted',
    ]);
    expect(value(await manager().audit()).events).to.equal(events.length);
    expect(value(await manager().status())).to.include({ current: '0001', pending: 1 });
    value(await manager().up());
    expect(value(await manager().status())).to.include({ current: '0002', pending: 0 });
  });

  it('takes the archive of the run that began with the step, and says what there is of a later one', async () => {
    const atTwo = await content();
    write('0003_third.sql', `INSERT INTO customers VALUES (4, 'd')`);
    write('0004_fourth.sql', `UPDATE orders SET total = total + 1`);
    value(await manager().up());
    const atFour = await content();
    const error = failure(await manager().restore({ choice: { beforeStep: '0004' } }));
    const { backups } = value(await manager().listBackups());
    const run = backups.find(({ manifest }) => manifest.reason.kind === 'before-run');
    expect(error).to.deep.include({
      kind: 'backup-not-found',
      instead: { id: run?.manifest.id, step: '0003' },
      copies: { version: '0004', tables: ['orders'] },
    });
    expect(error.hint)
      .to.contain(`migrate-safe restore ${run?.manifest.id}.`)
      .and.contain('--before-step 0004 --tables orders.');
    expect(await content()).to.equal(atFour);
    value(await manager().restore({ choice: { beforeStep: '4' }, tables: ['orders'] }));
    expect(await sql(database.url, 'SELECT id, total::int AS total FROM orders ORDER BY 1')).to.deep.equal([
      { id: 1, total: 10 },
      { id: 2, total: 20 },
    ]);
    value(await manager().restore({ choice: { beforeStep: '3' } }));
    expect(await content()).to.equal(atTwo);
    expect(value(await manager().status())).to.include({ current: '0002', pending: 2 });
  });

  it('says which constraint the rows of before do not fit any more, and how they can be put back all the same', async () => {
    await sql(database.url, `INSERT INTO customers VALUES (4, 'a')`);
    write(
      '0003_names.sql',
      `-- migrate-safe:up
       UPDATE customers SET name = name || id; ALTER TABLE customers ADD CONSTRAINT names UNIQUE (name);
       -- migrate-safe:down
       ALTER TABLE customers DROP CONSTRAINT names;`,
    );
    value(await manager().up());
    const now = await content();
    const restore = () => manager().restore({ choice: { beforeStep: '3' }, tables: ['customers'] });
    const error = failure(await restore());
    expect(error).to.include({ kind: 'restore-failed', code: 'MS-RESTORE-FAILED' });
    expect(error.message).to.contain('"names"').and.contain('migrate-safe down --to 0002)');
    expect(await content()).to.equal(now);
    value(await manager().down({ target: { to: '2' } }));
    value(await restore());
    expect(await sql(database.url, 'SELECT id, name FROM customers ORDER BY 1')).to.deep.equal(
      ['a', 'b', 'c', 'a'].map((name, at) => ({ id: at + 1, name })),
    );
  });

  it('tells how many rows would be lost, and changes nothing when the answer is no', async () => {
    await sql(database.url, `INSERT INTO orders VALUES (3, 1, 5); UPDATE customers SET name = 'x' WHERE id = 1`);
    const now = await content();
    let stakes: unknown;
    const error = failure(
      await manager().restore({
        choice: { latest: true },
        confirm: ({ atStake }) => {
          stakes = atStake;
          return Promise.resolve(false);
        },
      }),
    );
    expect(error.kind).to.equal('restore-declined');
    expect(stakes).to.deep.include({ table: 'orders', written: 1, deleted: 0 });
    expect(await content()).to.equal(now);
  });

  it('tells how far the proof and the restore are, in bytes of the archive', async () => {
    await sql(database.url, `INSERT INTO customers SELECT n, md5(n::text) FROM generate_series(10, 60000) AS n`);
    const { manifest } = value(await manager().createBackup());
    await sql(database.url, `DELETE FROM customers WHERE id > 10; INSERT INTO orders VALUES (3, 1, 5)`);
    const told: Record<string, number[]> = { stored: [], content: [], restore: [] };
    const [size] = manifest.files.map(({ bytes }) => bytes);
    const safe = manager();
    safe.onProgress((progress) => {
      if (progress.kind !== 'verify-progress' && progress.kind !== 'restore-progress') return;
      expect(progress.totalBytes).to.equal(size);
      told[progress.kind === 'verify-progress' ? progress.pass : 'restore']?.push(progress.doneBytes);
    });
    let stakes: unknown;
    const confirm = ({ atStake }: RestorePreview): Promise<boolean> => {
      stakes = atStake;
      return Promise.resolve(true);
    };
    value(await safe.restore({ choice: { id: manifest.id }, confirm }));
    expect(stakes).to.deep.equal([
      { table: 'customers', written: 0, deleted: 59_990 },
      { table: 'orders', written: 1, deleted: 0 },
    ]);
    for (const [pass, done] of Object.entries(told)) {
      expect(done, pass).to.have.length.greaterThan(0);
      expect(done, pass).to.deep.equal(done.toSorted((a, b) => a - b));
      expect(done.at(-1), pass).to.be.at.most(size ?? 0);
    }
    expect([told['stored']?.at(-1), told['content']?.at(-1)]).to.deep.equal([size, size]);
  });

  it('keeps a copy of the present state first, from which it can be undone', async () => {
    await sql(database.url, `INSERT INTO orders VALUES (3, 1, 5)`);
    const now = await content();
    const { safetyBackupId } = value(await manager().restore({ choice: { latest: true } }));
    expect(await content()).to.equal(atOne);
    value(await manager().restore({ choice: { id: safetyBackupId ?? '' } }));
    expect(await content()).to.equal(now);
    value(await manager().audit());
    expect(value(await manager().status())).to.include({ current: '0002' });
  });

  it('goes on from the mirror where an older state was put back by hand', async () => {
    const whole = value(await manager().history());
    await sql(
      database.url,
      `ALTER TABLE migrate_safe.events DISABLE TRIGGER USER; DELETE FROM migrate_safe.events WHERE position > 5;
       ALTER TABLE migrate_safe.events ENABLE TRIGGER USER; ALTER TABLE customers DROP COLUMN email`,
    );
    expect(failure(await manager().up()).kind).to.equal('mirror-ahead');
    value(await manager().restore({ choice: { latest: true } }));
    expect(await content()).to.equal(atOne);
    expect(value(await manager().history()).slice(0, whole.length)).to.deep.equal(whole);
    value(await manager().audit());
  });

  it('writes a journal anew that somebody edited', async () => {
    const whole = value(await manager().history());
    await sql(
      database.url,
      `ALTER TABLE migrate_safe.events DISABLE TRIGGER USER; UPDATE migrate_safe.events SET data = '{}' WHERE position = 3;
       ALTER TABLE migrate_safe.events ENABLE TRIGGER USER`,
    );
    expect(failure(await manager().audit()).kind).to.equal('chain-broken');
    value(await manager().restore({ choice: { latest: true } }));
    expect(await content()).to.equal(atOne);
    expect(value(await manager().history()).slice(0, whole.length)).to.deep.equal(whole);
    value(await manager().audit());
    value(await manager().up());
  });

  it('stops for a person where only the whole would be a way back, and goes back on that one’s word', async () => {
    const before = await content();
    const step = new MigrationStep(3, 'half a step', {
      transaction: 'none',
      apply: async (db) => {
        await db.raw(`UPDATE public.customers SET name = 'spoilt'`);
        throw new Error('broken off');
      },
    });
    const stopped = failure(await manager({ fileBackup: 'each-step' }).addMigration(step).up());
    expect(stopped).to.include({ kind: 'needs-person', exitCode: 5, state: 'needs-attention', rowsAtStake: 3 });
    expect(stopped.message).to.contain('others may have written to the database meanwhile');
    const [, id = ''] = /migrate-safe restore (\S+)$/.exec(stopped.hint) ?? [];
    expect(await content()).not.to.equal(before);
    value(await manager().restore({ choice: { id } }));
    expect(await content()).to.equal(before);
    value(await manager().audit());
    expect(value(await manager().up()).applied).to.deep.equal([]);
  });

  for (const left of ['the backups with the mirror', 'the archives alone'] as const) {
    it(`fills an empty database from ${left}`, async function () {
      const whole = await types();
      const { manifest } = value(await manager().listBackups()).backups[0] ?? expect.fail('no backup');
      if (left === 'the archives alone') rmSync(path.join(directory, 'backups', manifest.databaseId, 'journal.ndjson'));
      const empty = await freshDatabase(this);
      others.push(empty);
      value(await manager({ database: empty.url }).restore({ choice: { latest: true } }));
      expect(await content(empty.url)).to.equal(atOne);
      const events = await types({ database: empty.url });
      expect(events.slice(-2)).to.deep.equal(['BackupRestored', 'RunCompleted']);
      if (left === 'the backups with the mirror') expect(events.slice(0, whole.length)).to.deep.equal(whole);
      value(await manager({ database: empty.url }).audit());
      value(await manager({ database: empty.url }).up());
      expect(value(await manager({ database: empty.url }).status())).to.include({ current: '0002', pending: 0 });
    });
  }
});
