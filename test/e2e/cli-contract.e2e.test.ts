// `check` and the contract of `up` from outside: the module that is named, what people read, what programs read.
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { CliProject } from '../support/cli-project.js';

const TABLES = `import { Dao, defineQuery, defineTable } from 'migrate-safe/dao';
import * as z from 'zod';

export const Requests = defineTable(
  'requests',
  { id: z.int(), model: z.string(), at: z.date() },
  { primaryKey: 'id', defaults: ['id'] },
);
export class RequestsDao extends Dao<typeof Requests> {
  static readonly table = Requests;
}
export const Models = defineQuery('models', {
  row: z.object({ model: z.string() }),
  build: (knex) => knex('requests').distinct('model'),
});
export const unrelated = 1;
`;
const FITS = 'CREATE TABLE requests (id INTEGER PRIMARY KEY, model TEXT NOT NULL, at TEXT NOT NULL);\n';

describe('migrate-safe check', function () {
  // Up to six commands a test, each of which loads zod and knex.
  this.timeout(60_000);
  let project: CliProject;
  beforeEach(() => {
    project = new CliProject();
    project.write('src/tables.ts', TABLES);
    project.write('migrations/0001_requests.up.sql', FITS);
    // The application has a zod of its own.
    mkdirSync(path.join(project.directory, 'node_modules'));
    symlinkSync(path.resolve('node_modules/zod'), path.join(project.directory, 'node_modules/zod'), 'junction');
  });
  afterEach(() => project.remove());

  const CONTRACT = ['--contract', 'src/tables.ts'];

  it('says what is declared, and that all of it fits', async () => {
    const { code, stdout, stderr } = await project.app('up', ...CONTRACT);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(/✔ schema {5}.*; foreign keys hold; the program fits\n/);
    const checked = await project.app('check', ...CONTRACT);
    expect(checked.stdout).to.equal(
      'app.db   1 table and 1 query declared\n\n✔ All of it fits the schema that is there.\n',
    );
    expect(checked.code).to.equal(0);
    const { json } = await project.app('check', ...CONTRACT, '--json');
    expect(json()).to.deep.equal({
      ok: true,
      database: 'app.db',
      dialect: 'sqlite',
      tables: [{ table: 'requests', dao: 'RequestsDao' }],
      queries: ['models'],
      pending: 0,
      findings: [],
    });
  });

  it('exits with 3 and names the DAO and the column where something does not fit', async () => {
    await project.app('up');
    project.write('migrations/0002_more.up.sql', 'ALTER TABLE requests RENAME COLUMN model TO name;\n');
    await project.app('up');
    const checked = await project.app('check', ...CONTRACT);
    expect(checked.code).to.equal(3);
    expect(checked.stdout).to.equal(
      `app.db   1 table and 1 query declared

  ✖ RequestsDao uses column requests.model, which is not there
  ✖ RequestsDao does not know requests.name, which is NOT NULL without a default: its inserts would
    fail
  ✖ query "models" cannot be prepared: no such column: model

`,
    );
    expect(checked.stderr).to.equal(
      `✖ 3 things that the program declares would not work on this schema   [MS-CHECK-CONTRACT]
Write a step that makes what is missing, or correct the declaration.
`,
    );
    const { code, json } = await project.app('check', ...CONTRACT, '--json');
    expect(code).to.equal(3);
    const { ok, error, state, findings } = json<{
      ok: boolean;
      error: object;
      state: string;
      findings: readonly object[];
    }>();
    expect({ ok, state }).to.deep.equal({ ok: false, state: 'unchanged' });
    expect(error).to.deep.include({ code: 'MS-CHECK-CONTRACT', kind: 'contract-differs', count: 3, pending: 0 });
    expect(findings[0]).to.deep.equal({
      problem: 'missing-column',
      table: 'requests',
      dao: 'RequestsDao',
      column: 'model',
      message: 'RequestsDao uses column requests.model, which is not there',
    });
  });

  it('names the pending step as what may mend it', async () => {
    await project.app('up');
    project.write('src/tables.ts', TABLES.replace('at: z.date()', 'at: z.date(), note: z.string().nullable()'));
    project.write('migrations/0002_note.up.sql', 'ALTER TABLE requests ADD COLUMN note TEXT;\n');
    const { code, stderr } = await project.app('check', ...CONTRACT);
    expect(code).to.equal(3);
    expect(stderr).to.match(/1 step is pending, which may mend it: migrate-safe .*up/);
    expect((await project.app('up', ...CONTRACT)).code).to.equal(0);
    expect((await project.app('check', ...CONTRACT)).code).to.equal(0);
  });

  it('is what `up` holds each step to; the module can be named in the config file, relative to it', async () => {
    project.write(
      'migrate-safe.config.ts',
      `import { defineConfig } from 'migrate-safe';\nexport default defineConfig({ database: 'sqlite:app.db', contract: './src/tables.ts' });\n`,
    );
    await project.run(['up']);
    project.write('migrations/0002_times.up.sql', 'ALTER TABLE requests RENAME COLUMN at TO seen_at;\n');
    const { code, stdout, stderr } = await project.run(['up']);
    expect(code).to.equal(1);
    expect(stdout).to.include('✔ effects    no rows touched');
    expect(stderr).to.equal(
      `    ✖ contract   RequestsDao uses column requests.at, which is not there; RequestsDao does not know
                 requests.seen_at, which is NOT NULL without a default: its inserts would fail
                 migrations/0002_times.up.sql

Nothing was changed: the step was rolled back and the schema is what it was.   [MS-CONTRACT]
What works before 0002 has to work after it: let the step keep what the program uses, or change the
declarations of the program with it.
`,
    );
    const document = (await project.run(['up', '--json'])).json<{ error: object; state: string }>();
    expect(document.state).to.equal('rolled-back');
    expect(document.error).to.deep.include({ code: 'MS-CONTRACT', version: '0002', by: 'step' });
    expect(document.error).to.have.nested.property('findings[0].dao', 'RequestsDao');
    expect(document.error).to.have.nested.property('step.file', 'migrations/0002_times.up.sql');
    expect((await project.run(['current'])).stdout).to.equal('0001\n');
  });

  it('refuses a module that is not there, throws, or declares nothing, and says so where none is named', async () => {
    for (const [text, said] of [
      [undefined, /could not be read from src\/odd\.ts: there is no such file/],
      ['throw new Error("boom");\n', /src\/odd\.ts: boom/],
      ['export const a = 1;\n', /none of its exports is a table, a DAO or a named query/],
    ] as const) {
      if (text !== undefined) project.write('src/odd.ts', text);
      const { code, stderr } = await project.app('up', '--contract', 'src/odd.ts');
      expect(code).to.equal(2);
      expect(stderr.replaceAll(/\s+/g, ' ')).to.match(said);
      expect(stderr).to.include('[MS-CONTRACT-FILE]');
    }
    const { code, stderr } = await project.app('check');
    expect(code).to.equal(2);
    expect(stderr).to.include('[MS-USAGE]');
    expect(stderr.replaceAll(/\s+/g, ' ')).to.include('check --contract src/tables.ts');
  });
});
