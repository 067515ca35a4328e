// The doctor on PostgreSQL: each thing that is wrong is found, named, and mended by what it says to type.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import type { HealthCheck } from '#src/core/ports/doctor.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { idleTransactions } from '#src/dao/dialects/postgres/doctor/facts.js';
import { idleChecks } from '#src/dao/dialects/postgres/doctor/table-checks.js';
import { PostgresDoctor } from '#src/dao/dialects/postgres/doctor.js';
import { poolerFor } from '../support/pgbouncer.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { toolsAre } from '../support/postgres-version.js';
import { value } from '../support/project.js';

describe('the doctor on PostgreSQL', () => {
  let database: TestDatabase;
  let admin: pg.Client;
  let role: string;
  const roles: string[] = [];
  const nameOf = (): string => new URL(database.url).pathname.slice(1);
  let fitting: Awaited<ReturnType<typeof toolsAre>>;
  before(async () => {
    fitting = await toolsAre();
  });
  // That this machine has other programs than the server's own is no fault of the server's.
  const needsMending = ({ name, ok, fix }: HealthCheck): boolean =>
    (!ok || fix !== null) && (name !== 'tools' || fitting === 'the same');

  beforeEach(async function () {
    database = await freshDatabase(this);
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    role = `${nameOf()}_role`;
  });
  afterEach(async () => {
    for (const one of roles.splice(0)) await admin.query(`DROP OWNED BY ${one}; DROP ROLE ${one}`);
    await admin.end();
    await database.drop();
  });

  const addRole = async (name = role): Promise<void> => {
    await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD 'secret of the role'`);
    roles.push(name);
  };
  const labelOf = (text: string): string => {
    const url = new URL(text);
    url.username = url.password = url.search = '';
    return url.href;
  };
  const examine = (url = database.url): Promise<readonly HealthCheck[]> =>
    new PostgresDoctor({ connectionString: url }, labelOf(url)).examine();
  const asRole = (user = role): string => {
    const url = new URL(database.url);
    url.username = user;
    url.password = 'secret of the role';
    return url.href;
  };
  const only = (checks: readonly HealthCheck[], name: string): readonly HealthCheck[] =>
    checks.filter((check) => check.name === name);
  const elsewhere = (change: (url: URL) => void): string => {
    const url = new URL(database.url);
    change(url);
    return url.href;
  };

  it('finds nothing to mend on a server that is as it should be', async () => {
    await admin.query('CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES a); CREATE INDEX ON a (b)');
    const checks = await examine();
    expect(checks.filter(needsMending)).to.deep.equal([]);
    expect(checks.map(({ name }) => name)).to.deep.equal(['database', 'server', 'rights', 'tools']);
    expect(checks[0]?.detail).to.match(/^postgres:\/\/\S+ opens, 1 table, \d+(\.\d)? MB$/);
  });

  it('says what to type where no server, database or role of this name is there, or no TLS', async () => {
    const wrong: Readonly<Record<string, readonly [detail: RegExp, fix: RegExp]>> = {
      [elsewhere((url) => (url.port = '1'))]: [/^nothing listens at postgres:/, /Start the server .*systemctl/],
      [elsewhere((url) => (url.pathname = '/no such "one"'))]: [
        /database "no such "one"" does not exist/,
        /^createdb -h \S+ -p \d+ -U \w+ 'no such "one"'$/,
      ],
      [elsewhere((url) => (url.username = 'nobody_of_this_name'))]: [/nobody_of_this_name/, /createuser/],
      [elsewhere((url) => (url.hostname = 'there.is.none.invalid'))]: [/has no address/, /Correct the host/],
      [elsewhere((url) => url.searchParams.set('host', '/there/is/none'))]: [/no socket/, /Start the server/],
    };
    for (const [url, [detail, fix]] of Object.entries(wrong)) {
      const checks = await examine(url);
      expect(checks.map(({ name, ok }) => ({ name, ok }))).to.deep.equal([{ name: 'database', ok: false }]);
      expect(checks[0]?.detail).to.match(detail);
      expect(checks[0]?.fix).to.match(fix);
    }
    const { rows } = await admin.query<{ ssl: string }>('SHOW ssl');
    if (rows[0]?.ssl === 'on') return;
    const tls = await new PostgresDoctor(
      { connectionString: database.url, ssl: true },
      labelOf(database.url),
    ).examine();
    expect(tls[0]?.detail).to.equal('TLS is asked for, and the server has none');
  });

  it('names the rights that a role has not, and the grants that mend it', async () => {
    await addRole();
    await admin.query(`CREATE SCHEMA "Odd ""one"; CREATE TABLE "Odd ""one".t (id int); CREATE TABLE mine (id serial);
      REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT ON mine, mine_id_seq TO ${role}`);
    const checks = await examine(asRole());
    const [create, inPublic, tables, ...others] = only(checks, 'rights');
    expect(others).to.deep.equal([]);
    expect(create?.ok).to.equal(false);
    expect(create?.fix).to.match(
      new RegExp(`^As \\S+ or a superuser: GRANT CREATE ON DATABASE "${nameOf()}" TO "${role}";$`),
    );
    expect(inPublic).to.include({ ok: true, fix: `Where steps do: GRANT CREATE ON SCHEMA public TO "${role}";` });
    expect(tables?.ok).to.equal(false);
    expect(tables?.detail).to.equal(
      `role ${role} does not own "Odd ""one".t, mine, mine_id_seq: it cannot change or restore them, and cannot even read "Odd ""one".t`,
    );
    for (const { fix } of [create, inPublic, tables].flatMap((check) => check ?? []))
      await admin.query((fix ?? '').slice((fix ?? '').indexOf(': ') + 2));
    const [owner] = (await admin.query<{ user: string }>('SELECT current_user AS user')).rows;
    expect(only(await examine(asRole()), 'rights')).to.deep.equal([]);
    await admin.query(`REVOKE "${owner?.user ?? ''}" FROM "${role}"`);
  });

  it('finds rows that policies hide, also from the owner of the table', async () => {
    await addRole();
    await admin.query(`GRANT CREATE ON DATABASE ${nameOf()} TO ${role}; GRANT CREATE ON SCHEMA public TO ${role};
      CREATE TABLE notes (id int); ALTER TABLE notes OWNER TO ${role};
      ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE notes FORCE ROW LEVEL SECURITY`);
    const [check, ...others] = only(await examine(asRole()), 'rights');
    expect(others).to.deep.equal([]);
    expect(check?.detail).to.equal(`policies hide rows of notes from role ${role}: pg_dump refuses to back up a part`);
    await admin.query((check?.fix ?? '').replace('As a superuser: ', ''));
    expect(only(await examine(asRole()), 'rights')).to.deep.equal([]);
  });

  it('says what only a superuser can restore', async () => {
    await addRole();
    await admin.query(`GRANT CREATE ON DATABASE ${nameOf()} TO ${role}; GRANT CREATE ON SCHEMA public TO ${role};
      CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
      CREATE EVENT TRIGGER noting ON ddl_command_end EXECUTE FUNCTION noted()`);
    const [check] = only(await examine(asRole()), 'rights');
    expect(check).to.include({ ok: true });
    expect(check?.detail).to.match(/^1 event trigger: only a superuser/);
  });

  it('mends a database, a role or both that are read-only by default', async () => {
    await addRole();
    const off = 'SET default_transaction_read_only = on';
    for (const [sql, source] of [
      [`ALTER DATABASE ${nameOf()} ${off}`, 'database'],
      [`ALTER ROLE ${role} ${off}`, 'user'],
      [`ALTER ROLE ${role} IN DATABASE ${nameOf()} ${off}`, 'database user'],
    ] as const) {
      await admin.query(sql);
      const [check] = only(await examine(asRole()), 'writable');
      expect(check?.ok).to.equal(false);
      expect(check?.detail).to.equal(`transactions are read-only by default here (set by: ${source})`);
      await admin.query(check?.fix ?? '');
      expect(only(await examine(asRole()), 'writable')).to.deep.equal([]);
    }
  });

  describe('where PG_BIN names a folder', () => {
    const before = process.env['PG_BIN'];
    const folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    afterEach(() => {
      if (before === undefined) delete process.env['PG_BIN'];
      else process.env['PG_BIN'] = before;
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    it('says which tools are missing there, which do not fit, and how to install those that do', async () => {
      process.env['PG_BIN'] = folder;
      const [empty] = only(await examine(), 'tools');
      expect(empty?.ok).to.equal(false);
      expect(empty?.detail).to.match(/^pg_dump, pg_restore and psql of version \d+ are not there: PG_BIN names /);
      expect(empty?.fix).to.match(/(apt-get install|brew install|https:).*fileBackup: 'never'/);
      if (process.platform === 'win32') return;
      for (const tool of ['pg_dump', 'pg_restore', 'psql']) {
        writeFileSync(path.join(folder, tool), `#!/bin/sh\necho "${tool} (PostgreSQL) 12.4"\n`);
        chmodSync(path.join(folder, tool), 0o755);
      }
      const [old] = only(await examine(), 'tools');
      expect(old?.ok).to.equal(false);
      expect(old?.detail).to.include('what is there does not fit: 12.4 in ');
    });
  });

  it('recognizes a transaction pooler', async function () {
    const pooler = await poolerFor(this, database.url);
    try {
      const [check] = only(await examine(pooler.url), 'pooler');
      expect(check).to.include({ ok: true });
      expect(check?.fix).to.include('the server itself');
      expect(only(await examine(), 'pooler')).to.deep.equal([]);
    } finally {
      await pooler.stop();
    }
  });

  it('names other tools by their history, wherever they keep it', async () => {
    await admin.query(`CREATE TABLE knex_migrations (id int); CREATE TABLE knex_migrations_lock (id int);
      CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id int);
      CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations (id int);
      CREATE SCHEMA storage; CREATE TABLE storage.migrations (id int);
      CREATE SCHEMA graphile_worker; CREATE TABLE graphile_worker.migrations (id int);
      CREATE TABLE pgmigrations (id int)`);
    const found = only(await examine(), 'other tool');
    expect(found.map(({ detail }) => detail)).to.deep.equal([
      'table drizzle.__drizzle_migrations is the history of Drizzle',
      'table knex_migrations is the history of knex',
      'table pgmigrations is the history of node-pg-migrate',
      'table supabase_migrations.schema_migrations is the history of Supabase',
    ]);
    expect(found[0]?.fix).to.include('migrate-safe stamp V');
    await admin.query('CREATE SCHEMA migrate_safe; CREATE TABLE migrate_safe.events (id int)');
    expect(only(await examine(), 'other tool').map(({ fix }) => fix)).to.deep.equal([null, null, null, null]);
  });

  it('finds who is idle in a transaction, and ends it with the statement that it names', async () => {
    const idle = new pg.Client({ connectionString: database.url, application_name: 'a forgotten shell' });
    // The driver tells of one end more than once.
    const lost = new Promise((resolve) => idle.on('error', resolve));
    await idle.connect();
    await idle.query('BEGIN; SELECT 1');
    expect(only(await examine(), 'idle session')).to.deep.equal([]);
    const connection = value(await PostgresConnection.connect(pg, { connectionString: database.url }));
    const [check, ...others] = idleChecks(value(await idleTransactions(connection, 0)));
    expect(others).to.deep.equal([]);
    expect(check?.detail).to.match(/, a forgotten shell \(pid \d+\) has done nothing in its transaction for 0 seconds/);
    await admin.query(check?.fix ?? '');
    await lost;
    expect(value(await idleTransactions(connection, 0))).to.deep.equal([]);
    value(await connection.close());
  });

  it('finds an index that was never finished and constraints that were never checked', async () => {
    await admin.query(`CREATE TABLE "T x" (v int); INSERT INTO "T x" VALUES (1), (1);
      ALTER TABLE "T x" ADD CONSTRAINT "v is > 1" CHECK (v > 0) NOT VALID`);
    const failed = await admin.query('CREATE UNIQUE INDEX CONCURRENTLY "I x" ON "T x" (v)').catch(() => 'failed');
    expect(failed).to.equal('failed');
    const checks = await examine();
    const [index] = only(checks, 'invalid index');
    expect(index).to.include({ ok: false, fix: 'DROP INDEX CONCURRENTLY "public"."I x"; then make it again.' });
    const [constraint] = only(checks, 'constraints');
    expect(constraint?.ok).to.equal(true);
    expect(constraint?.fix).to.equal('ALTER TABLE "public"."T x" VALIDATE CONSTRAINT "v is > 1";');
    await admin.query((index?.fix ?? '').replace('; then make it again.', ''));
    await admin.query(constraint?.fix ?? '');
    const mended = await examine();
    expect(mended.map(({ name }) => name)).not.to.include.members(['invalid index', 'constraints']);
    expect(mended.filter(needsMending)).to.deep.equal([]);
  });

  it('says no secret', async () => {
    await addRole();
    for (const url of [asRole(), asRole('nobody_of_this_name')])
      expect(JSON.stringify(await examine(url))).not.to.match(/secret(?: |%20)of/);
  });
});
