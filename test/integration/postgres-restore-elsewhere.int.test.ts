// A PostgreSQL database that is lost, or that is at another address than the one its backups are of.
import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, type SafeMigrationManager } from 'migrate-safe';
import { previewLines } from '#src/cli/backup-text.js';
import type { RestorePreview } from '#src/core/manager/restore-context.js';
import { sql, toolsOf } from '../support/kitchen-sink.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { failure, value } from '../support/project.js';

describe('a PostgreSQL database that its backups know', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let other: TestDatabase;
  let directory: string;
  const manager = (url = database.url): SafeMigrationManager =>
    createMigrateSafe({
      database: url,
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
      lockWait: '20s',
    });
  const recreate = (): Promise<unknown> =>
    sql(
      database.url,
      `DROP SCHEMA public CASCADE; DROP SCHEMA migrate_safe CASCADE; DROP SCHEMA IF EXISTS migrate_safe_backup CASCADE; CREATE SCHEMA public`,
    );
  const rows = (url: string): Promise<unknown> => sql(url, 'SELECT id FROM t ORDER BY id');

  beforeEach(async function () {
    database = await freshDatabase(this);
    if ((await toolsOf(database.url)) === undefined) this.skip();
    other = await freshDatabase(this);
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'migrations'));
    writeFileSync(
      path.join(directory, 'migrations', '0001_t.sql'),
      'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2);',
    );
    value(await manager().up());
    value(await manager().createBackup());
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    for (const one of [database, other]) await one.drop();
  });

  it('is said to be there and to have no journal, where somebody made it anew', async () => {
    await recreate();
    for (const error of [failure(await manager().up()), failure(await manager().plan())]) {
      expect(error).to.include({ kind: 'database-gone', present: true, exitCode: 3 });
      expect(error.message).to.contain('is there and has no journal, but');
    }
    value(await manager().restore({ choice: { latest: true } }));
    expect(await rows(database.url)).to.deep.equal([{ id: 1 }, { id: 2 }]);
  });

  it('is to be made and put back, where there is none', async () => {
    await database.drop();
    for (const error of [
      failure(await manager().up()),
      failure(await manager().status()),
      failure(await manager().restore({ choice: { latest: true } })),
    ]) {
      expect(error).to.include({ kind: 'database-absent', backups: path.join(directory, 'backups') });
      expect(error.hint).to.match(/: createdb .* && migrate-safe restore --latest /);
    }
    const url = new URL(other.url);
    url.pathname = '/never_there';
    expect(failure(await manager(url.href).up()).hint).not.to.contain('restore');
    await sql(other.url, `CREATE DATABASE ${new URL(database.url).pathname.slice(1)}`);
    value(await manager().restore({ choice: { latest: true } }));
    expect(await rows(database.url)).to.deep.equal([{ id: 1 }, { id: 2 }]);
  });

  it('has its journal given back to whose it was, whoever puts it back or makes a copy of it', async () => {
    const owner = `owner_${randomBytes(6).toString('hex')}`;
    await sql(other.url, `CREATE ROLE ${owner} LOGIN PASSWORD '${owner}'`);
    const [name, copy] = [`${owner}_shop`, `${owner}_copy`];
    const urlOf = (of: string, role?: string): string => {
      const url = new URL(other.url);
      url.pathname = `/${of}`;
      if (role !== undefined) [url.username, url.password] = [role, role];
      return url.href;
    };
    try {
      await sql(other.url, `CREATE DATABASE ${name} OWNER ${owner}`);
      rmSync(path.join(directory, 'backups'), { recursive: true });
      writeFileSync(
        path.join(directory, 'migrations', '0001_t.sql'),
        'CREATE SCHEMA app; CREATE TABLE app.t (id int);',
      );
      value(await manager(urlOf(name, owner)).up());
      await sql(urlOf(name), `GRANT USAGE ON SCHEMA migrate_safe TO pg_monitor`);
      value(await manager(urlOf(name)).createBackup());
      const rights = `
        SELECT nspname AS name, nspowner::regrole::text AS owner, nspacl::text AS rights FROM pg_namespace WHERE nspname = 'migrate_safe'
        UNION ALL SELECT relname, relowner::regrole::text, relacl::text FROM pg_class WHERE relnamespace = 'migrate_safe'::regnamespace
        UNION ALL SELECT proname, proowner::regrole::text, proacl::text FROM pg_proc WHERE pronamespace = 'migrate_safe'::regnamespace ORDER BY name`;
      const before = await sql(urlOf(name), rights);
      await sql(other.url, `DROP DATABASE ${name}`);
      await sql(other.url, `CREATE DATABASE ${name} OWNER ${owner}`);
      value(await manager(urlOf(name)).restore({ choice: { latest: true } }));
      value(await manager(urlOf(name)).restoreAsCopy({ choice: { latest: true }, name: copy }));
      await sql(other.url, `ALTER DATABASE ${copy} OWNER TO ${owner}`);
      writeFileSync(path.join(directory, 'migrations', '0002_more.sql'), 'INSERT INTO app.t VALUES (1)');
      for (const one of [name, copy]) {
        expect(await sql(urlOf(one), rights)).to.deep.equal(before);
        value(await manager(urlOf(one, owner)).up());
      }
    } finally {
      for (const one of [name, copy]) await sql(other.url, `DROP DATABASE IF EXISTS ${one} WITH (FORCE)`);
      await sql(other.url, `DROP ROLE ${owner}`);
    }
  });

  it('is named before its backup goes into another one, which would go on with its history', async () => {
    const previews: RestorePreview[] = [];
    const look = async (url: string): Promise<void> => {
      const confirm = (preview: RestorePreview): Promise<boolean> => Promise.resolve(previews.push(preview) > 1);
      const looked = await manager(url).restore({ choice: { latest: true }, confirm });
      expect(looked.isOk()).to.equal(previews.length > 1);
    };
    await look(database.url);
    await look(other.url);
    const { hostname, port, pathname } = new URL(database.url);
    expect(previews.map(({ original }) => original)).to.deep.equal([
      undefined,
      `postgres://${hostname}${port === '' ? '' : `:${port}`}${pathname}`,
    ]);
    const plain = new Proxy({}, { get: () => (text: string) => text });
    const paint = plain as Parameters<typeof previewLines>[1]['paint'];
    const [first, second] = previews.map((preview) => previewLines(preview, { paint, width: 1000 }).join('\n'));
    expect(first).not.to.contain('--backups');
    expect(second).to.contain(`The backup is of ${previews[1]?.original}.`).and.contain('--backups');
  });

  it('is spoken of where one of its name begins anew at another address', async () => {
    await recreate();
    const moved = new URL(database.url);
    // The same server by another of its names is another address.
    moved.hostname = moved.hostname === 'localhost' ? '127.0.0.1' : 'localhost';
    const warnings: string[] = [];
    const begun = manager(moved.href);
    begun.onProgress((progress) => progress.kind === 'warning' && warnings.push(progress.message));
    value(await begun.up());
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.contain('has no journal, but').and.contain('migrate-safe restore --latest');
    value(await begun.up());
    expect(warnings).to.have.length(1);
  });

  it('is put back at another address by its name', async () => {
    await recreate();
    const moved = new URL(database.url);
    moved.hostname = moved.hostname === 'localhost' ? '127.0.0.1' : 'localhost';
    value(await manager(other.url).up());
    value(await manager(moved.href).restore({ choice: { latest: true } }));
    expect(await rows(moved.href)).to.deep.equal([{ id: 1 }, { id: 2 }]);
    value(await manager(moved.href).audit());
  });
});
