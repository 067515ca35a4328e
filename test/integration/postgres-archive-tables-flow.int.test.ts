// `restore ID --tables a,b` of a file backup on PostgreSQL, through the manager: counted, kept, put back, recorded, beside writers.
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { createMigrateSafe, type SafeMigrationManager } from 'migrate-safe';
import { sql } from '../support/kitchen-sink.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { needsTools } from '../support/postgres-version.js';
import { failure, value } from '../support/project.js';

describe('restore of single tables from a file backup on PostgreSQL', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let directory: string;
  let backupId: string;

  const manager = (): SafeMigrationManager =>
    createMigrateSafe({
      database: database.url,
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
      lockWait: '20s',
    });
  const rows = async (table: string): Promise<string> => {
    const [found] = await sql<{ all: string }>(
      database.url,
      `SELECT coalesce(string_agg(t::text, ' ' ORDER BY t::text COLLATE "C"), '') AS all FROM ${table} AS t`,
    );
    return found?.all ?? '';
  };

  before(async function () {
    await needsTools(this);
  });
  beforeEach(async function () {
    database = await freshDatabase(this);
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'migrations'));
    writeFileSync(
      path.join(directory, 'migrations', '0001_shop.sql'),
      `CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
       CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric CHECK (total >= 0));
       CREATE VIEW richest AS SELECT max(total) AS most FROM orders;
       INSERT INTO customers (name) VALUES ('a'), ('b'); INSERT INTO orders VALUES (1, 1, 10), (2, 2, 20);`,
    );
    value(await manager().up());
    backupId = value(await manager().createBackup()).manifest.id;
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await database?.drop();
  });

  it('puts them back and leaves the rest, in one run of the journal, and can be undone', async () => {
    await sql(
      database.url,
      `UPDATE orders SET total = 0; INSERT INTO orders VALUES (3, 1, 5); UPDATE customers SET name = 'x' WHERE id = 1`,
    );
    const before = value(await manager().history()).length;
    let stakes: unknown;
    const report = value(
      await manager().restore({
        choice: { id: backupId },
        tables: ['orders'],
        confirm: ({ atStake }) => {
          stakes = atStake;
          return Promise.resolve(true);
        },
      }),
    );
    expect(stakes).to.deep.equal([{ table: 'orders', written: 3, deleted: 2 }]);
    expect(report.restored).to.deep.equal({ tables: ['orders'], rows: 2 });
    expect(await rows('orders')).to.equal('(1,1,10) (2,2,20)');
    expect(await rows('customers')).to.equal('(1,x) (2,b)');
    const events = value(await manager().history()).slice(before);
    expect(events.map(({ type }) => type)).to.deep.equal([
      'RunStarted',
      'BackupTaken',
      'BackupVerified',
      'RestoreStarted',
      'BackupRestored',
      'RunCompleted',
    ]);
    value(await manager().audit());
    expect(value(await manager().status())).to.include({ current: '0001', pending: 0 });
    value(await manager().restore({ choice: { id: report.safetyBackupId ?? '' }, tables: ['orders'] }));
    expect(await rows('orders')).to.equal('(1,1,0) (2,2,0) (3,1,5)');
  });

  it('changes nothing where the answer is no, and says what cannot be', async () => {
    await sql(database.url, `DELETE FROM orders; DELETE FROM customers WHERE id = 2`);
    const declined = failure(
      await manager().restore({ choice: { id: backupId }, tables: ['orders'], confirm: () => Promise.resolve(false) }),
    );
    expect(declined.kind).to.equal('restore-declined');
    const broken = failure(await manager().restore({ choice: { id: backupId }, tables: ['orders'] }));
    expect(broken.message).to.contain('1 row of orders would point at rows that are not there');
    const unknown = failure(await manager().restore({ choice: { id: backupId }, tables: ['richest'] }));
    expect(unknown.message).to.contain('has no table richest; it has customers, orders');
    expect(await rows('orders')).to.equal('');
    value(await manager().audit());
    value(await manager().restore({ choice: { id: backupId }, tables: ['orders', 'customers'] }));
    expect(await rows('orders')).to.equal('(1,1,10) (2,2,20)');
    expect(await rows('customers')).to.equal('(1,a) (2,b)');
  });

  it('loses no row of those who write meanwhile: it is in the table, or in what was kept', async () => {
    const writer = new pg.Client({ connectionString: database.url });
    await writer.connect();
    let writing = true;
    const written: number[] = [];
    const work = (async () => {
      for (let id = 1000; writing; id += 1) {
        await writer.query('INSERT INTO orders VALUES ($1, 1, 1)', [id]);
        written.push(id);
      }
    })();
    const { safetyBackupId } = value(await manager().restore({ choice: { id: backupId }, tables: ['orders'] }));
    writing = false;
    await work;
    await writer.end();
    const after = await rows('orders');
    value(await manager().restore({ choice: { id: safetyBackupId ?? '' }, tables: ['orders'] }));
    const kept = new Set(`${after} ${await rows('orders')}`.split(' '));
    expect(written.length).to.be.greaterThan(10);
    expect(written.filter((id) => !kept.has(`(${id},1,1)`))).to.deep.equal([]);
    expect(after).to.contain('(1,1,10) ');
  });
});
