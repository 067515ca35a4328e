// Table backups as a run takes, records, lists and discards them, and as `restore` puts them back.
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { value } from '../support/project.js';

describe('the table backups of a run on PostgreSQL', () => {
  let db: TestDatabase;
  let client: pg.Client;
  let directory: string;
  const managers: SafeMigrationManager[] = [];
  beforeEach(async function () {
    db = await freshDatabase(this);
    client = new pg.Client({ connectionString: db.url });
    await client.connect();
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-tables-'));
    mkdirSync(path.join(directory, 'steps'));
  });
  afterEach(async () => {
    for (const one of managers.splice(0)) value(await one.close());
    await client?.end();
    await db?.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  const manager = (options: Partial<MigrateSafeOptions> = {}): SafeMigrationManager => {
    const one = createMigrateSafe({
      database: db.url,
      steps: path.join(directory, 'steps'),
      backups: path.join(directory, 'backups'),
      fileBackup: 'never',
      lockWait: '20s',
      ...options,
    });
    managers.push(one);
    return one;
  };
  const step = (name: string, sql: string): void => writeFileSync(path.join(directory, 'steps', name), sql);
  const rows = async (table: string): Promise<string> => {
    const found = await client.query<{ all: string }>(
      `SELECT coalesce(string_agg(t::text, ' ' ORDER BY t::text), '') AS all FROM ${table} AS t`,
    );
    return found.rows[0]?.all ?? '';
  };
  const kept = async (): Promise<readonly string[]> => {
    const found = await client.query<{ table_name: string }>(
      `SELECT table_name FROM migrate_safe_backup.tables ORDER BY backup_id, number`,
    );
    return found.rows.map((row) => row.table_name);
  };

  const SHOP = `CREATE TABLE item (id int PRIMARY KEY, price int); CREATE TABLE sale (id int PRIMARY KEY, item int REFERENCES item ON DELETE CASCADE);
    CREATE TABLE apart (id int); INSERT INTO item VALUES (1, 10), (2, 20); INSERT INTO sale VALUES (1, 1), (2, 2); INSERT INTO apart VALUES (1);`;

  it('keeps nothing, and makes nothing, for a step that only makes tables', async () => {
    step('0001_shop.sql', SHOP);
    const report = value(await manager().up());
    expect(report.applied.map(({ backups }) => backups)).to.deep.equal([[]]);
    const there = await client.query(`SELECT to_regnamespace('migrate_safe_backup') AS there`);
    expect(there.rows).to.deep.equal([{ there: null }]);
  });

  it('keeps them again where a lock lets the step begin anew: what others wrote meanwhile is in the copy', async () => {
    step('0001_shop.sql', SHOP);
    value(await manager().up());
    const blocker = new pg.Client({ connectionString: db.url });
    const writer = new pg.Client({ connectionString: db.url });
    await Promise.all([blocker.connect(), writer.connect()]);
    await blocker.query('BEGIN; SELECT FROM apart');
    step(
      '0002_purge.sql',
      '-- migrate-safe: may-lose-rows table=item\n-- migrate-safe: may-lose-rows table=sale\nDELETE FROM item; ALTER TABLE apart ADD COLUMN note text;',
    );
    const again = manager();
    const told: string[] = [];
    again.onProgress((progress) => {
      if (progress.kind === 'backup-taken') told.push(progress.backupId);
    });
    const running = again.up();
    const isWaiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE apart%'`;
    while ((await client.query(isWaiting)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    // It waits for the step's lock, and is had when the step lets go.
    await writer.query('INSERT INTO item VALUES (5, 50)');
    await blocker.query('COMMIT');
    const [id = ''] = value(await running).applied[0]?.backups ?? [];
    await Promise.all([blocker.end(), writer.end()]);
    // Of the try that was given up nothing is left: no copy, no event, and it was told once that tables were copied.
    expect(told).to.have.length(1);
    const { rows: backups } = await client.query('SELECT id FROM migrate_safe_backup.backups');
    expect(backups).to.deep.equal([{ id }]);
    const { rows: copies } = await client.query(
      `SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'migrate_safe_backup' AND tablename LIKE 'copy%'`,
    );
    expect(copies).to.deep.equal([{ n: (await kept()).length }]);
    const recorded = value(await manager().history()).filter(({ type }) => type === 'BackupTaken');
    expect(recorded.map(({ data }) => data['backupId'])).to.deep.equal([id]);
    expect(await rows('item')).to.equal('');
    value(
      await manager().restore({
        choice: { id },
        tables: ['item', 'sale'],
        confirm: () => Promise.resolve(true),
      }),
    );
    expect(await rows('item')).to.equal('(1,10) (2,20) (5,50)');
  });

  it('keeps what hangs on a table by the time that it can be locked', async () => {
    step(
      '0001_shop.sql',
      `CREATE TABLE item (id int PRIMARY KEY, price int); CREATE TABLE label (id int PRIMARY KEY, item int);
       INSERT INTO item VALUES (1, 10); INSERT INTO label VALUES (1, 1);`,
    );
    step('0002_more.sql', 'UPDATE item SET price = price + 1');
    step('0003_move.sql', 'UPDATE item SET id = id + 100');
    const safe = manager();
    value(await safe.up({ to: '0002' }));
    const other = new pg.Client({ connectionString: db.url });
    await other.connect();
    await other.query('BEGIN; ALTER TABLE label ADD FOREIGN KEY (item) REFERENCES item ON UPDATE CASCADE');
    const before = await kept();
    const running = safe.up();
    const isWaiting = `SELECT FROM pg_locks WHERE relation = 'item'::regclass AND NOT granted`;
    while ((await client.query(isWaiting)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await other.query('COMMIT');
    const { applied } = value(await running);
    await other.end();
    expect((await kept()).slice(before.length)).to.deep.equal(['item', 'label']);
    expect(await rows('label')).to.equal('(1,101)');
    const backups = applied[0]?.backups ?? [];
    const recorded = value(await safe.history()).filter(({ type }) => type === 'BackupTaken');
    expect(recorded.at(-1)?.data).to.deep.include({ backupId: backups[0] });
    expect(recorded).to.have.length(2);
    value(await manager().restore({ choice: { id: backups[0] ?? '' }, confirm: () => Promise.resolve(true) }));
    expect(await rows('label')).to.equal('(1,1)');
  });

  it('keeps what a step touches with all that hangs on it, and puts it back by its id', async () => {
    step('0001_shop.sql', SHOP);
    value(await manager().up());
    const [item, sale] = [await rows('item'), await rows('sale')];
    step(
      '0002_purge.sql',
      '-- migrate-safe: may-lose-rows table=item\n-- migrate-safe: may-lose-rows table=sale\nDELETE FROM item WHERE id = 1; UPDATE item SET price = 0;',
    );
    const report = value(await manager().up());
    const [id = ''] = report.applied[0]?.backups ?? [];
    expect(await kept()).to.deep.equal(['item', 'sale']);
    expect(await rows('item')).to.equal('(2,0)');

    const { backups } = value(await manager().listBackups());
    expect(
      backups.map(({ manifest }) => [
        manifest.id,
        manifest.kind,
        manifest.reason.version,
        manifest.tables?.map(({ table, rows: n }) => [table, n]),
      ]),
    ).to.deep.equal([
      [
        id,
        'tables',
        '0002',
        [
          ['item', 2],
          ['sale', 2],
        ],
      ],
    ]);
    const taken = value(await manager().history()).filter(({ type }) => type === 'BackupTaken');
    expect(taken.map(({ data }) => data)).to.deep.equal([
      {
        backupId: id,
        kind: 'tables',
        bytes: backups[0]?.manifest.files.reduce((all, { bytes }) => all + bytes, 0),
        sha256: '',
        reason: 'before-step',
        version: '0002',
        journalPosition: backups[0]?.manifest.journal.position,
        tables: [
          { table: 'item', rows: 2 },
          { table: 'sale', rows: 2 },
        ],
      },
    ]);

    let asked: unknown;
    const restored = value(
      await manager().restore({
        choice: { id },
        confirm: ({ tables, atStake }) => {
          asked = { tables, atStake };
          return Promise.resolve(true);
        },
      }),
    );
    expect(asked).to.deep.equal({
      tables: ['item', 'sale'],
      atStake: [
        { table: 'item', written: 1, deleted: 1 },
        { table: 'sale', written: 0, deleted: 1 },
      ],
    });
    expect(restored.restored).to.deep.equal({ tables: ['item', 'sale'], rows: 4 });
    expect([await rows('item'), await rows('sale')]).to.deep.equal([item, sale]);
    value(await manager().audit());

    // What was there before the restore was kept too.
    value(await manager().restore({ choice: { id: restored.safetyBackupId ?? '' } }));
    expect([await rows('item'), await rows('sale')]).to.deep.equal(['(2,0)', '(2,2)']);
    value(await manager().restore({ choice: { beforeStep: '2' }, tables: ['SALE', 'item'] }));
    expect([await rows('item'), await rows('sale')]).to.deep.equal([item, sale]);
  });

  it('keeps the copies of a step that fails, in the journal too, and those of a revert', async () => {
    step('0001_shop.sql', SHOP);
    step('0002_fails.up.sql', 'UPDATE item SET price = price / 0;');
    expect((await manager().up()).isErr()).to.equal(true);
    expect(await kept()).to.deep.equal(['item', 'sale']);
    const listed = value(await manager().listBackups()).backups;
    const recorded = value(await manager().history()).filter(({ type }) => type === 'BackupTaken');
    expect(recorded.map(({ data }) => data['backupId'])).to.deep.equal(listed.map(({ manifest }) => manifest.id));
    step('0002_fails.up.sql', 'UPDATE apart SET id = 5;');
    step('0002_fails.down.sql', 'UPDATE apart SET id = 1;');
    value(await manager().up());
    const down = value(await manager().down());
    expect(down.reverted[0]?.backups).to.have.length(1);
    expect(value(await manager().listBackups()).backups[0]?.manifest.reason).to.include({
      direction: 'revert',
      version: '0002',
    });
  });

  it('copies all tables of the application for code that says nothing, and none where the policy says so', async () => {
    step('0001_shop.sql', SHOP);
    value(await manager().up());
    await client.query('CREATE TABLE knex_migrations (id int)');
    step('0002_code.mjs', `export default { apply: (knex) => knex('item').update({ price: 1 }) };`);
    value(await manager({ tableBackup: 'never' }).up({ to: '0001' }));
    value(await manager().up());
    expect(await kept()).to.deep.equal(['apart', 'item', 'sale']);
    step(
      '0003_code.mjs',
      `export default { declares: { touches: ['Apart'] }, apply: (knex) => knex('apart').update({ id: 7 }) };`,
    );
    step('0004_more.sql', 'UPDATE item SET price = 2;');
    value(await manager().up({ to: '0003' }));
    expect(await kept()).to.deep.equal(['apart', 'item', 'sale', 'apart']);
    const last = value(await manager({ tableBackup: 'never' }).up());
    expect(last.applied[0]?.backups).to.deep.equal([]);
  });

  it('lets go of the copies of old runs, and of those that no run recorded', async () => {
    step('0001_shop.sql', SHOP);
    value(await manager().up());
    for (const n of [2, 3, 4]) {
      step(`000${n}_more.sql`, `UPDATE apart SET id = ${n};`);
      value(await manager({ keepRuns: 2 }).up());
    }
    const listed = value(await manager().listBackups()).backups;
    expect(listed.map(({ manifest }) => manifest.reason.version)).to.deep.equal(['0004', '0003']);
    const { rows: events } = await client.query<{ run_id: string }>(
      'SELECT run_id FROM migrate_safe.events ORDER BY position LIMIT 1',
    );
    await client.query(`CREATE TABLE migrate_safe_backup.copy_lost_1 (id int);
      INSERT INTO migrate_safe_backup.backups SELECT 'lost', database_id, '${events[0]?.run_id}', 'main', '0009', NULL, 'before-step', 1, '', created_at FROM migrate_safe_backup.backups LIMIT 1;
      INSERT INTO migrate_safe_backup.tables VALUES ('lost', 1, 'public', 'apart', 'copy_lost_1', 0, 0, '{"columns":[],"key":[]}', '[]')`);
    step('0005_more.sql', 'UPDATE apart SET id = 5;');
    value(await manager().up());
    const left = await client.query(`SELECT id FROM migrate_safe_backup.backups WHERE id = 'lost'`);
    expect(left.rows).to.deep.equal([]);
    expect((await client.query(`SELECT to_regclass('migrate_safe_backup.copy_lost_1') AS t`)).rows).to.deep.equal([
      { t: null },
    ]);
    const copies = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'migrate_safe_backup' AND tablename ~ '^copy_'`,
    );
    expect(copies.rows).to.deep.equal([{ n: value(await manager().listBackups()).backups.length }]);
  });

  it('names the copies as the way back of a step without a transaction, with what is at stake', async () => {
    step('0001_shop.sql', SHOP);
    value(await manager().up());
    step(
      '0002_loose.sql',
      '-- migrate-safe: no-transaction\nUPDATE item SET price = 1; UPDATE item SET price = 1 / 0;',
    );
    // What a step can do without a transaction, and without a file, is the caller's word.
    const failed = await manager({ guard: 'off' }).up();
    const [backup] = value(await manager().listBackups()).backups;
    expect(failed.isErr() && failed.error).to.include({
      kind: 'needs-person',
      rowsAtStake: 2,
      command: `migrate-safe restore ${backup?.manifest.id}`,
    });
    value(await manager().restore({ choice: { id: backup?.manifest.id ?? '' } }));
    expect(await rows('item')).to.equal('(1,10) (2,20)');
  });
});
