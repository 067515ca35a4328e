// A restore by a swap of names on a server of its own: with room for few locks, with what cannot be swapped, and killed in every phase.
import { expect } from 'chai';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import { sql, textOf, toolsOf } from '../support/kitchen-sink.js';
import { binaries, makeCluster, type Cluster } from '../support/postgres-cluster.js';
import { startScript } from '../support/processes.js';
import { failure, value } from '../support/project.js';
import { strikingProxy, type Strike, type StrikingProxy } from '../support/striking-proxy.js';

/** More than there are locks for. */
const TABLES = 40;

describe('a restore by a swap of names, on a server of its own', function () {
  this.timeout(60_000);
  let cluster: Cluster;
  let directory: string;
  let base: string | undefined;
  let url: string;
  let atBackup: string;
  let now: string;
  let databases = 0;

  const steps = (): string => path.join(directory, 'migrations');
  const manager = (options: Partial<MigrateSafeOptions> = {}): SafeMigrationManager =>
    createMigrateSafe({
      database: url,
      steps: steps(),
      backups: path.join(directory, 'backups'),
      lockWait: '30s',
      ...options,
    });
  const content = async (of = url): Promise<string> => {
    const tools = await toolsOf(of);
    return tools === undefined ? '' : textOf(tools, of);
  };
  const urlOf = (name: string): string => {
    const to = new URL(cluster.url);
    to.pathname = `/${name}`;
    return to.href;
  };
  const family = async (): Promise<string[]> =>
    (
      await sql<{ n: string }>(
        cluster.url,
        `SELECT datname AS n FROM pg_database WHERE datname ~ '^(swapped_${databases}|migrate_safe_restore_)' ORDER BY 1`,
      )
    ).map(({ n }) => n);

  before(async function () {
    const folder = binaries();
    if (folder === undefined) {
      if (process.env['CI'] !== undefined) throw new Error('there are no programs of PostgreSQL to start a server of');
      process.stderr.write('SKIPPED: there are no programs of PostgreSQL to start a server of\n');
      return this.skip();
    }
    cluster = await makeCluster(folder, {
      max_locks_per_transaction: '10',
      max_connections: '20',
      max_prepared_transactions: '2',
      wal_level: 'logical',
    });
    await cluster.start();
    base = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    directory = base;
    mkdirSync(steps());
    await sql(cluster.url, 'CREATE DATABASE base');
    url = urlOf('base');
    await sql(
      url,
      `CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 2000) AS n`,
    );
    value(await manager().stamp('base'));
    value(await manager().createBackup());
    atBackup = await content();
    await sql(url, `INSERT INTO t VALUES (-1, 'since'); UPDATE t SET v = 'x' WHERE id = 7`);
    now = await content();
  });
  after(async () => {
    await cluster?.remove();
    if (base !== undefined) rmSync(base, { recursive: true, force: true });
  });
  /** Each test has its own, with a journal and a folder of backups of its own. */
  beforeEach(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    cpSync(base ?? '', directory, { recursive: true });
    const name = `swapped_${++databases}`;
    await sql(cluster.url, `CREATE DATABASE ${name} TEMPLATE base`);
    await sql(cluster.url, `ALTER DATABASE ${name} SET work_mem = '77MB'`);
    url = urlOf(name);
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    for (const one of await family()) await sql(cluster.url, `DROP DATABASE ${one} WITH (FORCE)`);
  });

  it('is chosen by itself where the server has no room for the locks of all tables', async () => {
    await sql(
      url,
      `DO $$ BEGIN FOR n IN 1..${TABLES} LOOP EXECUTE 'CREATE TABLE many_' || n || ' (id serial PRIMARY KEY, t text)'; IF n % 20 = 0 THEN COMMIT; END IF; END LOOP; END $$`,
    );
    value(await manager().createBackup());
    const before = await content();
    await sql(url, `INSERT INTO many_7 (t) VALUES ('since')`);
    const refused = failure(await manager().restore({ choice: { latest: true }, by: 'in-place' }));
    expect(refused.message).to.contain('ALTER SYSTEM SET max_locks_per_transaction');
    expect(value(await manager().restore({ choice: { latest: true } }))).to.include({ by: 'swap' });
    expect(await content()).to.equal(before);
    value(await manager().audit());
    await sql(url, `BEGIN; INSERT INTO t VALUES (-2); PREPARE TRANSACTION 'half''way'`);
    const both = failure(await manager().restore({ choice: { latest: true } })).message;
    expect(both).to.contain('ALTER SYSTEM SET max_locks_per_transaction').and.contain(`ROLLBACK PREPARED 'half''way';`);
    await sql(url, `ROLLBACK PREPARED 'half''way'`);
  });

  it('refuses where something of the database would not go along with its name', async () => {
    const refusal = async (): Promise<string> =>
      failure(await manager().restore({ choice: { latest: true }, by: 'swap' })).message;
    await sql(url, `SELECT pg_create_logical_replication_slot('reader', 'test_decoding')`).catch(() =>
      sql(url, `SELECT pg_create_logical_replication_slot('reader', 'pgoutput')`),
    );
    expect(await refusal()).to.contain(`SELECT pg_drop_replication_slot('reader');`);
    await sql(url, `SELECT pg_drop_replication_slot('reader')`);
    await sql(url, `CREATE SUBSCRIPTION s CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false)`);
    expect(await refusal()).to.contain('the subscription s');
    await sql(url, `ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s`);
    expect(await content()).to.equal(now);
  });

  type Phase = readonly [phase: string, at: Omit<Strike, 'strike'>, expected: 'old' | 'new'];
  const FILLED: Phase = ['while it is filled', { statement: /COPY public\.t/, when: 'before' }, 'old'];
  const BETWEEN: Phase = [
    'between the two names',
    { statement: /ALTER DATABASE "migrate_safe_restore/, when: 'before' },
    'old',
  ];
  const COMMITTED: Phase = [
    'when all is committed, before it is told',
    { behind: /RENAME TO/, statement: /COMMIT/, when: 'after' },
    'new',
  ];
  /** The others say nothing that these do not, unless something is wrong: for the soak. */
  const OTHERS: readonly Phase[] = [
    ['when the new database has been made', { statement: /CREATE DATABASE/, when: 'after' }, 'old'],
    ['before its journal is committed', { statement: /INSERT INTO migrate_safe\.events/, when: 'after' }, 'old'],
    ['while the first name changes', { statement: /ALTER DATABASE "swapped/, when: 'after' }, 'old'],
    ['before its settings are given to it', { statement: /SET work_mem/, when: 'before' }, 'old'],
  ];
  const isSoak = Number(process.env['KILLS'] ?? 0) > 20;
  const PROCESS_KILLS = [FILLED, BETWEEN, COMMITTED, ...(isSoak ? OTHERS : [])];
  const SERVER_KILLS = isSoak ? [...PROCESS_KILLS] : [COMMITTED];

  /** What a start finds and does, whichever of the two is there: all of one, and nothing half-done. */
  async function sound(expected: 'old' | 'new'): Promise<void> {
    expect(await content()).to.equal(expected === 'old' ? now : atBackup);
    writeFileSync(path.join(steps(), '0001_next.sql'), 'CREATE TABLE next (id int)');
    value(await manager({ fileBackup: 'never' }).up());
    const { events } = value(await manager().audit());
    const types = value(await manager().history()).map(({ type }) => type);
    expect(types).to.have.length(events);
    expect(types.filter((type) => type === 'BackupRestored')).to.have.length(expected === 'old' ? 0 : 1);
    const left = await family();
    const live = `swapped_${databases}`;
    expect(left[0]).to.equal(live);
    expect(left).to.have.length(expected === 'old' ? 1 : 2);
    if (expected === 'new') expect(await content(urlOf(left[1] ?? ''))).to.equal(now);
    const settings = `SELECT setconfig AS s FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = '${live}')`;
    expect(await sql(url, settings)).to.deep.equal([{ s: ['work_mem=77MB'] }]);
  }

  const strike = (at: Phase[1], blow: () => void): Promise<StrikingProxy> =>
    strikingProxy(url, { ...at, strike: blow });

  for (const [phase, at, expected] of PROCESS_KILLS)
    it(`is the ${expected} one, whole, where its process is killed ${phase}`, async () => {
      const proxy = await strike(at, () => child.kill('SIGKILL'));
      const args = [proxy.url, steps(), path.join(directory, 'backups')];
      const { child, ended } = startScript('postgres-swap-child.js', args);
      const { signal, out, err } = await ended;
      expect(signal, out + err).to.equal('SIGKILL');
      await proxy.close();
      await sound(expected);
    });

  for (const [phase, at, expected] of SERVER_KILLS)
    it(`is the ${expected} one, whole, and is told so, where the server is killed ${phase}`, async () => {
      let crashed: Promise<void> | undefined;
      const proxy = await strike(at, () => void (crashed = cluster.crash().then(() => cluster.start())));
      const safe = createMigrateSafe({ database: proxy.url, steps: steps(), backups: path.join(directory, 'backups') });
      const done = await safe.restore({ choice: { latest: true }, by: 'swap' });
      expect(proxy.struck()).to.equal(true);
      await crashed;
      await proxy.close();
      expect(done.isOk()).to.equal(expected === 'new');
      await sound(expected);
    });
});
