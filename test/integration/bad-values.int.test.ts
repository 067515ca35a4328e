// Values and names that are easily harmed: they come unharmed through rebuild, backup and restore, and their changes are counted exactly.
import { expect } from 'chai';
import { MigrationStep, type SafeMigrationManager, type StepDefinition } from 'migrate-safe';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

const VALUES = `CREATE TABLE v (id INTEGER PRIMARY KEY, x, junk TEXT); INSERT INTO v (id, x) VALUES (1, NULL), (2, x'00ff00'), (3, 9223372036854775807), (4, -9223372036854775808),
  (5, 9e999), (6, -9e999), (7, -0.0), (8, CAST(x'610062' AS TEXT)), (9, CAST(x'fffe41' AS TEXT)), (10, 9007199254740993), (11, 9e999 - 9e999), (12, ''), (13, x''), (14, 0.1), (15, 1.0), (16, 1), (17, '1'), (18, 5e-324), (19, 0.30000000000000004);`;
const NAMES = [
  'a b',
  `it's`,
  'sélect é',
  'select',
  'br]ack[et',
  'semi;colon',
  'new\nline',
  'dou"ble',
  '日本',
  'per%cent',
  'back`tick',
  'dot.ted',
  '--x',
  ' lead',
  '"',
  `'`,
  '1',
  '%s',
  '?',
  ':a',
  'rowid',
  'back\\slash',
];
const q = (name: string): string => `"${name.replaceAll('"', '""')}"`;

for (const driver of DRIVERS) {
  describe(`values and names that are easily harmed (${driver})`, () => {
    let p: Project;
    beforeEach(() => (p = project(driver)));
    afterEach(() => p.remove());
    const withStep = (definition: StepDefinition): SafeMigrationManager => {
      const safe = p.manager();
      safe.addMigration(new MigrationStep(2, 'step', definition));
      return safe;
    };
    const cells = (): unknown => p.rows('SELECT id, typeof(x) AS t, hex(x) AS h, quote(x) AS q FROM v ORDER BY id');

    it('are the same after a rebuild, a restore and a restore of the one table', async () => {
      p.write({ '0001_v.sql': VALUES });
      value(await p.manager().up());
      const before = cells();
      value(await withStep({ apply: (knex) => knex.schema.alterTable('v', (t) => t.dropColumn('junk')) }).up());
      expect(cells()).to.deep.equal(before);
      value(await p.manager().restore({ choice: { beforeStep: '2' } }));
      expect(cells()).to.deep.equal(before);
      p.sql('UPDATE v SET x = 5');
      value(await p.manager().restore({ choice: { beforeStep: '2' }, tables: ['v'] }));
      expect(cells()).to.deep.equal(before);
    });

    it('are seen to change by a single bit, or only by type', async () => {
      p.write({ '0001_v.sql': VALUES });
      value(await p.manager().up());
      const changes: readonly (readonly [number, string])[] = [
        [10, '9007199254740992'],
        [3, '9223372036854775806'],
        [4, '-9223372036854775807'],
        [7, '0.0'],
        [16, '1.0'],
        [17, `x'31'`],
        [12, `x''`],
        [13, `''`],
        [8, `CAST(x'610063' AS TEXT)`],
        [9, `CAST(x'fffe42' AS TEXT)`],
        [18, '0.0'],
        [19, '0.3'],
      ];
      const seen: unknown[] = [];
      const safe = p.manager();
      for (const [index, [id, to]] of changes.entries())
        safe.addMigration(
          new MigrationStep(10 + index, 'one', {
            apply: (knex) => knex.raw(`UPDATE v SET x = ${to} WHERE id = ${id}`),
          }),
        );
      for (const { effects } of value(await safe.up()).applied) seen.push(effects.tables);
      expect(seen).to.deep.equal(changes.map(() => ({ v: { inserted: 0, updated: 1, deleted: 0 } })));
    });

    it('names of any characters go through steps, guard, its advice, and the restore of one table', async () => {
      p.write({
        '0001_names.sql': NAMES.map(
          (n) =>
            `CREATE TABLE ${q(n)} (${q(`id${n}`)} INTEGER PRIMARY KEY, ${q(n)} TEXT); INSERT INTO ${q(n)} VALUES (1, 'a'), (2, 'b'), (3, NULL);`,
        ).join('\n'),
      });
      const { tables } = value(await p.manager().up()).applied[0]?.effects ?? { tables: {} };
      expect(Object.keys(tables)).to.have.members(NAMES);
      const before = p.dump();
      // One step that harms them all: what the guard advises is what allows it.
      const script = NAMES.map(
        (n) =>
          `DELETE FROM ${q(n)} WHERE ${q(`id${n}`)} = 2;\nALTER TABLE ${q(n)} ADD COLUMN z; UPDATE ${q(n)} SET z = ${q(n)}; ALTER TABLE ${q(n)} DROP COLUMN ${q(n)};`,
      ).join('\n');
      p.write({ '0002_harm.sql': script });
      const refused = failure(await p.manager().up());
      if (refused.kind !== 'guard-refused') throw new Error(refused.message);
      expect(p.dump()).to.equal(before);
      p.write({ '0002_harm.sql': `${refused.declare.join('\n')}\n${script}` });
      value(await p.manager().up());
      value(await p.manager().restore({ choice: { beforeStep: '2' } }));
      expect(p.dump()).to.equal(before);
      for (const n of NAMES) p.sql(`DELETE FROM ${q(n)}`);
      value(await p.manager().restore({ choice: { beforeStep: '2' }, tables: NAMES }));
      expect(p.dump()).to.equal(before);
    });

    it('tables of 1,000 columns are rebuilt, compared and restored', async () => {
      const columns = Array.from({ length: 1000 }, (_, i) => `c${i} TEXT`).join(', ');
      p.write({
        '0001_wide.sql': `CREATE TABLE w (id INTEGER PRIMARY KEY, ${columns}); INSERT INTO w (id, c0, c999) VALUES (1, 'a', 'b'), (2, 'c', 'd')`,
        '0002_u.sql': `UPDATE w SET c999 = 'x' WHERE id = 1; ALTER TABLE w DROP COLUMN c500`,
      });
      expect(value(await p.manager().up()).applied[1]?.effects.tables).to.deep.equal({
        w: { inserted: 0, updated: 1, deleted: 0 },
      });
      p.sql('DELETE FROM w');
      expect(failure(await p.manager().restore({ choice: { beforeStep: '2' }, tables: ['w'] })).message).to.contain(
        'the columns of w are not those of the backup',
      );
      value(await p.manager().restore({ choice: { beforeStep: '2' } }));
      expect(p.rows('SELECT id, c0, c999 FROM w')).to.deep.equal([
        { id: 1, c0: 'a', c999: 'b' },
        { id: 2, c0: 'c', c999: 'd' },
      ]);
    });
  });
}
