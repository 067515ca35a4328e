// Restore points in place of dumps: set where the server archives its log, told in every listing, and really led back to by the server.
import { expect } from 'chai';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, MigrationStep, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import { sql } from '../support/kitchen-sink.js';
import { binaries, freePort, makeCluster, type Cluster } from '../support/postgres-cluster.js';
import { freshDatabase } from '../support/postgres.js';
import { failure, value } from '../support/project.js';

/** As the cluster's own processes run. */
const AS = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

describe('restore points on PostgreSQL', function () {
  this.timeout(120_000);
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'migrations'));
    write(
      '0001_shop.sql',
      `CREATE TABLE orders (id int PRIMARY KEY, total numeric); INSERT INTO orders VALUES (1, 10);`,
    );
    write(
      '0002_more.sql',
      `-- migrate-safe: may-lose-rows table=orders\nDELETE FROM orders; INSERT INTO orders VALUES (2, 20);`,
    );
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const write = (name: string, text: string): void => writeFileSync(path.join(directory, 'migrations', name), text);
  const manager = (database: string, more: Partial<MigrateSafeOptions> = {}): SafeMigrationManager =>
    createMigrateSafe({
      database,
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
      fileBackup: 'each-step',
      fileBackupBy: 'restore-point',
      lockWait: '20s',
      ...more,
    });

  it('are refused before the first change where the log is not archived', async function () {
    const database = await freshDatabase(this);
    try {
      const refused = failure(await manager(database.url).up());
      expect(refused).to.include({ kind: 'usage', exitCode: 2, state: 'unchanged' });
      expect(refused.message).to.contain('it does not archive its log: archive_mode is off');
      expect(await sql(database.url, `SELECT to_regclass('orders') AS there`)).to.deep.equal([{ there: null }]);
      value(await manager(database.url, { fileBackup: 'never' }).up());
    } finally {
      await database.drop();
    }
  });

  describe('where the log is archived', () => {
    let cluster: Cluster;
    let folder: string;
    let archive: string;
    beforeEach(async function () {
      folder = binaries() ?? this.skip();
      archive = path.join(directory, 'archive');
      mkdirSync(archive);
      chmodSync(directory, 0o755);
      chmodSync(archive, 0o777);
      cluster = await makeCluster(folder, {
        archive_mode: 'on',
        archive_command: `cp %p "${archive}/%f"`,
        full_page_writes: 'on',
      });
      await cluster.start();
    });
    afterEach(() => cluster?.remove());

    it('are set before each step, listed, and told how to go back to when one is to be restored', async () => {
      value(await manager(cluster.url).up());
      const events = value(await manager(cluster.url).history());
      const taken = events.filter(({ type, data }) => type === 'BackupTaken' && data['kind'] === 'restore-point');
      expect(taken.map(({ data }) => data['version'])).to.deep.equal(['0001', '0002']);
      expect(events.filter(({ type }) => type === 'StepStarted').map(({ data }) => data['backupId'])).to.deep.equal(
        taken.map(({ data }) => data['backupId']),
      );
      const points = value(await manager(cluster.url).listBackups()).backups.filter(
        ({ manifest }) => manifest.kind === 'restore-point',
      );
      expect(points.map(({ manifest }) => manifest.id)).to.deep.equal(
        taken.map(({ data }) => data['backupId']).toReversed(),
      );
      const id = points[0]?.manifest.id ?? '';
      expect(points[0]?.manifest).to.deep.include({ restorePoint: taken[1]?.data['restorePoint'] });
      for (const choice of [{ id }, { beforeStep: '2' }]) {
        const refused = failure(await manager(cluster.url).restore({ choice }));
        expect(refused).to.include({ kind: 'usage', state: 'unchanged' });
        expect(`${refused.message} ${refused.hint}`).to.contain(`recovery_target_name = 'migrate-safe ${id}'`);
      }
      // Copies of tables are a way back as before.
      const tables = value(await manager(cluster.url).restore({ choice: { beforeStep: '2' }, tables: ['orders'] }));
      expect(tables.restored.rows).to.equal(1);
      expect(await sql(cluster.url, 'SELECT id FROM orders')).to.deep.equal([{ id: 1 }]);
      value(await manager(cluster.url).audit());
    });

    it('are one for the run where the policy says so, and go with the runs that retention forgets', async () => {
      const once = { fileBackup: 'each-run', keepRuns: 1 } as const;
      value(await manager(cluster.url, once).up());
      const points = async (): Promise<readonly (string | undefined)[]> =>
        value(await manager(cluster.url).listBackups())
          .backups.filter(({ manifest }) => manifest.kind === 'restore-point')
          .map(({ manifest }) => manifest.reason.runId);
      const [first, ...more] = await points();
      expect(more).to.deep.equal([]);
      write('0003_last.sql', 'CREATE TABLE last (id int)');
      value(await manager(cluster.url, once).up());
      expect(await points())
        .to.have.length(1)
        .and.not.to.include(first);
      value(await manager(cluster.url).audit());
    });

    it('are the way back of a step without a transaction that failed half-way', async () => {
      const step = new MigrationStep(3, 'half a step', {
        transaction: 'none',
        apply: async (db) => {
          await db.raw(`UPDATE public.orders SET total = 0`);
          throw new Error('broken off');
        },
      });
      const stopped = failure(await manager(cluster.url, { tableBackup: 'never' }).addMigration(step).up());
      expect(stopped).to.include({ kind: 'needs-person', exitCode: 5 });
      const [point] = value(await manager(cluster.url).listBackups()).backups;
      expect(stopped.message).to.contain('has only a restore point');
      expect(stopped).to.include({ command: `migrate-safe restore ${point?.manifest.id}` });
      const again = failure(await manager(cluster.url, { tableBackup: 'never' }).addMigration(step).up());
      expect(again).to.include({ kind: 'needs-person', command: `migrate-safe restore ${point?.manifest.id}` });
    });

    it('are where the server itself comes back to', async () => {
      const base = path.join(directory, 'base');
      mkdirSync(base);
      chmodSync(base, 0o777);
      const data = path.join(base, 'data');
      execFileSync(path.join(folder, 'pg_basebackup'), ['-d', cluster.url, '-D', data, '-c', 'fast'], {
        ...AS,
        cwd: base,
      });
      value(await manager(cluster.url).up());
      expect(await sql(cluster.url, 'SELECT id FROM orders')).to.deep.equal([{ id: 2 }]);
      const [point] = value(await manager(cluster.url).listBackups()).backups.filter(
        ({ manifest }) => manifest.kind === 'restore-point',
      );
      await sql(cluster.url, 'SELECT pg_switch_wal()');
      for (let tries = 0; tries < 100; tries += 1) {
        const [{ done } = { done: false }] = await sql<{ done: boolean }>(
          cluster.url,
          `SELECT last_archived_wal >= pg_walfile_name('${point?.manifest.restorePoint?.lsn}') AS done FROM pg_stat_archiver`,
        );
        if (done) break;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      writeFileSync(path.join(data, 'recovery.signal'), '');
      const port = await freePort();
      const settings = {
        restore_command: `cp "${archive}/%f" %p`,
        recovery_target_name: point?.manifest.restorePoint?.name ?? '',
        recovery_target_action: 'promote',
        listen_addresses: '127.0.0.1',
        fsync: 'off',
      };
      const set = Object.entries(settings).flatMap(([name, setting]) => ['-c', `${name}=${setting}`]);
      const server = spawn(path.join(folder, 'postgres'), ['-D', data, '-p', String(port), '-k', base, ...set], {
        ...AS,
        cwd: base,
        stdio: 'ignore',
      });
      try {
        const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
        let rows: unknown[] = [];
        for (let tries = 0; tries < 100 && rows.length === 0; tries += 1) {
          rows = await sql(url, 'SELECT id, total::text FROM orders WHERE NOT pg_is_in_recovery()').catch(() => []);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        expect(rows).to.deep.equal([{ id: 1, total: '10' }]);
      } finally {
        const ended = once(server, 'exit');
        server.kill('SIGQUIT');
        await ended;
      }
    });
  });
});
