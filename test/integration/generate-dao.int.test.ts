// Generated DAOs: of every table of real databases they are formatted, compile strictly, and read and write the rows that are there.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { openDatabase, type AnyTable, type AppDatabase, type Dao } from 'migrate-safe/dao';
import { parseConfig } from '#src/config.js';
import { generateDao, type GeneratedDao } from '#src/generate-dao.js';
import { Tokens } from '#src/tokens.js';
import { resolverFor } from '#src/wiring.js';
import type { MigrateError } from 'migrate-safe';
import type { Result } from 'neverthrow';
import { kitchenSink, makeRoles, sql } from '../support/kitchen-sink.js';
import { freshDatabase } from '../support/postgres.js';
import { value } from '../support/project.js';

type AnyDao = Dao<AnyTable>;
const TSC = path.resolve('node_modules/typescript/bin/tsc');

async function generate(url: string, table: string): Promise<Result<GeneratedDao, MigrateError>> {
  const config = parseConfig({ database: url });
  const port = resolverFor(config)(Tokens.Database);
  return generateDao({ config: value(config), port, database: url, table, steps: './migrations' });
}
async function tablesOf(url: string): Promise<readonly string[]> {
  const open = value(await resolverFor(parseConfig({ database: url }))(Tokens.Database).open('read'));
  const { tables } = value(await open.snapshot());
  value(await open.close());
  return tables.filter(({ kind }) => kind === 'table').map(({ name }) => name);
}

/** A folder inside of this package, so that what is generated finds it by its name. */
class Workshop {
  readonly folder: string;
  constructor() {
    mkdirSync('.build', { recursive: true });
    this.folder = mkdtempSync(path.resolve('.build/generated-'));
    const options = { rootDir: '.', outDir: 'out', composite: false, incremental: false, declaration: false };
    writeFileSync(
      this.file('tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.json',
        compilerOptions: { ...options, declarationMap: false, sourceMap: false, tsBuildInfoFile: null },
        include: ['**/*.ts'],
      }),
    );
  }
  file(...parts: readonly string[]): string {
    return path.join(this.folder, ...parts);
  }
  write(into: string, { files }: GeneratedDao): void {
    mkdirSync(this.file(into), { recursive: true });
    for (const { name, text } of files) writeFileSync(this.file(into, name), text, { flag: 'wx' });
  }
  /** Empty where everything is in order. */
  compile(): string {
    try {
      return execFileSync(process.execPath, [TSC, '-p', this.folder], { encoding: 'utf8' });
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  }
  async dao(into: string, { dao, files }: GeneratedDao, database: AppDatabase): Promise<AnyDao> {
    const file = this.file('out', into, (files[0]?.name ?? '').replace(/ts$/, 'js'));
    const module = (await import(pathToFileURL(file).href)) as Record<string, new (database: AppDatabase) => AnyDao>;
    const made = module[dao];
    if (made === undefined) throw new Error(`${file} has no ${dao}`);
    return new made(database);
  }
  /** Which files a formatter would change. Outside of this package, whose ignored folders it passes over. */
  unformatted(into: string): readonly string[] {
    const copies = mkdtempSync(path.join(tmpdir(), 'migrate-safe-format-'));
    try {
      const names = readdirSync(this.file(into));
      for (const name of names) copyFileSync(this.file(into, name), path.join(copies, name));
      const oxfmt = path.resolve('node_modules/oxfmt/bin/oxfmt');
      execFileSync(process.execPath, [oxfmt, '-c', path.resolve('.oxfmtrc.json'), copies], { stdio: 'pipe' });
      const text = (...file: readonly string[]): string => readFileSync(path.join(...file), 'utf8');
      return names.flatMap((name) =>
        text(copies, name) === text(this.folder, into, name) ? [] : [text(copies, name)],
      );
    } finally {
      rmSync(copies, { recursive: true, force: true });
    }
  }
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const HOSTILE = [
  `CREATE TABLE "Odd ""things""; DROP" ("na""me" text NOT NULL, "it's" text, "select" integer PRIMARY KEY, "1st" integer, "two words" integer,
     "a?b:c" integer NOT NULL, "Ünï" text, state text NOT NULL CHECK (state IN ('new', 'it''s "done"')),
     long text CHECK (long IN ('${Array.from({ length: 12 }, (_, at) => `a rather long value ${at}`).join(`', '`)}')))`,
  `INSERT INTO "Odd ""things""; DROP" VALUES ('a', 'b', 1, 2, 3, 4, 'ü', 'it''s "done"', 'a rather long value 3'), ('c', NULL, 2, NULL, NULL, 5, NULL, 'new', NULL)`,
];
const EVERY_TYPE = [
  `CREATE TYPE mood AS ENUM ('sad', 'it''s "great"')`,
  `CREATE DOMAIN positive AS integer CHECK (VALUE > 0) NOT NULL`,
  `CREATE TABLE every_type (id bigint GENERATED ALWAYS AS IDENTITY, part smallint, feels mood, age positive, twice integer GENERATED ALWAYS AS (part * 2) STORED,
     r real, d float8, n numeric(10,2), n0 numeric, big numeric(30,5), v varchar(20), ch char(3), u uuid DEFAULT gen_random_uuid(), bo boolean NOT NULL DEFAULT false,
     ts timestamptz, tsn timestamp(3), da date, ti time, j json, jb jsonb, b bytea, ar text[], mo mood[], iv interval, inet inet,
     state varchar(9) CHECK (state IN ('new', 'it''s')), PRIMARY KEY (id, part))`,
  `INSERT INTO every_type (part, feels, age, r, d, n, n0, big, v, ch, ts, tsn, da, ti, j, jb, b, ar, mo, iv, inet, state)
     VALUES (1, 'it''s "great"', 7, 0.5, 0.1, 12.5, 1.234567, 12345678901234567890.5, 'ü', 'abc', '2026-01-31 12:00+02', '2026-01-31 12:00', '2026-01-31', '12:30',
       '{"a": [1]}', '"x"', '\\x00ff', '{a,"b c"}', '{sad}', '1 day', '10.0.0.1/8', 'it''s')`,
  `INSERT INTO every_type (part, age) VALUES (2, 1)`,
];

describe('generated DAOs', function () {
  this.timeout(180_000);
  let folder: string;
  let workshop: Workshop;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-generate-'));
    workshop = new Workshop();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
    workshop.remove();
  });

  /** Every row, through the DAO, and the same rows written anew. */
  async function readAndWrite(dao: AnyDao, rows: number): Promise<void> {
    const generated = new Set<string>(dao.table.options.generated);
    const read = value(await dao.list());
    expect(read).to.have.length(rows);
    const given = read.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !generated.has(name))));
    value(await dao.removeMany('all'));
    expect(value(await dao.insertMany(given as never))).to.equal(rows);
    const again = value(await dao.list()).map((row) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => !generated.has(name))),
    );
    const sorted = (all: readonly object[]): readonly string[] =>
      all
        .map((row) => JSON.stringify(row, (_, cell: unknown) => (typeof cell === 'bigint' ? `${cell}n` : cell)))
        .toSorted();
    expect(sorted(again)).to.deep.equal(sorted(given));
  }

  it('read and write every row of the real databases on SQLite', async () => {
    const made: { readonly of: string; readonly url: string; readonly dao: GeneratedDao }[] = [];
    for (const of of ['chinook', 'sakila', 'hostile']) {
      const file = path.join(folder, `${of}.db`);
      const url = `sqlite:${file}?driver=sqlite3`;
      if (of !== 'hostile') writeFileSync(file, gunzipSync(readFileSync(`test/data/${of}.sqlite.gz`)));
      else await onSqlite(url, HOSTILE);
      for (const table of await tablesOf(url)) {
        const dao = value(await generate(url, table));
        workshop.write(of, dao);
        made.push({ of, url, dao });
      }
    }
    expect(made.length).to.be.greaterThan(25);
    expect(workshop.compile()).to.equal('');
    for (const of of ['chinook', 'sakila', 'hostile']) expect(workshop.unformatted(of)).to.deep.equal([]);
    for (const { of, url, dao } of made) {
      const database = openDatabase({ database: url });
      const { knex } = database;
      await knex.raw('PRAGMA foreign_keys = OFF');
      const triggers = (await knex.raw(`SELECT name FROM sqlite_schema WHERE type = 'trigger'`)) as { name: string }[];
      for (const { name } of triggers) await knex.raw(`DROP TRIGGER "${name}"`);
      const [counted] = (await knex.raw(`SELECT count(*) AS n FROM "${dao.table.replaceAll('"', '""')}"`)) as {
        n: number;
      }[];
      await readAndWrite(await workshop.dao(of, dao, database), counted?.n ?? -1);
      value(await database.close());
    }
  });

  it('read and write every type of PostgreSQL, and every table of the kitchen sink that has a key', async function () {
    const database = await freshDatabase(this);
    try {
      await makeRoles(database.url);
      const [row] = await sql<{ n: string }>(database.url, `SELECT current_setting('server_version_num') AS n`);
      await sql(database.url, kitchenSink(true, Number(row?.n)));
      await sql(
        database.url,
        `ALTER TABLE people RENAME TO persons; ALTER TYPE mood RENAME TO moods_of_people; ALTER DOMAIN positive RENAME TO above`,
      );
      for (const statement of [...EVERY_TYPE, ...HOSTILE]) await sql(database.url, statement);
      const daos: GeneratedDao[] = [];
      const refused: string[] = [];
      for (const table of await tablesOf(database.url)) {
        const made = await generate(database.url, table);
        if (made.isErr()) refused.push(`${table}: ${made.error.message}`);
        else {
          workshop.write('sink', made.value);
          daos.push(made.value);
        }
      }
      expect(refused.join('\n')).to.match(/sales.* has no primary key/);
      expect(daos.map(({ table }) => table)).to.include.members(['persons', 'egg', 'Tab le', 'every_type']);
      expect(workshop.compile()).to.equal('');
      expect(workshop.unformatted('sink')).to.deep.equal([]);
      const app = openDatabase({ database: database.url });
      for (const dao of daos) {
        const made = await workshop.dao('sink', dao, app);
        const read = value(await made.list());
        expect(read.length, dao.table).to.equal(value(await made.count()));
        if (['every_type', 'Odd "things"; DROP', 'Tab le'].includes(dao.table)) await readAndWrite(made, read.length);
      }
      value(await app.close());
    } finally {
      await database.drop();
    }
  });

  it('come with tests that pass, from the command, which overwrites nothing unasked', async () => {
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    mkdirSync(path.join(folder, 'migrations'));
    writeFileSync(
      path.join(folder, 'migrations/0001_notes.sql'),
      `-- migrate-safe:up\nCREATE TABLE note_lines (id INTEGER PRIMARY KEY, "the text" TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('new', 'done')), at TIMESTAMP NOT NULL);
CREATE TABLE words (note_id INTEGER NOT NULL REFERENCES note_lines, word TEXT NOT NULL, UNIQUE (note_id, word));
CREATE TABLE loose (x TEXT); CREATE VIEW seen AS SELECT * FROM loose;\n-- migrate-safe:down\nDROP VIEW seen; DROP TABLE loose; DROP TABLE words; DROP TABLE note_lines;\n`,
    );
    const command = (...args: readonly string[]): { readonly status: number; readonly said: string } => {
      try {
        const main = path.resolve('dist/cli/main.js');
        return {
          status: 0,
          said: execFileSync(process.execPath, [main, ...args, '--database', 'sqlite:app.db'], {
            cwd: folder,
            encoding: 'utf8',
            stdio: 'pipe',
          }),
        };
      } catch (error) {
        const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
        return { status, said: stdout + stderr };
      }
    };
    expect(command('up').status).to.equal(0);
    const out = workshop.file('notes');
    expect(command('generate', 'dao', 'note_lines', '--out', out).said).to.match(/NoteLinesDao: 4 columns, key id/);
    const { said } = command('generate', 'dao', 'WORDS', '--out', out, '--json');
    expect(JSON.parse(said)).to.deep.include({
      ok: true,
      dao: 'WordsDao',
      primaryKey: ['note_id', 'word'],
      todo: 'it refers to a row of note_lines',
    });
    const file = path.join(out, 'note-lines-dao.ts');
    writeFileSync(file, '// mine');
    expect(command('generate', 'dao', 'note_lines', '--out', out)).to.include({ status: 2 });
    expect(readFileSync(file, 'utf8')).to.equal('// mine');
    expect(command('generate', 'dao', 'note_lines', '--out', out, '--force').status).to.equal(0);
    for (const [table, why] of [
      ['loose', /has no primary key/],
      ['seen', /is a view/],
      ['nothing', /There are: loose, note_lines, words/],
    ] as const) {
      const answer = command('generate', 'dao', table, '--out', workshop.file('never'));
      expect(answer.status).to.equal(2);
      expect(answer.said.replaceAll(/\s+/g, ' ')).to.match(why);
    }
    expect(command('generate').said).to.contain('generate what?');
    expect(existsSync(workshop.file('never'))).to.equal(false);
    expect(workshop.compile()).to.equal('');
    const test = workshop.file('out/notes/note-lines-dao.test.js');
    const told = execFileSync(process.execPath, ['--test-reporter=tap', test], { cwd: folder, encoding: 'utf8' });
    expect(told)
      .to.match(/^# pass 2$/m)
      .and.to.match(/^# fail 0$/m);
  });
});

async function onSqlite(url: string, statements: readonly string[]): Promise<void> {
  const { knex } = openDatabase({ database: url });
  for (const statement of statements) await knex.raw(statement);
  await knex.destroy();
}
