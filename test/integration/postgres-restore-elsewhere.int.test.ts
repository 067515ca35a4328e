// A PostgreSQL database that is lost, or that is at another address than the one its backups are of.
import { expect } from 'chai';
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
    const [first, second] = previews.map((preview) => previewLines(preview, { paint }).join('\n'));
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
