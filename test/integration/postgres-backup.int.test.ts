// Backups of PostgreSQL: an archive has all that is committed, nobody sees a secret of its making, and nothing half is left.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { FileBackupStore } from '#src/backup/file-store.js';
import type { TakeBackup } from '#src/core/ports/backup-store.js';
import { PostgresBackupSource } from '#src/dao/dialects/postgres/backup/backup-source.js';
import { withToolEnvironment } from '#src/dao/dialects/postgres/backup/environment.js';
import { runQuietly } from '#src/dao/dialects/postgres/backup/run-tool.js';
import { PostgresServer } from '#src/dao/dialects/postgres/backup/server.js';
import { findTools } from '#src/dao/dialects/postgres/backup/tools.js';
import { eachBacked, contentOf, HOSTILE, restored, type Backed } from '../support/postgres-archives.js';
import { serverWithPassword } from '../support/postgres.js';
import { until } from '../support/processes.js';
import { value } from '../support/project.js';

const LINUX = process.platform === 'linux';

/** The children of this process that dump; pg_dump is also asked for its version. */
function dumping(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const [, ppid] = /^\d+ \(pg_dump\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      return Number(ppid) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--format=custom');
    } catch {
      return false;
    }
  });
}
/** `work` has a temporary folder of its own, where nobody else puts anything; `left` is what is in it. */
async function withTemporary(work: (left: () => string[]) => Promise<void>): Promise<void> {
  const { TMPDIR: before } = process.env;
  const folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
  process.env['TMPDIR'] = folder;
  try {
    await work(() => readdirSync(folder));
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('an archive of a PostgreSQL database', () => {
  let backed: Backed;
  eachBacked((one) => (backed = one));

  it('has every row, sequence and large object, whatever the names and the values', async () => {
    await backed.sql(HOSTILE);
    const before = await contentOf(backed.sql);
    const file = await backed.archive();
    await restored(backed, file, async (sql) => {
      expect(await contentOf(sql)).to.deep.equal(before);
      expect(await sql(`SELECT 1 FROM pg_namespace WHERE nspname = 'migrate_safe_backup'`)).to.deep.equal([]);
    });
    expect(Object.keys(before)).to.include.members(['migrate_safe.kept', 'public.parted_low']);
  });

  it('says what it holds and what a restore of it needs', async () => {
    const [role, other] = ['Role "q"', 'plain_role'].map((name) => `migrate_safe_test ${name} ${process.pid}`);
    const quoted = [role, other].map((name) => `"${name?.replaceAll('"', '""')}"`);
    await backed.sql(`CREATE ROLE ${quoted[0]}; CREATE ROLE ${quoted[1]}`);
    try {
      await backed.sql(`CREATE TABLE "T" (v int); ALTER TABLE "T" OWNER TO ${quoted[0]}; CREATE SCHEMA s; CREATE TABLE s."a.b" (v int);
        GRANT SELECT ON s."a.b" TO ${quoted[1]}; CREATE EXTENSION citext; CREATE SCHEMA migrate_safe; CREATE TABLE migrate_safe.events (v int)`);
      const facts = value(await backed.source.check(await backed.archive(), 'quick'));
      expect(facts.tables).to.deep.equal(['T', 's."a.b"']);
      if (!('archive' in facts)) throw new Error('these are not the facts of an archive');
      expect(facts.archive).to.include({ encoding: 'UTF8', format: facts.archive.format });
      expect(facts.archive.roles).to.include.members([role, other]);
      expect(facts.archive.roles).to.not.include('PUBLIC');
      expect(facts.archive.extensions).to.deep.equal(['citext']);
      expect(facts.archive.serverVersion).to.match(/^\d+\.\d+/);
    } finally {
      await backed.sql(`DROP OWNED BY ${quoted[0]}, ${quoted[1]}; DROP ROLE ${quoted[0]}; DROP ROLE ${quoted[1]}`);
    }
  });

  it('has what an exported snapshot sees, and nothing that came after', async () => {
    await backed.sql('CREATE TABLE t (v int); INSERT INTO t VALUES (1)');
    const client = new pg.Client({ connectionString: backed.database.url });
    await client.connect();
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      const { rows } = await client.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
      await backed.sql('INSERT INTO t VALUES (2)');
      const file = path.join(backed.directory, 'snapshot.dump');
      value(await new PostgresBackupSource(backed.server, rows[0]?.id).copyTo(file, () => undefined));
      expect(await restored(backed, file, (sql) => sql('SELECT v FROM t'))).to.deep.equal([{ v: 1 }]);
    } finally {
      await client.end();
    }
  });

  it('can be read by nobody else, and its making tells how far it is', async () => {
    await backed.sql(`CREATE TABLE t AS SELECT i, md5(i::text) AS m FROM generate_series(1, 200000) AS i`);
    const file = path.join(backed.directory, 'progress.dump');
    const told: (readonly [number, number])[] = [];
    value(await backed.source.copyTo(file, (done, total) => told.push([done, total])));
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(told.every(([done, total]) => done <= total)).to.equal(true);
    expect(told.map(([done]) => done)).to.deep.equal(told.map(([done]) => done).toSorted((a, b) => a - b));
    expect(told.at(-1)?.[0]).to.equal(told.at(-1)?.[1]);
  });

  it('takes no lock that keeps anybody from writing', async () => {
    await backed.sql('CREATE TABLE t (v int)');
    const client = new pg.Client({ connectionString: backed.database.url });
    await client.connect();
    try {
      await client.query('BEGIN; LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE; INSERT INTO t VALUES (1)');
      expect(value(await backed.source.check(await backed.archive(), 'full')).tables).to.deep.equal(['t']);
    } finally {
      await client.end();
    }
  });

  (LINUX ? it : it.skip)(
    'is given up when the signal aborts: the program ends, and nothing of it is left',
    async () => {
      await backed.sql('CREATE TABLE t (v int)');
      const client = new pg.Client({ connectionString: backed.database.url });
      await client.connect();
      try {
        await client.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
        const abort = new AbortController();
        await withTemporary(async (left) => {
          const copying = backed.source.copyTo(path.join(backed.directory, 'x.dump'), () => undefined, abort.signal);
          await until(() => dumping().length === 1);
          expect(left()).to.have.length(1);
          abort.abort();
          const outcome = await copying;
          expect(outcome.isErr() && outcome.error.kind).to.equal('interrupted');
          expect(dumping()).to.deep.equal([]);
          expect(left()).to.deep.equal([]);
        });
      } finally {
        await client.end();
      }
    },
  );

  describe('in the store', () => {
    const take = (source: PostgresBackupSource, root: string, verify: TakeBackup['verify'] = 'quick') =>
      new FileBackupStore(root, { now: () => new Date(0) }, { hex: (n) => '0'.repeat(n) }, 'test').take({
        source,
        databaseId: 'db',
        database: { label: 'l', path: '', dialect: 'postgres' },
        driver: 'pg',
        reason: { kind: 'manual', runId: 'r' },
        journal: { position: 0, hash: '' },
        verify,
        onProgress: () => undefined,
      });

    it('is a set with the name, the checks and the facts of its kind, and is proven whole again', async () => {
      await backed.sql(HOSTILE);
      const backup = value(await take(backed.source, backed.directory, 'full'));
      expect(path.basename(backup.file)).to.equal('database.dump');
      expect(backup.manifest.files[0]?.path).to.equal('data/database.dump');
      expect(backup.manifest.verified.checks).to.deep.equal(['header', 'size', 'sha256', 'archive', 'content']);
      const store = new FileBackupStore(
        backed.directory,
        { now: () => new Date(0) },
        { hex: (n) => '0'.repeat(n) },
        'test',
      );
      const [listed] = value(await store.list('db')).backups;
      expect(listed).to.deep.equal(backup);
      value(await store.verify(backup, backed.copies, 'full'));
      const bytes = readFileSync(backup.file);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeFileSync(backup.file, bytes);
      const outcome = await store.verify(backup, backed.copies, 'full');
      expect(outcome.isErr() && outcome.error).to.include({ kind: 'backup-corrupt', check: 'sha256' });
    });

    (LINUX && process.getuid?.() === 0 ? it : it.skip)('is not there at all where the disk is full', async function () {
      const disk = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'pipe' });
      } catch {
        rmSync(disk, { recursive: true });
        return this.skip();
      }
      try {
        await backed.sql(`CREATE TABLE t AS SELECT md5(i::text) AS m FROM generate_series(1, 100000) AS i`);
        const outcome = await take(backed.source, disk);
        expect(outcome.isErr() && outcome.error).to.include({ kind: 'store-failed', diskFull: true });
        expect(
          readdirSync(disk, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('dump')),
        ).to.deep.equal([]);
      } finally {
        execFileSync('umount', [disk]);
        rmSync(disk, { recursive: true });
      }
    });
  });
});

describe('a password', () => {
  const SECRET = 'sé:cr\\et \'"x';

  it('reaches pg_dump by a file alone: neither its arguments nor its environment show it', async function () {
    this.timeout(60_000);
    if (!LINUX) this.skip();
    const url = await serverWithPassword(this, SECRET);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    try {
      await client.query('CREATE TABLE t (v int); INSERT INTO t VALUES (1)');
      await client.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
      const file = path.join(directory, 'x.dump');
      const source = new PostgresBackupSource(new PostgresServer(pg, { connectionString: url }));
      const copying = source.copyTo(file, () => undefined);
      await until(() => dumping().length === 1);
      const [pid = ''] = dumping();
      const shown = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8'));
      for (const text of shown)
        for (const form of [SECRET, encodeURIComponent(SECRET)]) expect(text).to.not.include(form);
      const passFile = /PGPASSFILE=([^\0]*)/.exec(shown[1] ?? '')?.[1] ?? '';
      expect(statSync(passFile).mode & 0o777).to.equal(0o600);
      expect(statSync(path.dirname(passFile)).mode & 0o777).to.equal(0o700);
      await client.query('ROLLBACK');
      value(await copying);
      expect(existsSync(path.dirname(passFile))).to.equal(false);
      expect(value(await source.check(file, 'full')).tables).to.deep.equal(['t']);
      expect(value(await source.atStake(file, 'all'))).to.deep.equal([]);
    } finally {
      await client.end();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('that is wrong is not in the error, and leaves no file behind', async function () {
    this.timeout(60_000);
    const url = new URL(await serverWithPassword(this, SECRET));
    url.password = 'wrong-secret';
    const { pgDump } = value(await findTools(100_000));
    await withTemporary(async (left) => {
      const outcome = await withToolEnvironment({ connectionString: url.href }, async (env) =>
        runQuietly({ program: pgDump, args: ['--no-password'], env }),
      );
      expect(outcome.isErr() && outcome.error).to.include({ kind: 'access-denied' });
      expect(JSON.stringify(outcome)).to.not.include('wrong-secret');
      expect(left()).to.deep.equal([]);
    });
  });

  it('is gone from the disk when the work throws', async () => {
    await withTemporary(async (left) => {
      let during: string[] = [];
      const work = withToolEnvironment({ host: 'h', password: SECRET }, async () => {
        during = left();
        throw new Error('the work failed');
      });
      await work.then(
        () => expect.fail('it did not throw'),
        (thrown: unknown) => expect(String(thrown)).to.include('the work failed'),
      );
      expect(during).to.have.length(1);
      expect(left()).to.deep.equal([]);
    });
  });
});
