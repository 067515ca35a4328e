// A large database is told, and asked about, before it is dumped; no is an answer.
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import type { LargeDatabase } from '#src/core/manager/progress.js';
import { sql, toolsOf } from '../support/kitchen-sink.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { failure, value } from '../support/project.js';

describe('a large database on PostgreSQL', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let directory: string;
  let told: LargeDatabase[];
  beforeEach(async function () {
    told = [];
    database = await freshDatabase(this);
    if ((await toolsOf(database.url)) === undefined) this.skip();
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'migrations'));
    writeFileSync(path.join(directory, 'migrations', '0001_a.sql'), 'CREATE TABLE a (id int)');
    writeFileSync(path.join(directory, 'migrations', '0002_b.sql'), 'CREATE TABLE b (id int)');
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await database?.drop();
  });

  const manager = (more: Partial<MigrateSafeOptions> = {}): SafeMigrationManager => {
    const safe = createMigrateSafe({
      database: database.url,
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
      largeDatabaseBytes: 1_000_000,
      ...more,
    });
    safe.onProgress((progress) => progress.kind === 'large-database' && told.push(progress.large));
    return safe;
  };
  const tables = async (): Promise<unknown[]> =>
    sql(database.url, `SELECT relname FROM pg_class WHERE relname IN ('a', 'b') ORDER BY 1`);

  it('is asked about with its size, the time and the room, and left alone where the answer is no', async () => {
    const asked: LargeDatabase[] = [];
    const confirm = (large: LargeDatabase): Promise<boolean> => {
      asked.push(large);
      return Promise.resolve(false);
    };
    const declined = failure(await manager({ fileBackup: 'each-step' }).up({ confirm }));
    expect(declined).to.include({ kind: 'backup-declined', exitCode: 130, state: 'unchanged' });
    expect(await tables()).to.deep.equal([]);
    expect(asked).to.deep.equal(told);
    const [{ bytes } = { bytes: '0' }] = await sql<{ bytes: string }>(
      database.url,
      'SELECT pg_database_size(current_database()) AS bytes',
    );
    expect(asked).to.have.length(1);
    expect(asked[0]?.bytes).to.be.closeTo(Number(bytes), 1_000_000);
    expect(asked[0]).to.include({ copies: 2, copyMs: 2 * Math.ceil((asked[0]?.bytes ?? 0) / 40_000) });
    expect(asked[0]?.freeBytes).to.be.greaterThan(0);
    value(await manager().up({ confirm: () => Promise.resolve(true) }));
    expect(await tables()).to.have.length(2);
  });

  it('is only told about where nobody is asked', async () => {
    value(await manager().up());
    expect(told).to.have.length(1);
    expect(told[0]).to.include({ copies: 1 });
    expect(await tables()).to.have.length(2);
  });

  it('is not asked about where it is not large, or not dumped, or nothing is to be done', async () => {
    const confirm = (): Promise<boolean> => Promise.resolve(false);
    value(await manager({ largeDatabaseBytes: 1e12 }).up({ to: '1', confirm }));
    value(await manager({ fileBackup: 'never' }).up({ confirm }));
    value(await manager().up({ confirm }));
    expect(told).to.deep.equal([]);
  });
});
