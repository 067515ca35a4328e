// A process that lives on while step files change: what runs is the text whose checksum the journal records, never an earlier one.
import path from 'node:path';
import { expect } from 'chai';
import { MigrationStep } from 'migrate-safe';
import { project, value, type Project } from '../support/project.js';

const rest = (table: string): string =>
  `async (knex) => { await knex.schema.createTable('${table}', (t) => { t.integer('x'); }); }`;
const FORMS: Readonly<Record<string, (table: string) => string>> = {
  '0001_a.ts': (table) =>
    `enum Names { Table = '${table}' }\nexport async function up(knex: { raw(sql: string): Promise<void> }): Promise<void> { await knex.raw('CREATE TABLE ' + Names.Table + ' (x)'); }`,
  '0001_a.mts': (table) => `export default { apply: ${rest(table)} };`,
  '0001_a.cts': (table) => `module.exports = { up: ${rest(table)} };`,
  '0001_a.mjs': (table) =>
    `const name = await Promise.resolve('${table}');\nexport const up = ${rest(table)}; export { name as ignored };`,
  '0001_a.cjs': (table) => `if (false) return;\nexports.up = ${rest(table)}; mode = 0644; exports.down = () => {};`,
  '0001_a.js': (table) => `export const up = ${rest(table)}; export const down = () => {};`,
  '0001_b.js': (table) => `exports.up = ${rest(table)}; exports.down = () => {};`,
};

describe('a step file that changes while the process lives', () => {
  let p: Project;
  beforeEach(() => (p = project()));
  afterEach(() => p.remove());
  const tables = (file: string): unknown[] =>
    p.rowsOf(file, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('old', 'new') ORDER BY name`);
  const apply = async (name: string): Promise<unknown[]> => {
    const file = path.join(p.directory, `${name}.db`);
    const safe = p.manager({ database: `sqlite:${file}?driver=sqlite3`, backups: path.join(p.directory, name) });
    value(await safe.up());
    value(await safe.close());
    return tables(file);
  };

  for (const [file, body] of Object.entries(FORMS)) {
    it(`applies what ${file} says now`, async () => {
      p.write({ [file]: body('old') });
      expect(await apply('one')).to.deep.equal([{ name: 'old' }]);
      p.write({ [file]: body('new') });
      expect(await apply('two')).to.deep.equal([{ name: 'new' }]);
      p.write({ [file]: body('old') });
      expect(await apply('three')).to.deep.equal([{ name: 'old' }]);
    });
  }

  const HELPERS: Readonly<Record<string, Readonly<Record<string, (table: string) => string>>>> = {
    'in TypeScript, through another': {
      '0001_a.ts': () => `import { up } from './_one.js'; export { up };`,
      '_one.ts': () => `import { table } from './_two.js'; export const up = ${rest("' + table + '")};`,
      '_two.ts': (table) => `export const table: string = '${table}';`,
    },
    'in CommonJS': {
      '0001_a.cjs': () => `const { table } = require('./_one.cjs'); exports.up = ${rest("' + table + '")};`,
      '_one.cjs': (table) => `exports.table = '${table}';`,
    },
  };
  for (const [name, files] of Object.entries(HELPERS)) {
    it(`applies what a helper says now: ${name}`, async () => {
      const write = (table: string): void =>
        p.write(Object.fromEntries(Object.entries(files).map(([file, of]) => [file, of(table)])));
      write('old');
      expect(await apply('one')).to.deep.equal([{ name: 'old' }]);
      write('new');
      expect(await apply('two')).to.deep.equal([{ name: 'new' }]);
    });
  }

  it('runs a helper that did not change once for all steps and runs', async () => {
    const counter = 'migrateSafeHelperLoads';
    const step = `import './_helper.js'; export const up = () => {};`;
    p.write({
      '_helper.ts': `globalThis.${counter} = (globalThis.${counter} ?? 0) + 1; export {};`,
      '0001_a.ts': step,
    });
    p.write({ '0002_b.ts': step });
    await apply('one');
    await apply('two');
    expect(Reflect.get(globalThis, counter)).to.equal(1);
    Reflect.deleteProperty(globalThis, counter);
  });

  for (const [file, imported] of Object.entries({
    '0001_a.ts': `import { MigrationStep } from 'migrate-safe';`,
    '0001_a.mjs': `import { MigrationStep } from 'migrate-safe';`,
    '0001_a.cjs': `const { MigrationStep } = require('migrate-safe');`,
  })) {
    it(`gives ${file} the host's own instance of the library`, async () => {
      const seen = 'migrateSafeSeen';
      const exporting = file.endsWith('cjs') ? 'exports.up =' : 'export const up =';
      p.write({ [file]: `${imported}\n${exporting} () => { globalThis.${seen} = MigrationStep; };` });
      await apply('one');
      expect(Reflect.get(globalThis, seen)).to.equal(MigrationStep);
      Reflect.deleteProperty(globalThis, seen);
    });
  }

  it('applies the text that was hashed where the file changes between the plan and the step', async () => {
    const second = path.join(p.steps, '0002_b.mjs');
    const body = (table: string): string => `export const up = ${rest(table)};`;
    p.write({
      '0002_b.mjs': body('old'),
      '0001_a.mjs': `import { writeFileSync } from 'node:fs';\nexport const up = () => { writeFileSync(${JSON.stringify(second)}, ${JSON.stringify(body('new'))}); };`,
    });
    expect(await apply('one')).to.deep.equal([{ name: 'old' }]);
  });
});
