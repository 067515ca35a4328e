// By what a row is the same row in the other version of its table: its rowid, its key, or nothing.
import { expect } from 'chai';
import { commonColumns, prepareSides } from '#src/dao/dialects/sqlite/compare/sides.js';
import { walkAsMultiset } from '#src/dao/dialects/sqlite/compare/walk-as-multiset.js';
import { DRIVERS, value, withVersions } from '../support/compare-sessions.js';
import { compared, fill, shapeOf, UNCHANGED } from '../support/compare-tables.js';

const rebuild = (definition: string, columns = '*', order = ''): string[] => [
  `CREATE TABLE fresh (${definition})`,
  `INSERT INTO fresh SELECT ${columns} FROM t ${order}`,
  'DROP TABLE t',
  'ALTER TABLE fresh RENAME TO t',
];

for (const driver of DRIVERS) {
  describe(`the identity of rows through ${driver}`, () => {
    it('takes the rowid for identity where the table was not made anew, under any name that is left for it', async () => {
      const start = ['CREATE TABLE t (rowid, _ROWID_, v AS (1) STORED)', fill(5, `'same', i % 2`)];
      const edits = ['UPDATE t SET _rowid_ = 7 WHERE oid = 3', 'DELETE FROM t WHERE oid = 2'];
      const found = await compared({ driver, start, edits });
      expect(found).to.deep.equal({ ...UNCHANGED, updated: 1, deleted: 1, deletedKeys: ['2'], keyed: true });
    });

    it('compares as a multiset where every name of the rowid is taken and there is no key', async () => {
      const start = [
        'CREATE TABLE t (rowid, _rowid_, oid)',
        fill(700, `i % 3, 'v' || (i % 10), zeroblob(i % 2 * 20000)`),
      ];
      expect(await compared({ driver, start })).to.deep.equal({ ...UNCHANGED, keyed: false });
      const edits = [
        `DELETE FROM t WHERE _rowid_ = 'v4' AND rowid = 1`,
        `UPDATE t SET _rowid_ = NULL WHERE _rowid_ = 'v5'`,
      ];
      const found = await compared({ driver, start, edits });
      // Of 94 removed rows 24 are deleted; 94 values are gone, of which the deleted rows took 24.
      const nulled = [{ column: '_rowid_', rows: 70, keys: [] }];
      expect(found).to.deep.equal({ ...UNCHANGED, deleted: 24, updated: 70, nulled, keyed: false });
    });

    it('follows rows through a rebuild by their INTEGER PRIMARY KEY, even a renamed one, or by their declared key', async () => {
      const start = ['CREATE TABLE t (id INTEGER PRIMARY KEY, v)', fill(3000, 'i, i')];
      const renamed = [
        ...rebuild('customer INTEGER PRIMARY KEY, v', '*', 'ORDER BY id DESC'),
        'DELETE FROM t WHERE customer = 9',
      ];
      const byAlias = await compared({ driver, start, edits: renamed, rebuilt: true });
      expect(byAlias).to.deep.equal({ ...UNCHANGED, deleted: 1, deletedKeys: ['9'], keyed: true });
      const declared = ['CREATE TABLE t (code TEXT PRIMARY KEY, v)', fill(3000, `'c' || i, i`)];
      const reversed = [
        ...rebuild('v, code TEXT PRIMARY KEY', 'v, code', 'ORDER BY v DESC'),
        'UPDATE t SET v = NULL WHERE v = 9',
      ];
      const byKey = await compared({ driver, start: declared, edits: reversed, rebuilt: true });
      expect(byKey).to.deep.equal({
        ...UNCHANGED,
        updated: 1,
        nulled: [{ column: 'v', rows: 1, keys: [`'c9'`] }],
        keyed: true,
      });
      const without = [
        ...rebuild('id INTEGER, v, PRIMARY KEY (id)', '*', 'ORDER BY v DESC'),
        'DELETE FROM t WHERE id = 9',
      ];
      const across = await compared({
        driver,
        start,
        edits: without.map((sql) => sql.replace('(id))', '(id)) WITHOUT ROWID')),
        rebuilt: true,
      });
      expect(across).to.deep.equal({ ...UNCHANGED, deleted: 1, deletedKeys: ['9'], keyed: true });
    });

    it('compares as a multiset where a rebuild left no common key: other collation, other type, NULL in the key, no key', async () => {
      const start = ['CREATE TABLE t (code TEXT PRIMARY KEY, v)', fill(3000, `'c' || i, i`)];
      const edit = (definition: string): string[] => [
        ...rebuild(definition, '*', 'ORDER BY v DESC'),
        'DELETE FROM t WHERE v = 9',
      ];
      for (const definition of [
        'code TEXT COLLATE NOCASE PRIMARY KEY, v',
        'code BLOB PRIMARY KEY, v',
        'code TEXT, v',
      ]) {
        const found = await compared({ driver, start, edits: edit(definition), rebuilt: true });
        expect(found, definition).to.deep.equal({ ...UNCHANGED, deleted: 1, keyed: false });
      }
      const nulls = [...start, 'INSERT INTO t VALUES (NULL, 1), (NULL, 1)'];
      const found = await compared({ driver, start: nulls, edits: edit('code TEXT PRIMARY KEY, v'), rebuilt: true });
      expect(found).to.deep.equal({ ...UNCHANGED, deleted: 1, keyed: false });
    });

    it('counts a multiset right when only few unmatched rows may be held', async () => {
      const start = ['CREATE TABLE t (v, w)', fill(5000, `i % 2500, 'w'`)];
      const edits = [
        `UPDATE t SET w = 'changed' WHERE v % 2 = 0`,
        'DELETE FROM t WHERE v IN (7, 9)',
        `INSERT INTO t VALUES (1, 'w')`,
      ];
      await withVersions(driver, start, edits, async (before, after) => {
        const [old, now] = [
          { session: before, shape: await shapeOf(before, 't') },
          { session: after, shape: await shapeOf(after, 't') },
        ];
        const sides = await value(prepareSides(old, now, commonColumns(old, now), { rebuilt: true }));
        const found = await value(walkAsMultiset(sides.before, sides.after, 100));
        expect(found).to.deep.equal({ removed: 2504, added: 2501 });
      });
    });
  });
}
