// Clones in place of dumps: made where nobody else is connected, entered by nobody, found again by what they say, and put back by a swap of names.
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, MigrationStep, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import pg from 'pg';
import { obstacleTo } from '#src/dao/dialects/postgres/backup/clone/obstacle.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { examineServer } from '#src/dao/dialects/postgres/doctor/examine.js';
import { loadDriver } from '#src/dao/dialects/postgres/load-driver.js';
import { damage, kitchenSink, makeRoles, sql, textOf, toolsOf } from '../support/kitchen-sink.js';
import { poolerFor } from '../support/pgbouncer.js';
import { binaries, makeCluster } from '../support/postgres-cluster.js';
import { freshDatabase, testServer, type TestDatabase } from '../support/postgres.js';
import { needsTools, testVersion } from '../support/postgres-version.js';
import { failure, value } from '../support/project.js';

const OWNER = 'migrate_safe_test_cloner';

describe('clones of a PostgreSQL database', function () {
  this.timeout(60_000);
  let directory: string;
  let database: TestDatabase;
  let server: string;
  let name: string;
  let there: Set<string>;

  const write = (file: string, text: string): void => writeFileSync(path.join(directory, 'migrations', file), text);
  const manager = (options: Partial<MigrateSafeOptions> = {}): SafeMigrationManager =>
    createMigrateSafe({
      database: database.url,
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
      fileBackupBy: 'template-clone',
      lockWait: '20s',
      ...options,
    });
  const urlOf = (of: string, role?: string): string => {
    const url = new URL(database.url);
    url.pathname = `/${of}`;
    if (role !== undefined) [url.username, url.password] = [role, role];
    return url.href;
  };
  const content = async (of = database.url): Promise<string> => {
    const tools = await toolsOf(of);
    if (tools === undefined) throw new Error('no pg_dump');
    return textOf(tools, of);
  };
  /** Those that came in this test, without the one that it works with. */
  const others = async (): Promise<string[]> =>
    (await sql<{ n: string }>(server, 'SELECT datname AS n FROM pg_database ORDER BY oid'))
      .map(({ n }) => n)
      .filter((one) => !there.has(one) && one !== name);
  const backups = async (): Promise<{ id: string; clone: string }[]> =>
    value(await manager().listBackups())
      .backups.toReversed()
      .flatMap(({ manifest: { id, copy } }) => ('clone' in copy ? [{ id, clone: copy.clone.database }] : []));
  const shop = (): void => {
    write('0001_shop.sql', `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);`);
    write('0002_more.sql', `-- migrate-safe: may-lose-rows table=t\nDELETE FROM t; INSERT INTO t VALUES (2);`);
  };
  const rows = async (of = database.url): Promise<unknown[]> =>
    (await sql<{ id: number }>(of, 'SELECT id FROM t ORDER BY 1')).map(({ id }) => id);

  before(async function () {
    server = (await testServer())?.url ?? this.skip();
    await sql(server, `CREATE ROLE ${OWNER} LOGIN PASSWORD '${OWNER}'`).catch(() => undefined);
  });
  beforeEach(async function () {
    there = new Set((await sql<{ n: string }>(server, 'SELECT datname AS n FROM pg_database')).map(({ n }) => n));
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'migrations'));
    database = await freshDatabase(this);
    name = new URL(database.url).pathname.slice(1);
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    for (const one of await others()) await sql(server, `DROP DATABASE "${one}" WITH (FORCE)`);
    await database.drop();
  });

  it('bring every kind of object back, and are there for another time', async function () {
    await needsTools(this);
    await makeRoles(server);
    await sql(database.url, kitchenSink(true, await testVersion()));
    await sql(server, `ALTER DATABASE ${name} SET work_mem = '77MB'`);
    value(await manager().stamp('base'));
    const atFirst = await content();
    write('0001_one.sql', 'CREATE TABLE one (id int)');
    value(await manager().up());
    const [{ id, clone } = { id: '', clone: '' }] = await backups();
    expect(await others()).to.deep.equal([clone]);
    expect(Buffer.byteLength(clone)).to.be.lessThan(64);
    for (const round of [1, 2]) {
      await sql(database.url, damage(true));
      const damaged = await content();
      const past = value(await manager().history());
      const asked: unknown[] = [];
      const report = value(
        await manager().restore({
          choice: round === 1 ? { latest: true } : { id },
          confirm: ({ atStake, keeps }) => (asked.push(atStake?.length, keeps), Promise.resolve(true)),
        }),
      );
      expect(asked[0]).to.be.greaterThan(3);
      expect(asked[1]).to.equal('old-database');
      expect(report).to.include({ by: 'swap', safetyBackupId: null });
      expect(report.restored.rows).to.equal(509);
      expect(await content()).to.equal(atFirst);
      expect(await content(urlOf(report.kept?.database ?? ''))).to.equal(damaged);
      const events = value(await manager().history());
      expect(events.slice(0, past.length)).to.deep.equal(past);
      expect(events.at(-2)?.data).to.include({ backupId: id, keptAs: report.kept?.database });
      expect(value(await manager().audit())).to.include({ events: events.length, mirrored: events.length });
      expect(await others()).to.have.members([clone, report.kept?.database]);
      await sql(server, report.kept?.drop ?? '');
    }
    const settings = `SELECT setconfig AS s FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = '${name}')`;
    expect(await sql(server, settings)).to.deep.equal([{ s: ['work_mem=77MB'] }]);
  });

  it('are made before each step, told with their size, closed to everybody, and in the journal', async () => {
    shop();
    const safe = manager({ fileBackup: 'each-step' });
    value(await safe.up());
    const clones = await backups();
    expect(clones).to.have.length(2);
    expect(await others()).to.deep.equal(clones.map(({ clone }) => clone));
    const events = value(await manager().history());
    const taken = events.filter(({ type, data }) => type === 'BackupTaken' && data['kind'] === 'clone');
    expect(taken.map(({ data }) => [data['backupId'], data['version']])).to.deep.equal([
      [clones[0]?.id, '0001'],
      [clones[1]?.id, '0002'],
    ]);
    for (const { data } of taken) expect(data['bytes']).to.be.greaterThan(1_000_000);
    for (const { clone } of clones) {
      const refused = await sql(urlOf(clone), 'SELECT 1').catch((error: unknown) => (error as Error).message);
      expect(refused).to.contain('not currently accepting connections');
    }
    const [state] = await sql<{ comment: string }>(
      server,
      `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = '${clones[1]?.clone}'`,
    );
    expect(state?.comment).to.contain(clones[1]?.id);
  });

  it('are refused before the first change where somebody else is connected, who is named', async () => {
    shop();
    const client = new pg.Client({ connectionString: database.url, application_name: 'the web shop' });
    await client.connect();
    const { rows: found } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const refused = failure(await manager().up());
    expect(refused).to.include({ kind: 'clone-refused', code: 'MS-CLONE-REFUSED', exitCode: 1, state: 'unchanged' });
    expect(refused.message).to.contain(`process ${found[0]?.pid} (`).and.contain('the web shop');
    expect(refused.hint).to.contain('Stop the application').and.contain('--file-backup-by dump');
    expect(
      await sql(database.url, `SELECT to_regclass('t') AS t, to_regclass('migrate_safe.events') AS e`),
    ).to.deep.equal([{ t: null, e: null }]);
    expect(await others()).to.deep.equal([]);
    await client.end();
    value(await manager().up());
    expect(await rows()).to.deep.equal([2]);
  });

  it('are refused where somebody came after the first look, and the step is not begun', async () => {
    shop();
    const client = new pg.Client({ connectionString: database.url, application_name: 'a late guest' });
    const steps = [
      new MigrationStep(1, 'with a guest', {
        apply: async (db) => {
          await db.raw('CREATE TABLE t (id int)');
        },
        validate: () => client.connect().then(() => ({ ok: true })),
      }),
      new MigrationStep(2, 'never', { apply: async (db) => void (await db.raw('DROP TABLE t')) }),
    ];
    const refused = failure(await manager({ steps, fileBackup: 'each-step' }).up());
    expect(refused).to.include({ kind: 'clone-refused' });
    expect(refused.message).to.contain('a late guest');
    await client.end();
    expect(value(await manager({ steps }).status())).to.include({ current: '1', pending: 1 });
    expect(await others()).to.deep.equal((await backups()).map(({ clone }) => clone));
    value(await manager().audit());
  });

  it('are refused to a role that may not make them, which is told the right that is missing', async function () {
    await needsTools(this);
    const as = (): SafeMigrationManager => manager({ database: urlOf(name, OWNER) });
    await sql(server, `ALTER ROLE ${OWNER} NOCREATEDB; ALTER DATABASE ${name} OWNER TO ${OWNER}`);
    if ((await testVersion()) < 150_000) await sql(database.url, `GRANT ALL ON SCHEMA public TO ${OWNER}`);
    shop();
    const refusal = async (): Promise<string> => {
      const refused = failure(await as().up());
      expect(refused).to.include({ kind: 'clone-refused', state: 'unchanged' });
      return `${refused.message} ${refused.hint}`;
    };
    expect(await refusal()).to.contain(`ALTER ROLE "${OWNER}" CREATEDB;`);
    await sql(server, `ALTER ROLE ${OWNER} CREATEDB; ALTER DATABASE ${name} OWNER TO CURRENT_USER`);
    await sql(database.url, `GRANT ALL ON SCHEMA public TO ${OWNER}; GRANT CREATE ON DATABASE ${name} TO ${OWNER}`);
    expect(await refusal())
      .to.contain('belongs to')
      .and.contain(`TO "${OWNER}";`);
    await sql(server, `ALTER DATABASE ${name} OWNER TO ${OWNER}`);
    value(await as().up());
    await sql(server, `ALTER ROLE ${OWNER} NOCREATEDB`);
    const unread = failure(await as().restore({ choice: { latest: true } }));
    expect(unread).to.include({ state: 'unchanged', fix: `as a superuser: ALTER ROLE "${OWNER}" CREATEDB;` });
    await sql(server, `ALTER ROLE ${OWNER} CREATEDB`);
    value(await as().restore({ choice: { latest: true } }));
    expect(await sql(database.url, `SELECT to_regclass('t') AS t`)).to.deep.equal([{ t: null }]);
    await sql(server, `ALTER DATABASE ${name} OWNER TO CURRENT_USER`);
  });

  it('are refused behind a pooler', async function () {
    shop();
    const pooler = await poolerFor(this, database.url);
    try {
      const refused = failure(await manager({ database: pooler.url }).up());
      expect(refused).to.include({ kind: 'clone-refused', state: 'unchanged' });
      expect(refused.message).to.contain('pooler');
    } finally {
      await pooler.stop();
    }
  });

  it('are refused while a prepared transaction is open', async function () {
    shop();
    const cluster = await makeCluster(binaries() ?? this.skip(), { max_prepared_transactions: '2' });
    try {
      await cluster.start();
      await sql(cluster.url, `CREATE DATABASE shop`);
      const url = cluster.url.replace(/postgres$/, 'shop');
      await sql(url, `BEGIN; CREATE TABLE half (id int); PREPARE TRANSACTION 'half''way'`);
      const refused = failure(await manager({ database: url }).up());
      expect(refused.hint).to.contain(`ROLLBACK PREPARED 'half''way';`);
    } finally {
      await cluster.remove();
    }
  });

  it('are refused where the server has no room for all of them', async () => {
    const connected = value(await PostgresConnection.connect(value(loadDriver()), { connectionString: database.url }));
    const found = value(await obstacleTo(connected, 1e9));
    value(await connected.close());
    expect(found?.reason).to.match(
      /^it takes [\d.]+ \w+, and where the server has its data \(.+\) [\d.]+ \w+ are free$/,
    );
  });

  it('say what the server says, where it refuses for reasons of its own', async function () {
    if ((await testVersion()) < 150_000) this.skip();
    await sql(server, `DROP DATABASE ${name}`);
    await sql(server, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'de'`);
    await sql(server, `UPDATE pg_database SET datcollversion = '1' WHERE datname = '${name}'`);
    shop();
    const refused = failure(await manager().up());
    expect(refused).to.include({ kind: 'clone-refused', state: 'unchanged' });
    expect(`${refused.message} ${refused.hint}`).to.match(/collation version mismatch/);
    expect(await sql(database.url, `SELECT to_regclass('t') AS t`)).to.deep.equal([{ t: null }]);
    expect(await others()).to.deep.equal([]);
    value(await manager({ fileBackup: 'never' }).up());
    value(await manager().audit());
  });

  it('leave nothing where the run is cancelled while one is made', async () => {
    shop();
    await sql(
      database.url,
      `CREATE TABLE large AS SELECT n, repeat(md5(n::text), 8) AS v FROM generate_series(1, 150000) AS n`,
    );
    value(await manager().stamp('base'));
    const cancel = new AbortController();
    const running = manager().up({ signal: cancel.signal });
    const copying = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE%${name}%' AND state = 'active' AND pid <> pg_backend_pid()`;
    let seen: unknown[] = [];
    for (let tries = 0; tries < 2000 && seen.length === 0; tries += 1) seen = await sql(server, copying);
    expect(seen).to.have.length(1);
    cancel.abort();
    expect(failure(await running)).to.include({ kind: 'cancelled', state: 'unchanged' });
    expect(await others()).to.deep.equal([]);
    value(await manager().audit());
  });

  it('are not put back where they are gone, were opened, or are another database by now', async function () {
    await needsTools(this);
    shop();
    value(await manager().up());
    const [{ id, clone } = { id: '', clone: '' }] = await backups();
    const refused = async (): Promise<string> => {
      const error = failure(await manager().restore({ choice: { id } }));
      expect(error).to.include({ kind: 'backup-corrupt', exitCode: 3, state: 'unchanged' });
      expect(await rows()).to.deep.equal([2]);
      return error.message;
    };
    const comment = async (text: string): Promise<unknown> => sql(server, `COMMENT ON DATABASE ${clone} IS '${text}'`);
    const [said] = await sql<{ c: string }>(
      server,
      `SELECT shobj_description(oid, 'pg_database') AS c FROM pg_database WHERE datname = '${clone}'`,
    );
    await sql(server, `ALTER DATABASE ${clone} ALLOW_CONNECTIONS true`);
    await sql(urlOf(clone), `CREATE TABLE since (id int)`);
    expect(await refused())
      .to.contain('connections to')
      .and.contain('somebody may have changed it');
    const doctor = (await examineServer({ connectionString: database.url }, name)).find(
      (check) => check.name === 'clone',
    );
    expect(doctor).to.include({ ok: false });
    expect(doctor?.fix).to.contain(`ALTER DATABASE "${clone}" ALLOW_CONNECTIONS false;`);
    await sql(server, `ALTER DATABASE ${clone} ALLOW_CONNECTIONS false`);
    await comment('mine');
    expect(await refused()).to.contain('does not say that it is this clone');
    await sql(server, `DROP DATABASE ${clone}`);
    expect(await refused()).to.contain('the clone was dropped');
    await sql(server, `CREATE DATABASE ${clone} ALLOW_CONNECTIONS false`);
    await comment(said?.c ?? '');
    expect(await refused()).to.contain('it was made anew since');
    expect(await others()).to.deep.equal([clone]);
  });

  it('say so where what was noted of them was changed, or their journal is another one', async function () {
    await needsTools(this);
    shop();
    value(await manager().up());
    const [{ clone } = { clone: '' }] = await backups();
    await sql(server, `ALTER DATABASE ${clone} ALLOW_CONNECTIONS true`);
    await sql(urlOf(clone), `ALTER TABLE migrate_safe.events DISABLE TRIGGER ALL; DELETE FROM migrate_safe.events`);
    await sql(server, `ALTER DATABASE ${clone} ALLOW_CONNECTIONS false`);
    const refused = failure(await manager().restore({ choice: { latest: true } }));
    expect(refused).to.include({ kind: 'restore-failed' });
    expect(refused.message).to.contain('its journal ends at 0');
    expect(await others()).to.deep.equal([clone]);
    const { file = '' } =
      value(await manager().listBackups()).backups.find(({ manifest }) => manifest.kind === 'clone') ?? {};
    writeFileSync(file, readFileSync(file, 'utf8').replace(clone, name));
    expect(failure(await manager().restore({ choice: { latest: true } }))).to.include({ kind: 'backup-corrupt' });
    expect(await rows()).to.deep.equal([2]);
  });

  it('go with the runs that retention forgets, and nothing goes that is not ours', async () => {
    shop();
    const once = { keepRuns: 1 } as const;
    value(await manager(once).up());
    const [first] = await backups();
    await sql(server, `CREATE DATABASE ${name}_mine`);
    await sql(server, `COMMENT ON DATABASE ${name}_mine IS 'migrate-safe clone of my own'`);
    write('0003_third.sql', 'CREATE TABLE third (id int)');
    value(await manager(once).up());
    const [second, ...more] = await backups();
    expect(more).to.deep.equal([]);
    expect(second?.id).not.to.equal(first?.id);
    expect(await others()).to.deep.equal([`${name}_mine`, second?.clone]);
    // What says that it is another thing is somebody's; of this one only the note is ours.
    await sql(server, `COMMENT ON DATABASE ${second?.clone} IS 'mine by now'`);
    write('0004_fourth.sql', 'CREATE TABLE fourth (id int)');
    value(await manager(once).up());
    const [third] = await backups();
    expect(await others()).to.deep.equal([`${name}_mine`, second?.clone, third?.clone]);
    // Whose set somebody took away is still known by what it says.
    const [id = ''] = readdirSync(path.join(directory, 'backups'));
    rmSync(path.join(directory, 'backups', id, 'series'), { recursive: true });
    write('0005_fifth.sql', 'CREATE TABLE fifth (id int)');
    value(await manager(once).up());
    const [fourth] = await backups();
    expect(await others()).to.deep.equal([`${name}_mine`, second?.clone, fourth?.clone]);
    value(await manager().audit());
  });

  it('are put back by a person’s word after a step without a transaction that failed half-way', async function () {
    await needsTools(this);
    shop();
    value(await manager({ fileBackup: 'never' }).up());
    const half = new MigrationStep(3, 'half a step', {
      transaction: 'none',
      apply: async (db) => {
        await db.raw('INSERT INTO public.t VALUES (7), (8)');
        throw new Error('broken off');
      },
    });
    const with_ = (step: MigrationStep): SafeMigrationManager => manager({ tableBackup: 'never' }).addMigration(step);
    const stopped = failure(await with_(half).up());
    expect(stopped).to.include({ kind: 'needs-person', exitCode: 5, rowsAtStake: 2 });
    const [clone] = (await backups()).slice(-1);
    expect(stopped).to.include({ command: `migrate-safe restore ${clone?.id}` });
    expect(failure(await with_(half).up())).to.include({ kind: 'needs-person', rowsAtStake: 2 });
    value(await manager().restore({ choice: { id: clone?.id ?? '' } }));
    expect(await rows()).to.deep.equal([2]);
    const idle = new MigrationStep(3, 'a step that does nothing', {
      transaction: 'none',
      apply: () => Promise.reject(new Error('before anything was done')),
    });
    expect(failure(await with_(idle).up())).to.include({ kind: 'step-failed', state: 'rolled-back' });
    value(await manager().audit());
  });

  it('give no single tables, and become databases of their own', async function () {
    await needsTools(this);
    shop();
    value(await manager({ fileBackup: 'each-step' }).up());
    const [, { id, clone } = { id: '', clone: '' }] = await backups();
    const parts = failure(await manager().restore({ choice: { id }, tables: ['t'] }));
    expect(parts).to.include({ kind: 'usage', state: 'unchanged' });
    expect(parts.hint).to.contain(`migrate-safe restore ${id} --as-copy NAME`);
    expect(failure(await manager().restore({ choice: { id }, by: 'in-place' }))).to.include({ kind: 'usage' });
    value(await manager().restoreAsCopy({ choice: { id }, name: `${name}_copy` }));
    expect(await rows(urlOf(`${name}_copy`))).to.deep.equal([1]);
    expect(await others()).to.have.members([...(await backups()).map((one) => one.clone), `${name}_copy`]);
    expect(value(await manager({ database: urlOf(`${name}_copy`), backups: `${directory}/copy` }).status())).to.include(
      {
        current: '0001',
      },
    );
    // Copies of tables from before the step are closer to what is asked for.
    value(await manager().restore({ choice: { beforeStep: '2' }, tables: ['t'] }));
    expect(await rows()).to.deep.equal([1]);
    expect(await others()).to.include(clone);
    // Those that the live database has go along into the one that takes its name, in place of those that the clone has.
    const copies = async (): Promise<string[]> =>
      value(await manager().listBackups()).backups.flatMap(({ manifest }) =>
        manifest.kind === 'tables' ? [manifest.id] : [],
      );
    const kept = await copies();
    expect(kept).to.have.length(2);
    value(await manager().restore({ choice: { id } }));
    expect(await copies()).to.deep.equal(kept);
    await sql(database.url, 'INSERT INTO t VALUES (9)');
    value(await manager().restore({ choice: { id: kept[0] ?? '' } }));
    expect(await rows()).to.deep.equal([2]);
  });
});
