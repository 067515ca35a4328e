// `restore --as-copy NAME`: a backup as a database of its own, beside all that is there.
import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, MigrationStep, type SafeMigrationManager } from 'migrate-safe';
import { newName } from '#src/dao/dialects/postgres/restore/swap/names.js';
import { sql, textOf, toolsOf } from '../support/kitchen-sink.js';
import { freshDatabase, testServer, type TestDatabase } from '../support/postgres.js';
import { needsTools } from '../support/postgres-version.js';
import { failure, value } from '../support/project.js';

describe('a backup as a copy of its own', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let directory: string;
  let server: string;
  let name: string;
  let made: string[];

  const manager = (url = database.url): SafeMigrationManager =>
    createMigrateSafe({
      database: url,
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
      fileBackup: 'never',
    });
  const urlOf = (of: string): string => {
    const url = new URL(server);
    url.pathname = `/${encodeURIComponent(of)}`;
    return url.href;
  };
  const write = (file: string, text: string): void => writeFileSync(path.join(directory, 'migrations', file), text);
  const content = async (url: string): Promise<string> => {
    const tools = await toolsOf(url);
    return tools === undefined ? '' : textOf(tools, url);
  };
  const halves = (): Promise<unknown[]> =>
    sql(server, `SELECT datname FROM pg_database WHERE starts_with(datname, '${newName(name, '')}')`);

  before(async function () {
    await needsTools(this);
  });
  beforeEach(async function () {
    database = await freshDatabase(this);
    server = (await testServer())?.url ?? this.skip();
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'migrations'));
    name = `Copy "of" it ${randomBytes(6).toString('hex')}`;
    made = [name];
    write('0001_t.sql', `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);`);
    const shop = new MigrationStep(7, 'of another component', {
      component: 'shop',
      apply: (knex) => knex.raw('CREATE TABLE shop (id int)'),
    });
    value(await manager().up());
    value(
      await createMigrateSafe({
        database: database.url,
        backups: path.join(directory, 'backups'),
        component: 'shop',
        fileBackup: 'never',
      })
        .addMigration(shop)
        .up(),
    );
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    for (const one of made) await sql(server, `DROP DATABASE IF EXISTS "${one.replaceAll('"', '""')}" WITH (FORCE)`);
    await database.drop();
  });

  it('has what was in the backup, an id and a history of its own, and touches nothing', async () => {
    const atOne = await content(database.url);
    const { manifest } = value(await manager().createBackup());
    await sql(database.url, 'INSERT INTO t VALUES (2)');
    const [live, events, folders] = [
      await content(database.url),
      value(await manager().history()),
      readdirSync(path.join(directory, 'backups')),
    ];
    // What a copy of this name left that was killed.
    await sql(server, `CREATE DATABASE ${newName(name, 'ab'.repeat(6))}`);
    const report = value(await manager().restoreAsCopy({ choice: { latest: true }, name }));
    expect(report.backup.manifest.id).to.equal(manifest.id);
    expect(report.restored).to.deep.equal({ tables: ['shop', 't'], rows: 1 });
    expect(report.copy.name).to.equal(name);
    expect(report.copy.database).to.match(/^postgres:\/\/[^@]*\/Copy%20%22of%22/);
    const url = urlOf(name);
    expect(await content(url)).to.equal(atOne);
    expect(await content(database.url)).to.equal(live);
    expect(value(await manager().history())).to.deep.equal(events);
    expect(readdirSync(path.join(directory, 'backups'))).to.deep.equal(folders);
    const own = value(await manager(url).history());
    expect(own.map(({ type, component }) => `${type} ${component}`)).to.deep.equal([
      'RunStarted main',
      'RestoreStarted main',
      'BackupRestored main',
      'StepStamped main',
      'RunCompleted main',
      'RunStarted shop',
      'StepStamped shop',
      'RunCompleted shop',
    ]);
    expect(report.journal).to.deep.equal({ position: own.length, hash: own.at(-1)?.hash });
    expect(own[0]?.data).to.include({ databaseId: report.copy.databaseId });
    expect(report.copy.databaseId).not.to.equal(manifest.databaseId);
    expect(await halves()).to.deep.equal([]);
  });

  it('goes on by itself: steps, backups and restores of the one are nothing to the other', async () => {
    value(await manager().createBackup());
    const { copy } = value(await manager().restoreAsCopy({ choice: { latest: true }, name }));
    const url = urlOf(name);
    write('0002_more.sql', 'INSERT INTO t VALUES (5)');
    expect(value(await manager(url).status())).to.include({ current: '0001', pending: 1 });
    expect(value(await manager(url).up()).applied.map(({ version }) => version)).to.deep.equal(['0002']);
    value(await manager(url).audit());
    expect(
      value(await manager(url).listBackups()).backups.every(({ manifest }) => manifest.databaseId === copy.databaseId),
    ).to.equal(true);
    expect(value(await manager().status())).to.include({ current: '0001', pending: 1 });
    value(await manager(url).createBackup());
    await sql(url, 'DELETE FROM t');
    value(await manager(url).restore({ choice: { latest: true } }));
    expect(await sql(url, 'SELECT id FROM t ORDER BY 1')).to.deep.equal([{ id: 1 }, { id: 5 }]);
    expect(await sql(database.url, 'SELECT id FROM t')).to.deep.equal([{ id: 1 }]);
    value(await manager().audit());
  });

  it('can be had where the original is lost', async () => {
    const atOne = await content(database.url);
    value(await manager().createBackup());
    await database.drop();
    const restored = await manager().restoreAsCopy({ choice: { latest: true }, name });
    await sql(server, `CREATE DATABASE ${new URL(database.url).pathname.slice(1)}`);
    value(restored);
    expect(await content(urlOf(name))).to.equal(atOne);
  });

  it('tells a role that may not make databases how it may, and not to take another name', async () => {
    value(await manager().createBackup());
    const role = `plain_${randomBytes(6).toString('hex')}`;
    await sql(
      database.url,
      `CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA migrate_safe TO ${role};
      GRANT SELECT ON ALL TABLES IN SCHEMA migrate_safe TO ${role}`,
    );
    const asRole = new URL(database.url);
    asRole.username = role;
    try {
      const error = failure(await manager(asRole.href).restoreAsCopy({ choice: { latest: true }, name }));
      expect(error.message).to.contain(`the role ${role} may not create databases`);
      expect(error.hint).to.contain(`ALTER ROLE "${role}" CREATEDB;`).and.not.contain('another');
    } finally {
      await sql(database.url, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it('takes no name that is taken or too long, and leaves nothing where it does not come to its end', async () => {
    value(await manager().createBackup());
    const refusal = async (as: string): Promise<string> => {
      const error = failure(await manager().restoreAsCopy({ choice: { latest: true }, name: as }));
      expect(error).to.include({ kind: 'usage', exitCode: 2 });
      return error.message;
    };
    expect(await refusal(new URL(database.url).pathname.slice(1))).to.contain('already');
    expect(await refusal('é'.repeat(32))).to.contain('63 bytes');
    expect(await refusal('')).to.contain('needs a name');
    const stop = new AbortController();
    const safe = manager();
    safe.onProgress(({ kind }) => kind === 'restore-progress' && stop.abort());
    const copying = safe.restoreAsCopy({ choice: { latest: true }, name, signal: stop.signal });
    setTimeout(() => stop.abort(), 300);
    const done = await copying;
    if (done.isErr()) expect(done.error.kind).to.equal('cancelled');
    expect(await halves()).to.deep.equal([]);
    const there = await sql(server, `SELECT 1 FROM pg_database WHERE datname = '${name}'`);
    expect(there).to.have.length(done.isOk() ? 1 : 0);
  });

  it('is a file already on SQLite, which is said', async () => {
    const safe = createMigrateSafe({
      database: `sqlite:${path.join(directory, 'app.db')}?driver=better-sqlite3`,
      backups: path.join(directory, 'other'),
      steps: [new MigrationStep(1, 'one', { apply: (knex) => knex.raw('CREATE TABLE t (id int)') })],
    });
    value(await safe.up());
    const error = failure(await safe.restoreAsCopy({ choice: { latest: true }, name }));
    expect(error).to.include({ kind: 'usage' });
    expect(error.hint).to.contain('database.sqlite');
  });
});
