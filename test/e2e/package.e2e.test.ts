// The package as a consumer gets it: packed, unpacked into a scratch project, used from ESM, CommonJS, TypeScript and the shell.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const root = path.dirname(fileURLToPath(import.meta.resolve('migrate-safe/package.json')));

describe('the packed package', () => {
  let scratch: string;
  before(function () {
    this.timeout(120_000);
    scratch = mkdtempSync(path.join(tmpdir(), 'migrate-safe-pack-'));
    execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', scratch], {
      cwd: root,
      stdio: 'pipe',
      shell: process.platform === 'win32',
    });
    const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz')) ?? '';
    const modules = path.join(scratch, 'node_modules');
    mkdirSync(path.join(modules, 'migrate-safe'), { recursive: true });
    execFileSync('tar', [
      '-xzf',
      path.join(scratch, tarball),
      '-C',
      path.join(modules, 'migrate-safe'),
      '--strip-components=1',
    ]);
    // Everything else is what the project itself has installed.
    for (const name of readdirSync(path.join(root, 'node_modules'))) {
      if (!name.startsWith('.') && name !== 'migrate-safe')
        symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name), 'junction');
    }
    writeFileSync(path.join(scratch, 'package.json'), '{ "name": "scratch", "private": true }');
    mkdirSync(path.join(scratch, 'migrations'));
    writeFileSync(
      path.join(scratch, 'migrations/0001_t.sql'),
      '-- migrate-safe:up\nCREATE TABLE t (x);\n-- migrate-safe:down\nDROP TABLE t;\n',
    );
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  const node = (file: string, ...args: string[]): string =>
    execFileSync(process.execPath, [file, ...args], { cwd: scratch, encoding: 'utf8' });
  const use = `safe.up().then((outcome) => { console.log(outcome.isOk() ? outcome.value.current : outcome.error.message); return safe.close(); });`;

  it('holds what it should and nothing else', () => {
    const files = readdirSync(path.join(scratch, 'node_modules/migrate-safe'));
    expect(files.toSorted()).to.deep.equal([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'docs',
      'package.json',
      'src',
    ]);
  });

  it('works from an ES module', () => {
    writeFileSync(
      path.join(scratch, 'a.mjs'),
      `import { createMigrateSafe } from 'migrate-safe';\nconst safe = createMigrateSafe({ database: 'sqlite:a.db', steps: './migrations', backups: './a' });\n${use}`,
    );
    expect(node('a.mjs')).to.equal('0001\n');
  });

  it('works from CommonJS', () => {
    writeFileSync(
      path.join(scratch, 'b.cjs'),
      `const { createMigrateSafe } = require('migrate-safe');\nconst safe = createMigrateSafe({ database: 'sqlite:b.db', steps: './migrations', backups: './b' });\n${use}`,
    );
    expect(node('b.cjs')).to.equal('0001\n');
  });

  it('works with Inversify', () => {
    writeFileSync(
      path.join(scratch, 'c.mjs'),
      `import { Container } from 'inversify';
import { MigrationStep } from 'migrate-safe';
import { migrateSafeModule, SafeMigrationManager } from 'migrate-safe/di';
const container = new Container();
container.load(migrateSafeModule({ database: 'sqlite:c.db', backups: './c' }));
const manager = container.get(SafeMigrationManager);
manager.addMigration(new MigrationStep(4, 'Add new table', { apply: (knex) => knex.schema.createTable('made', (t) => { t.increments(); }) }));
console.log((await manager.runMigrations())._unsafeUnwrap().current);`,
    );
    expect(node('c.mjs')).to.equal('4\n');
  });

  it('gives each test a database, and DAOs by injection', () => {
    writeFileSync(
      path.join(scratch, 'g.mjs'),
      `import { Container } from 'inversify';
import { Dao, defineTable, Tokens } from 'migrate-safe/dao';
import { databaseModule } from 'migrate-safe/dao/di';
import { createTestKit } from 'migrate-safe/testing';
import * as z from 'zod';
const { url } = await createTestKit({ steps: './migrations' }).fresh();
const container = new Container();
container.load(databaseModule({ database: url }));
const dao = new Dao(container.get(Tokens.AppDatabase), defineTable('t', { x: z.string() }, { primaryKey: 'x' }));
console.log((await dao.insert({ x: 'kept' }))._unsafeUnwrap().x, (await dao.count())._unsafeUnwrap());
await container.unbindAllAsync();`,
    );
    expect(node('g.mjs')).to.equal('kept 1\n');
  });

  it('has types that a strict consumer compiles against', function () {
    this.timeout(60_000);
    writeFileSync(
      path.join(scratch, 'd.ts'),
      `import { createMigrateSafe, defineStep, MigrationStep, type MigrateError, type UpReport } from 'migrate-safe';
import { migrateSafeModule } from 'migrate-safe/di';
import { Dao, defineTable, Tokens, type AppDatabase } from 'migrate-safe/dao';
import { databaseModule, readOnlyDatabaseModule } from 'migrate-safe/dao/di';
import { createTestKit, type FreshDatabase } from 'migrate-safe/testing';
import { Container } from 'inversify';
import * as z from 'zod';
const Notes = defineTable('notes', { id: z.int(), text: z.string() }, { primaryKey: 'id', defaults: ['id'] });
const container = new Container();
container.load(databaseModule({ database: 'sqlite:x.db' }), readOnlyDatabaseModule({ database: 'sqlite:x.db' }));
const database: AppDatabase = container.get(Tokens.AppDatabase);
export const made = new Dao(database, Notes).insert({ text: 'a' });
export const fresh: Promise<FreshDatabase> = createTestKit({ steps: './migrations', seed: (one) => new Dao(one, Notes).count() }).fresh();
// @ts-expect-error what reads only is no database to write to
export const writer: AppDatabase = container.get(Tokens.ReadOnlyDatabase);
export const step = defineStep({ apply: async ({ knex, signal }) => { if (!signal.aborted) await knex('t').insert({ x: 1 }); }, declares: { mayLoseRows: ['t'] } });
const safe = createMigrateSafe({ database: { client: 'sqlite3', connection: { filename: 'd.db' } }, guard: 'warn' });
safe.addMigration(new MigrationStep(1, 'one', step));
export const outcome: Promise<UpReport | MigrateError> = safe.up().match((report) => report, (error) => error);
export const module = migrateSafeModule({ database: 'sqlite:x.db' });
// @ts-expect-error a mode that does not exist
createMigrateSafe({ database: 'sqlite:x.db', guard: 'sometimes' });
// @ts-expect-error a member that does not exist
defineStep({ apply: () => undefined, declares: { mayLooseRows: ['t'] } });
`,
    );
    const options = {
      strict: true,
      noEmit: true,
      target: 'ES2022',
      module: 'NodeNext',
      skipLibCheck: false,
      types: ['node'],
    };
    writeFileSync(
      path.join(scratch, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...options, skipLibCheck: true }, files: ['d.ts'] }),
    );
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    expect(node(tsc, '-p', '.')).to.equal('');
    // Who has one database has not the types of the other one's driver.
    expect(node(tsc, '-p', '.', '--listFilesOnly')).to.not.match(/@types[\\/](pg|better-sqlite3)[\\/]/);
  });

  it('brings a command that runs steps and tells of them', () => {
    const bin = path.join(scratch, 'node_modules/migrate-safe/dist/cli/main.js');
    const up = JSON.parse(node(bin, 'up', '--database', 'sqlite:e.db', '--backups', 'e', '--json')) as {
      ok: boolean;
      current: string;
    };
    expect(up).to.include({ ok: true, current: '0001' });
    expect(node(bin, 'status', '--database', 'sqlite:e.db', '--backups', 'e')).to.contain('nothing pending');
  });

  it('loads neither driver, knex, Inversify, prompts nor zod to be imported or to find nothing to do', () => {
    writeFileSync(
      path.join(scratch, 'f.cjs'),
      `const { createMigrateSafe } = require('migrate-safe');
const heavy = () => Object.keys(require.cache).filter((file) => /node_modules[\\\\/](knex|sqlite3|better-sqlite3|inversify|zod|jiti|libpg-query|@clack|commander)[\\\\/]/.test(file)).map((file) => /node_modules[\\\\/]([^\\\\/]+)/.exec(file)[1]);
const before = heavy();
const safe = createMigrateSafe({ database: 'sqlite:a.db?driver=sqlite3', steps: './migrations', backups: './a' });
safe.up().then(() => console.log(JSON.stringify([before, [...new Set(heavy())].filter((name) => !['bindings', 'file-uri-to-path'].includes(name))])));`,
    );
    expect(JSON.parse(node('f.cjs'))).to.deep.equal([[], ['sqlite3']]);
  });
});
