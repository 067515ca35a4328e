// Steps in TypeScript and JavaScript: every form that a project has loads as it is; what is wrong is refused before anything runs.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { failure, project, value, type Project } from '../support/project.js';

const WORK = `async (knex) => { await knex.raw('CREATE TABLE q (x)'); }`;

describe('steps in code', () => {
  let p: Project;
  beforeEach(() => (p = project()));
  afterEach(() => p.remove());
  const hasTable = (): boolean => p.rows(`SELECT 1 FROM sqlite_schema WHERE name = 'q'`).length === 1;

  const forms: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'TypeScript with enum, namespace, parameter properties and ./helper.js for helper.ts': {
      '_helper.ts': `export enum Level { Low = 1, High = 7 }\nexport namespace Names { export const table: string = 'q'; }`,
      '0001_a.ts': `import { defineStep, type StepHandle } from 'migrate-safe';
        import { Level, Names } from './_helper.js';
        class Row { constructor(readonly x: Level, private readonly table = Names.table) {} async add(knex: StepHandle): Promise<void> { await knex(this.table).insert({ x: this.x }); } }
        export default defineStep({ apply: async (knex) => { await knex.schema.createTable(Names.table, (t) => { t.integer('x'); }); await new Row(Level.High).add(knex); } });`,
    },
    'TypeScript that takes something of the DAO layer': {
      '0001_a.ts': `import { defineStep } from 'migrate-safe';
        import { isRetryable } from 'migrate-safe/dao';
        export default defineStep({ apply: async (knex) => { if (isRetryable({ kind: 'busy', message: '' })) await knex.raw('CREATE TABLE q (x)'); } });`,
    },
    'TypeScript that exports in CommonJS style': {
      '0001_a.ts': `export = { up: async (knex: { raw(sql: string): Promise<void> }) => { await knex.raw('CREATE TABLE q (x)'); } };`,
    },
    '.mts': { '0001_a.mts': `export default { apply: ${WORK} };` },
    '.cts': { '0001_a.cts': `module.exports = { up: ${WORK} };` },
    '.js as a module': {
      '0001_a.js': `export const up = ${WORK}; export const down = (knex) => knex.raw('DROP TABLE q');`,
    },
    '.js in CommonJS': {
      '0001_a.js': `exports.up = function (knex) { return knex.schema.createTable('q', (t) => { t.integer('x'); }); }; exports.down = (knex) => knex.schema.dropTable('q');`,
    },
    '.mjs': { '0001_a.mjs': `export default { apply: ${WORK}, revert: (knex) => knex.raw('DROP TABLE q') };` },
    '.mjs with up in its default': { '0001_a.mjs': `export default { up: ${WORK} };` },
    '.cjs, knex-style, outside a transaction': {
      '0001_a.cjs': `module.exports = { up: ${WORK}, config: { transaction: false } };`,
    },
  };
  for (const [name, files] of Object.entries(forms)) {
    it(`loads ${name}`, async () => {
      p.write(files);
      value(await p.manager().up());
      expect(hasTable()).to.equal(true);
    });
  }

  it('reverts with the down of a knex-style step', async () => {
    p.write({
      '0001_a.js': `exports.up = (knex) => knex.schema.createTable('q', (t) => { t.integer('x'); }); exports.down = (knex) => knex.schema.dropTable('q');`,
    });
    value(await p.manager().up());
    expect(value(await p.manager().down()).reverted[0]?.schemaRestored).to.equal(true);
    expect(hasTable()).to.equal(false);
  });

  const losing = `async (knex) => { await knex.raw('DELETE FROM q'); await knex.raw('DELETE FROM r'); }`;
  const pasting: Readonly<
    Record<string, readonly [extension: string, of: (declares: string) => string, given: string]>
  > = {
    'of an object': [
      'mjs',
      (declares) => `export default { apply: ${losing}, ${declares} };`,
      `declares: { mayLoseRows: ['r'] },`,
    ],
    'knex-style in CommonJS': [
      'js',
      (declares) => `exports.up = ${losing};\nexports.down = () => {};\n${declares}`,
      `exports.declares = { mayLoseRows: ['r'] };`,
    ],
    'knex-style in CommonJS, as one object': [
      'cjs',
      (declares) => `module.exports = { up: ${losing}, ${declares} };`,
      `declares: { mayLoseRows: ['r'] },`,
    ],
    'knex-style as a module': [
      'ts',
      (declares) => `${declares}\nexport async function up(knex: never) { await (${losing})(knex); }`,
      `export const declares = { mayLoseRows: ['r'] };`,
    ],
  };
  for (const [form, [extension, of, given]] of Object.entries(pasting)) {
    it(`is told what to declare in a form that takes the place of what it declares, ${form}`, async () => {
      p.write({
        '0001_a.sql': 'CREATE TABLE q (x); CREATE TABLE r (x); INSERT INTO q VALUES (1); INSERT INTO r VALUES (1);',
      });
      value(await p.manager().up());
      p.write({ [`0002_b.${extension}`]: of(given) });
      const error = failure(await p.manager().up());
      expect(error.kind).to.equal('guard-refused');
      rmSync(path.join(p.steps, `0002_b.${extension}`));
      // Under another name: a module is loaded once in a process.
      p.write({ [`0002_c.${extension}`]: of(error.hint.split('\n').at(-1)?.trim() ?? '') });
      value(await p.manager().up());
    });
  }

  const wrong: Readonly<Record<string, readonly [body: string, kind: string, message: RegExp]>> = {
    'throws on load': [`throw new Error('boom at load');`, 'step-load', /boom at load/],
    'throws a text on load': [`throw 'just text';`, 'step-load', /just text/],
    'throws null on load': ['throw null;', 'step-load', /null/],
    'does not parse': ['export default { apply: async ( => {} };', 'step-load', /Unexpected token/],
    'imports what is not there': [`import x from './nothere.js'; export default { apply: x };`, 'step-load', /nothere/],
    'exports a number': ['export default 42;', 'step-shape', /neither a step nor/],
    'exports nothing': ['', 'step-shape', /neither a step nor|exports nothing/],
    'exports a bare function': [`export default ${WORK};`, 'step-shape', /neither a step nor/],
    'exports a promise of a step': [
      `export default Promise.resolve({ apply: ${WORK} });`,
      'step-shape',
      /neither a step nor/,
    ],
    'has a text for apply': [`export default { apply: 'CREATE TABLE q (x)' };`, 'step-shape', /neither a step nor/],
    'misspells revert': [`export default { apply: ${WORK}, rollback: ${WORK} };`, 'step-shape', /rollback/],
    'misspells declares': [`export default { apply: ${WORK}, declare: { mayDrop: ['x'] } };`, 'step-shape', /declare/],
    'has a number for revert': [`export default { apply: ${WORK}, revert: 3 };`, 'step-shape', /`revert`/],
    'has true for validate': [`export default { apply: ${WORK}, validate: true };`, 'step-shape', /`validate`/],
    'has true for isDone': [`export default { apply: ${WORK}, isDone: true };`, 'step-shape', /`isDone`/],
    'misspells a declaration': [
      `export const up = ${WORK}; export const declares = { mayDelete: ['x'] };`,
      'step-shape',
      /mayDelete/,
    ],
    'declares one name without a list': [
      `export default { apply: ${WORK}, declares: { mayDrop: 'x' } };`,
      'step-shape',
      /list of names/,
    ],
  };
  for (const [name, [body, kind, message]] of Object.entries(wrong)) {
    it(`refuses a module that ${name}`, async () => {
      p.write({ '0001_a.mjs': body });
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind, exitCode: 2, state: 'unchanged' });
      expect(error.message).to.match(message).and.to.contain('0001_a.mjs');
      expect(hasTable()).to.equal(false);
    });
  }

  it('runs no step of a run whose last one cannot be loaded', async () => {
    p.write({ '0001_a.sql': 'CREATE TABLE q (x)', '0002_b.mjs': `throw new Error('boom');` });
    expect(failure(await p.manager().up())).to.include({ kind: 'step-load' });
    expect(hasTable()).to.equal(false);
  });

  it('keeps a version of another component apart', async () => {
    p.write({ '0001_a.sql': 'CREATE TABLE q (x)' });
    value(await p.manager().up());
    const other = project();
    other.write({ '0001_other.sql': 'CREATE TABLE r (x)' });
    value(await p.manager({ steps: other.steps, component: 'plugin' }).up());
    expect(p.rows('SELECT component, version FROM migrate_safe_steps ORDER BY component')).to.deep.equal([
      { component: 'main', version: '0001' },
      { component: 'plugin', version: '0001' },
    ]);
    value(await p.manager({ steps: other.steps, component: 'plugin' }).restore({ choice: { latest: true } }));
    expect(value(await p.manager().status())).to.include({ pending: 0 });
    other.remove();
  });
});
