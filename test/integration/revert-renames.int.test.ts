// `down` on SQLite: what a step only gave another name is not its own to take away.
import { expect } from 'chai';
import { failure, project, value, type Project } from '../support/project.js';

const REBUILD = [
  'CREATE TABLE t_new (id INTEGER PRIMARY KEY, w TEXT)',
  'INSERT INTO t_new SELECT id, v FROM t',
  'DROP TABLE t',
  'ALTER TABLE t_new RENAME TO t',
].join('; ');

describe('a revert on SQLite that takes more than its step made', () => {
  let p: Project;
  beforeEach(() => {
    p = project();
  });
  afterEach(() => p.remove());

  const applied = async (up: string, down: string): Promise<void> => {
    p.write({
      '0001_t.sql': 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)',
      '0002_it.up.sql': up,
      '0002_it.down.sql': down,
    });
    value(await p.manager().up({ to: '1' }));
  };
  const ROWS = `INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, 'c')`;

  for (const [what, up, down] of [
    ['a table', 'ALTER TABLE t RENAME TO "U u"', 'DROP TABLE "U u"'],
    ['a column', 'ALTER TABLE t RENAME v TO w', 'ALTER TABLE t DROP COLUMN w'],
    ['a quoted column', 'ALTER TABLE main.t RENAME COLUMN "v" TO [W w];', 'ALTER TABLE t DROP COLUMN [W w]'],
    ['a column, twice,', 'ALTER TABLE t RENAME v TO x; ALTER TABLE t RENAME x TO w', 'ALTER TABLE t DROP COLUMN w'],
    ['a column of a table', 'ALTER TABLE t RENAME v TO w; ALTER TABLE t RENAME TO u', 'ALTER TABLE u DROP COLUMN w'],
    ['a column of a table made anew', REBUILD, 'ALTER TABLE t DROP COLUMN w'],
  ] as const) {
    it(`is refused where ${what} had only got another name`, async () => {
      await applied(up, down);
      p.sql(ROWS);
      value(await p.manager().up());
      const before = p.dump();
      expect(failure(await p.manager().down())).to.include({ kind: 'guard-refused', direction: 'revert' });
      expect(p.dump()).to.equal(before);
    });
  }

  it('is refused also where the column held nothing when it was renamed', async () => {
    await applied('ALTER TABLE t RENAME v TO w', 'ALTER TABLE t DROP COLUMN w');
    value(await p.manager().up());
    p.sql(ROWS);
    const before = p.dump();
    expect(failure(await p.manager().down())).to.include({ kind: 'guard-refused', direction: 'revert' });
    expect(p.dump()).to.equal(before);
  });

  it('may give the names back, and drop what the step made', async () => {
    await applied(
      `ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME v TO w; ALTER TABLE u ADD x DEFAULT 1;
       ALTER TABLE u RENAME x TO y; CREATE TABLE made AS SELECT 1 AS one`,
      'DROP TABLE made; ALTER TABLE u DROP COLUMN y; ALTER TABLE u RENAME w TO v; ALTER TABLE u RENAME TO t',
    );
    p.sql(ROWS);
    const before = p.dump();
    value(await p.manager().up());
    expect(value(await p.manager().down()).reverted[0]).to.include({ schemaRestored: true });
    expect(p.dump()).to.equal(before);
  });
});
