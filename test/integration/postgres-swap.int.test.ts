// `restore --by swap`: a new database takes the name of the live one, with its journal, its settings and its rights, all at once.
import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import pg from 'pg';
import { previewLines } from '#src/cli/backup-text.js';
import type { RestorePreview } from '#src/core/manager/restore-context.js';
import { examineServer } from '#src/dao/dialects/postgres/doctor/examine.js';
import { newName } from '#src/dao/dialects/postgres/restore/swap/names.js';
import { damage, kitchenSink, makeRoles, sql, textOf, toolsOf } from '../support/kitchen-sink.js';
import { testServer } from '../support/postgres.js';
import { needsTools, testVersion } from '../support/postgres-version.js';
import { failure, value } from '../support/project.js';

const OWNER = 'migrate_safe_test_swapper';
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** What a database is beside what is in it, in the server's own words. */
const TRAITS = `
  SELECT pg_get_userbyid(d.datdba) AS owner, pg_encoding_to_char(d.encoding) AS encoding, to_jsonb(d) - '{oid,datname,datdba,datfrozenxid,datminmxid,datlastsysoid}'::text[] AS row,
    shobj_description(d.oid, 'pg_database') AS comment,
    (SELECT json_agg(json_build_array(setrole::regrole, setconfig) ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid) AS settings
  FROM pg_database AS d WHERE d.datname = current_database()`;

describe('a restore by a swap of names', function () {
  this.timeout(60_000);
  let server: string;
  let directory: string;
  let name: string;
  let url: string;

  const urlOf = (database: string, role?: string): string => {
    const to = new URL(server);
    to.pathname = `/${encodeURIComponent(database)}`;
    if (role !== undefined) [to.username, to.password] = [role, role];
    return to.href;
  };
  const create = async (database: string, how = ''): Promise<void> => {
    name = database;
    url = urlOf(name);
    await sql(server, `CREATE DATABASE ${quoted(name)} ${how}`);
  };
  const manager = (options: Partial<MigrateSafeOptions> = {}): SafeMigrationManager =>
    createMigrateSafe({
      database: url,
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
      lockWait: '20s',
      ...options,
    });
  const write = (file: string, text: string): void => writeFileSync(path.join(directory, 'migrations', file), text);
  const content = async (of = url): Promise<string> => {
    const tools = await toolsOf(of);
    if (tools === undefined) throw new Error('no pg_dump');
    return textOf(tools, of);
  };
  const databases = async (): Promise<string[]> =>
    (await sql<{ n: string }>(server, `SELECT datname AS n FROM pg_database`)).map(({ n }) => n);
  /** Those of a test: the live one, those that were kept, and what should not be there. */
  const family = async (): Promise<string[]> => {
    const mine = (one: string): boolean =>
      one.startsWith(name.slice(0, 20)) || one.startsWith(newName(name, '').trim());
    return (await databases()).filter(mine);
  };
  /** A step whose copy of a table is in the database, an archive from after it, and a row since; made once. */
  let base: { readonly name: string; readonly directory: string; readonly atTwo: string } | undefined;
  const makeShop = async (): Promise<NonNullable<typeof base>> => {
    write(
      '0001_shop.sql',
      `CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int PRIMARY KEY, m mood); INSERT INTO t VALUES (1, 'sad');`,
    );
    write('0002_more.sql', `INSERT INTO t VALUES (2, NULL); DELETE FROM t WHERE id = 5;`);
    value(await manager({ fileBackup: 'never' }).up({ to: '1' }));
    value(await manager({ fileBackup: 'never' }).up());
    const atTwo = await content();
    value(await manager().createBackup());
    await sql(url, `INSERT INTO t VALUES (3, NULL)`);
    const made = { name: `base_${randomBytes(8).toString('hex')}`, directory: `${directory}-base`, atTwo };
    cpSync(directory, made.directory, { recursive: true });
    await sql(server, `CREATE DATABASE ${made.name} TEMPLATE ${name}`);
    return made;
  };
  const shop = async (): Promise<string> => {
    if (base === undefined) base = await makeShop();
    else {
      cpSync(base.directory, directory, { recursive: true });
      await sql(server, `DROP DATABASE ${name}`);
      await sql(server, `CREATE DATABASE ${name} TEMPLATE ${base.name}`);
    }
    return base.atTwo;
  };

  before(async function () {
    await needsTools(this);
    server = (await testServer())?.url ?? this.skip();
    for (const right of ['NOCREATEDB', 'CREATEDB'])
      await sql(
        server,
        `CREATE ROLE ${OWNER}_${right.toLowerCase()} LOGIN ${right} PASSWORD '${OWNER}_${right.toLowerCase()}'`,
      ).catch(() => undefined);
  });
  beforeEach(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'migrations'));
    await create(`swap_${randomBytes(8).toString('hex')}`);
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    for (const one of await family()) await sql(server, `DROP DATABASE ${quoted(one)} WITH (FORCE)`);
  });

  after(async () => {
    if (base === undefined) return;
    rmSync(base.directory, { recursive: true, force: true });
    await sql(server, `DROP DATABASE ${base.name}`);
  });

  it('brings every kind of object back, and keeps the database that was live with all that is in it', async () => {
    await makeRoles(server);
    await sql(url, kitchenSink(true, await testVersion()));
    value(await manager().stamp('base'));
    value(await manager().createBackup());
    const before = await content();
    await sql(url, damage(true));
    const damaged = await content();
    const past = value(await manager().history());
    const report = value(await manager().restore({ choice: { latest: true }, by: 'swap' }));
    expect(report).to.deep.include({ by: 'swap', safetyBackupId: null, movedAside: [] });
    expect(report.restored.rows).to.equal(509);
    const kept = report.kept?.database ?? '';
    expect(report.kept?.drop).to.equal(`DROP DATABASE "${kept}";`);
    expect(kept).to.match(new RegExp(`^${name}_before_\\d{14}$`));
    expect(await family()).to.have.members([name, kept]);
    expect(await content()).to.equal(before);
    expect(await content(urlOf(kept))).to.equal(damaged);
    const events = value(await manager().history());
    expect(events.slice(0, past.length)).to.deep.equal(past);
    expect(events.slice(past.length).map(({ type }) => type)).to.deep.equal([
      'RunStarted',
      'RestoreStarted',
      'BackupRestored',
      'RunCompleted',
    ]);
    expect(events.at(-2)?.data).to.include({ keptAs: kept, safetyBackupId: null });
    expect(report.journal).to.deep.equal({ position: events.length, hash: events.at(-1)?.hash });
    expect(value(await manager().audit())).to.include({ events: events.length, mirrored: events.length });
    const [analysed] = await sql(url, `SELECT reltuples FROM pg_class WHERE relname = 'people'`);
    expect(analysed).to.deep.equal({ reltuples: 500 });
  });

  it('takes the copies of tables along, goes on from there, and can be undone by the names', async () => {
    const atTwo = await shop();
    const now = await content();
    const copies = `SELECT t.*, b.* FROM migrate_safe_backup.tables AS t JOIN migrate_safe_backup.backups AS b ON b.id = t.backup_id`;
    const before = await sql<{ copy: string }>(url, copies);
    expect(before).to.have.length.greaterThan(0);
    const copy = `SELECT * FROM migrate_safe_backup.${before[0]?.copy}`;
    const rows = await sql(url, copy);
    expect(rows).to.deep.equal([{ id: 1, m: 'sad' }]);
    const { kept } = value(await manager().restore({ choice: { latest: true }, by: 'swap' }));
    expect(await content()).to.equal(atTwo);
    expect(await sql(url, copies)).to.deep.equal(before);
    expect(await sql(url, copy)).to.deep.equal(rows);
    expect(await sql(url, `SELECT * FROM migrate_safe_backup.meta`)).to.have.length(1);
    write('0003_third.sql', `INSERT INTO t VALUES (4, 'sad')`);
    value(await manager({ fileBackup: 'never' }).up());
    value(await manager().restore({ choice: { beforeStep: '2' }, tables: ['t'] }));
    expect(await sql(url, 'SELECT id FROM t')).to.deep.equal([{ id: 1 }]);
    value(await manager().audit());
    await sql(
      server,
      `ALTER DATABASE ${quoted(name)} RENAME TO ${quoted(`${name}_x`)}; ALTER DATABASE ${quoted(kept?.database ?? '')} RENAME TO ${quoted(name)}`,
    );
    expect(failure(await manager().audit()).kind).to.equal('mirror-ahead');
    const [backup] = value(await manager().listBackups()).backups;
    rmSync(path.join(directory, 'backups', backup?.manifest.databaseId ?? '', 'journal.ndjson'));
    expect(await content()).to.equal(now);
    value(await manager({ fileBackup: 'never' }).up());
    value(await manager().audit());
  });

  it('leaves the database what it is beside its content, whatever its name is made of', async () => {
    const icu = (await testVersion()) >= 150_000 ? `LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk'` : '';
    const odd = `Shop "of" O'Neil \\ ${'x'.repeat(50)}`.slice(0, 63);
    const how = `TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' ${icu}`;
    await makeRoles(server);
    await sql(server, `DROP DATABASE ${quoted(name)}`);
    await create(odd, how);
    const me = quoted(name);
    await sql(
      url,
      `ALTER DATABASE ${me} OWNER TO ${OWNER}_nocreatedb; ALTER DATABASE ${me} CONNECTION LIMIT 17; ALTER DATABASE ${me} IS_TEMPLATE true;
         ALTER DATABASE ${me} SET search_path = '$user', public, 'a "b'; ALTER DATABASE ${me} SET default_transaction_read_only = on;
         ALTER DATABASE ${me} SET statement_timeout = '20s'; ALTER ROLE ${OWNER}_nocreatedb IN DATABASE ${me} SET work_mem = '77MB';
         COMMENT ON DATABASE ${me} IS 'it''s \\ "mine"'; REVOKE ALL ON DATABASE ${me} FROM PUBLIC;
         GRANT CONNECT ON DATABASE ${me} TO migrate_safe_test_reader WITH GRANT OPTION; SET ROLE migrate_safe_test_reader;
         GRANT CONNECT ON DATABASE ${me} TO ${OWNER}_createdb; RESET ROLE; SET default_transaction_read_only = off;
         CREATE TABLE t (v text); INSERT INTO t VALUES (chr(252))`,
    );
    const before = await sql(url, TRAITS);
    expect(before[0]).to.have.property('settings').that.has.length(2);
    // A run writes: for the tests the setting is one that its role overrides.
    await sql(server, `ALTER ROLE CURRENT_USER IN DATABASE ${me} SET default_transaction_read_only = off`);
    const withRole = await sql(url, TRAITS);
    value(await manager().stamp('base'));
    value(await manager().createBackup());
    const now = await content();
    await sql(url, `INSERT INTO t VALUES ('since')`);
    const { kept } = value(await manager().restore({ choice: { latest: true }, by: 'swap' }));
    expect(Buffer.byteLength(kept?.database ?? '')).to.be.at.most(63);
    expect(await sql(url, TRAITS)).to.deep.equal(withRole);
    expect(await sql(urlOf(kept?.database ?? ''), TRAITS)).to.deep.equal(withRole);
    expect(await content()).to.equal(now);
    value(await manager().audit());
    for (const one of [name, kept?.database ?? ''])
      await sql(server, `ALTER DATABASE ${quoted(one)} IS_TEMPLATE false`);
    await sql(server, kept?.drop ?? '');
  });

  it('names those who are connected, cuts them off at the end, and keeps every row that they were told of', async () => {
    const atTwo = await shop();
    const acknowledged: number[] = [];
    let [writing, reconnected] = [true, 0];
    const writer = (async (): Promise<void> => {
      let client: pg.Client | undefined;
      for (let id = 1000; writing;) {
        try {
          if (client === undefined) {
            client = new pg.Client({ connectionString: url, application_name: 'the writer' });
            client.on('error', () => undefined);
            await client.connect();
            reconnected += 1;
          }
          await client.query('INSERT INTO t VALUES ($1)', [id]);
          acknowledged.push(id++);
        } catch {
          client?.end().catch(() => undefined);
          client = undefined;
          id += 1;
        }
      }
      await client?.end();
    })();
    const idle = new pg.Client({ connectionString: url, application_name: 'forgotten' });
    let cut: unknown;
    idle.on('error', (error) => (cut = error));
    await idle.connect();
    await idle.query('BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE');
    let preview: RestorePreview | undefined;
    const confirm = (asked: RestorePreview): Promise<boolean> => {
      preview = asked;
      return Promise.resolve(true);
    };
    const { kept } = value(await manager().restore({ choice: { latest: true }, by: 'swap', confirm }));
    const after = acknowledged.length;
    while (acknowledged.length < after + 5) await new Promise((resolve) => setTimeout(resolve, 5));
    writing = false;
    await writer;
    expect(cut).to.be.an('error');
    expect(preview).to.deep.include({ keeps: 'old-database' });
    expect(preview?.swap?.keptAs).to.equal(kept?.database);
    expect(preview?.swap?.sessions.map(({ application, count }) => [application, count])).to.have.deep.members([
      ['forgotten', 1],
      ['the writer', 1],
    ]);
    const paint = new Proxy({}, { get: () => (text: string) => text }) as Parameters<typeof previewLines>[1]['paint'];
    const lines = previewLines(preview ?? expect.fail('not asked'), { paint, width: 1000 }).join('\n');
    expect(lines).to.contain(kept?.database).and.contain('1 of postgres (forgotten)').and.contain('written since to t');
    expect(reconnected).to.equal(2);
    const ids = async (of: string): Promise<number[]> =>
      (await sql<{ id: number }>(of, 'SELECT id FROM t')).map(({ id }) => id);
    const [before, since] = [new Set(await ids(urlOf(kept?.database ?? ''))), new Set(await ids(url))];
    expect(acknowledged.filter((id) => !before.has(id) && !since.has(id))).to.deep.equal([]);
    expect(acknowledged.filter((id) => before.has(id))).to.have.length.greaterThan(5);
    await sql(url, 'DELETE FROM t WHERE id >= 1000');
    expect(await content()).to.equal(atTwo);
  });

  it('lets a run that waits meanwhile write to no journal but the one that goes on', async () => {
    await shop();
    const waiting: ReturnType<SafeMigrationManager['up']>[] = [];
    const restoring = manager().restore({
      choice: { latest: true },
      by: 'swap',
      confirm: async () => {
        write('0003_third.sql', `INSERT INTO t VALUES (4, 'sad')`);
        waiting.push(manager().up());
        await new Promise((resolve) => setTimeout(resolve, 200));
        return true;
      },
    });
    const { kept } = value(await restoring);
    const ended = await Promise.all(waiting);
    expect(
      ended.map((run) => run.isErr()),
      'its session is ended with the others',
    ).to.deep.equal([true]);
    value(await manager().up());
    value(await manager().audit());
    expect(await sql(url, 'SELECT id FROM t ORDER BY 1')).to.deep.equal([{ id: 1 }, { id: 2 }, { id: 4 }]);
    const [old] = await sql<{ n: number }>(
      urlOf(kept?.database ?? ''),
      'SELECT max(position)::int AS n FROM migrate_safe.events',
    );
    expect(value(await manager().history())[(old?.n ?? 0) - 1]?.type).to.equal('RunCompleted');
  });

  it('is chosen by itself for a large database that nobody else is connected to, and only then', async () => {
    await shop();
    const chosen = async (options: Partial<MigrateSafeOptions>): Promise<string | undefined> => {
      let keeps: string | undefined;
      const confirm = (preview: RestorePreview): Promise<boolean> => {
        ({ keeps } = preview);
        return Promise.resolve(false);
      };
      failure(await manager(options).restore({ choice: { latest: true }, confirm }));
      return keeps;
    };
    expect(await chosen({})).to.equal('safety-copy');
    expect(await chosen({ largeDatabaseBytes: 1 })).to.equal('old-database');
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    expect(await chosen({ largeDatabaseBytes: 1 })).to.equal('safety-copy');
    await other.query('SELECT 1');
    await other.end();
  });

  it('leaves nothing where it is cancelled, or where the archive does not go in', async () => {
    await shop();
    const now = await content();
    const stop = new AbortController();
    const confirm = (): Promise<boolean> => {
      setTimeout(() => stop.abort(), 150);
      return Promise.resolve(true);
    };
    const restore = manager().restore({ choice: { latest: true }, by: 'swap', confirm, signal: stop.signal });
    expect(failure(await restore).kind).to.equal('cancelled');
    expect(await family()).to.deep.equal([name]);
    const gone = `migrate_safe_gone_${process.pid}`;
    await sql(url, `CREATE ROLE ${gone}; GRANT SELECT ON t TO ${gone}`);
    value(await manager().createBackup());
    await sql(url, `DROP OWNED BY ${gone}; DROP ROLE ${gone}`);
    const error = failure(await manager().restore({ choice: { latest: true }, by: 'swap' }));
    expect(error.message).to.contain(`CREATE ROLE "${gone}";`);
    expect(await family()).to.deep.equal([name]);
    expect(await content()).to.equal(now);
    value(await manager().audit());
  });

  it('says which right is missing, and works for an owner who may make databases', async () => {
    await sql(server, `ALTER DATABASE ${quoted(name)} OWNER TO ${OWNER}_createdb`);
    const as = (role: string): SafeMigrationManager => manager({ database: urlOf(name, role) });
    write('0001_shop.sql', `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);`);
    value(await manager({ database: urlOf(name, `${OWNER}_createdb`), fileBackup: 'never' }).up());
    const atOne = await content();
    value(await as(`${OWNER}_createdb`).createBackup());
    await sql(url, 'INSERT INTO t VALUES (2)');
    const refused = async (role: string): Promise<string> =>
      failure(await as(role).restore({ choice: { latest: true }, by: 'swap' })).message;
    const superuser = new pg.Client({ connectionString: url });
    await superuser.connect();
    expect(await refused(`${OWNER}_createdb`))
      .to.contain('may not end sessions of postgres')
      .and.contain('--by in-place');
    await superuser.end();
    const { kept } = value(await as(`${OWNER}_createdb`).restore({ choice: { latest: true }, by: 'swap' }));
    expect(await content()).to.equal(atOne);
    expect(
      await sql(url, 'SELECT pg_get_userbyid(datdba) AS o FROM pg_database WHERE datname = current_database()'),
    ).to.deep.equal([{ o: `${OWNER}_createdb` }]);
    await sql(server, kept?.drop ?? '');
    await sql(
      url,
      `ALTER DATABASE ${quoted(name)} OWNER TO ${OWNER}_nocreatedb; GRANT ${OWNER}_createdb TO ${OWNER}_nocreatedb`,
    );
    expect(await refused(`${OWNER}_nocreatedb`)).to.contain(`ALTER ROLE "${OWNER}_nocreatedb" CREATEDB;`);
    await sql(url, `ALTER DATABASE ${quoted(name)} OWNER TO CURRENT_USER`);
    expect(await refused(`${OWNER}_createdb`))
      .to.contain('belongs to')
      .and.contain(`TO "${OWNER}_createdb";`);
    await sql(server, `REVOKE ${OWNER}_createdb FROM ${OWNER}_nocreatedb`);
  });

  it('is refused to an owner where rights were given on what is not theirs: a new database would be without them', async () => {
    const owner = `${OWNER}_createdb`;
    const as = (role: string): SafeMigrationManager => manager({ database: urlOf(name, role) });
    await sql(server, `ALTER DATABASE ${quoted(name)} OWNER TO ${owner}`);
    await sql(url, `ALTER SCHEMA public OWNER TO CURRENT_USER; GRANT CREATE ON SCHEMA public TO ${owner}`);
    write('0001_shop.sql', `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);`);
    value(await manager({ database: urlOf(name, owner), fileBackup: 'never' }).up());
    const atOne = await content();
    value(await as(owner).createBackup());
    await sql(url, 'INSERT INTO t VALUES (2)');
    const now = await content();
    const swap = { choice: { latest: true }, by: 'swap' } as const;
    const asCopy = { choice: { latest: true }, name: `${name}_copy` } as const;
    for (const error of [failure(await as(owner).restore(swap)), failure(await as(owner).restoreAsCopy(asCopy))])
      expect(error.message)
        .to.contain(`${owner} may not give the rights that the backup has on SCHEMA public`)
        .and.contain('or as a superuser')
        .and.not.contain('--by in-place');
    expect(await family()).to.deep.equal([name]);
    expect(await content()).to.equal(now);
    value(await manager().restore(swap));
    expect(await content()).to.equal(atOne);
  });

  it('leaves the journal whose it is, and to whom it was shown: its owner goes on, whoever restored', async () => {
    const owner = `${OWNER}_createdb`;
    await makeRoles(server);
    await sql(server, `ALTER DATABASE ${quoted(name)} OWNER TO ${owner}`);
    const asOwner = manager({ database: urlOf(name, owner), fileBackup: 'never' });
    write('0001_shop.sql', `CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY); INSERT INTO app.t VALUES (1);`);
    value(await asOwner.up());
    await sql(
      url,
      `GRANT USAGE ON SCHEMA migrate_safe TO migrate_safe_test_reader;
       GRANT SELECT (position, type) ON migrate_safe.events TO migrate_safe_test_reader;
       CREATE TABLE migrate_safe.besides (id int); GRANT SELECT ON migrate_safe.besides TO migrate_safe_test_reader`,
    );
    const rights = `
      SELECT nspname AS name, nspowner::regrole AS owner, nspacl::text AS rights, '' AS columns FROM pg_namespace WHERE nspname = 'migrate_safe'
      UNION ALL SELECT relname, relowner::regrole, relacl::text, (SELECT string_agg(attacl::text, ' ') FROM pg_attribute WHERE attrelid = c.oid)
      FROM pg_class AS c WHERE relnamespace = 'migrate_safe'::regnamespace AND relname <> 'besides'
      UNION ALL SELECT proname, proowner::regrole, proacl::text, '' FROM pg_proc WHERE pronamespace = 'migrate_safe'::regnamespace ORDER BY name`;
    const before = await sql(url, rights);
    value(await manager().createBackup());
    value(await manager().restore({ choice: { latest: true }, by: 'swap' }));
    expect(await sql(url, rights)).to.deep.equal(before);
    write('0002_more.sql', `INSERT INTO app.t VALUES (2);`);
    value(await asOwner.up());
    expect(await sql(url, 'SELECT id FROM app.t ORDER BY id')).to.deep.equal([{ id: 1 }, { id: 2 }]);
  });

  it('is for a whole database of a server, and says so', async () => {
    for (const [options, more] of [
      [{}, { tables: ['t'] }],
      [{ database: `sqlite:${path.join(directory, 'app.db')}` }, {}],
    ] as const)
      expect(failure(await manager(options).restore({ choice: { latest: true }, by: 'swap', ...more }))).to.include({
        kind: 'usage',
        code: 'MS-USAGE',
      });
  });

  it('has what a killed restore left named by the doctor, and cleared by the next run', async () => {
    await shop();
    const half = newName(name, 'ab'.repeat(6));
    await sql(server, `CREATE DATABASE ${half}`);
    const kept = `${name}_before_20260101120000`;
    await sql(server, `CREATE DATABASE ${kept}`);
    const said = (await examineServer({ connectionString: url }, name)).filter(({ detail }) =>
      [half, kept].some((one) => detail.includes(one)),
    );
    expect(said.map(({ name: what, ok }) => [what, ok])).to.have.deep.members([
      ['half a restore', true],
      ['old database', true],
    ]);
    expect(said.map(({ fix }) => fix).join(' ')).to.contain(`DROP DATABASE "${kept}";`);
    write('0003_third.sql', `INSERT INTO t VALUES (4, 'sad')`);
    value(await manager().up());
    expect(await family()).to.have.members([name, kept]);
  });
});
