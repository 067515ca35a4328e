// What a dropped column loses, and what a table's shape is read from.
import { expect } from 'chai';
import { type ColumnLoss, droppedColumnLoss } from '#src/dao/dialects/sqlite/compare/dropped-column.js';
import { countRows, readShape } from '#src/dao/dialects/sqlite/compare/shape.js';
import { DRIVERS, type DriverName, value, withVersions } from '../support/compare-sessions.js';

async function loss(
  driver: DriverName,
  start: readonly string[],
  edits: readonly string[],
  rebuilt = false,
): Promise<ColumnLoss> {
  return withVersions(driver, start, edits, async (before, after) => {
    const [old, now] = [await value(readShape(before, 't')), await value(readShape(after, 't'))];
    if (old === undefined || now === undefined) throw new Error('no table t');
    return value(droppedColumnLoss(before, old, after, now, 'old', { rebuilt }));
  });
}

const fill = (rows: number, select: string): string =>
  `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ${rows}) INSERT INTO t SELECT ${select} FROM s`;
const START = ['CREATE TABLE t (id INTEGER PRIMARY KEY, old)', fill(3000, 'i, CASE WHEN i > 2990 THEN i * 0.5 END')];
const UNKEYED = ['CREATE TABLE t (name, old)', fill(3000, `'n' || i, i % 7`)];
const KEYS = ['2991', '2992', '2993', '2994', '2995'];

for (const driver of DRIVERS) {
  describe(`droppedColumnLoss through ${driver}`, () => {
    it('counts the rows that had a value', async () => {
      expect(await loss(driver, START, ['ALTER TABLE t DROP COLUMN old'])).to.deep.equal({ rows: 10, keys: KEYS });
    });

    it('loses nothing with a column in which every value is NULL', async () => {
      const start = [...START, 'UPDATE t SET old = NULL'];
      expect(await loss(driver, start, ['ALTER TABLE t DROP COLUMN old'])).to.deep.equal({ rows: 0, keys: [] });
    });

    it('loses nothing by a rename, whatever else happened to other columns and rows', async () => {
      const edits = [
        'ALTER TABLE t ADD COLUMN other',
        'UPDATE t SET other = id',
        'ALTER TABLE t RENAME COLUMN old TO fresh',
      ];
      edits.push('DELETE FROM t WHERE id IN (1, 2995)', `INSERT INTO t VALUES (9000, 'new', 'new')`);
      expect(await loss(driver, START, edits)).to.deep.equal({ rows: 0, keys: [], renamedTo: 'fresh' });
      const rebuild = [
        'CREATE TABLE n (fresh, id INTEGER PRIMARY KEY)',
        'INSERT INTO n SELECT old, id FROM t',
        'DROP TABLE t',
      ];
      const rebuilt = await loss(driver, START, [...rebuild, 'ALTER TABLE n RENAME TO t'], true);
      expect(rebuilt).to.deep.equal({ rows: 0, keys: [], renamedTo: 'fresh' });
    });

    it('does not believe a rename that changed one value, its type or its NULL', async () => {
      for (const set of [
        '= 1 WHERE id = 2999',
        '= CAST(fresh AS TEXT) WHERE id = 2998',
        '= 0 WHERE id = 1',
        '= NULL WHERE id = 2995',
      ]) {
        const found = await loss(driver, START, [
          'ALTER TABLE t RENAME COLUMN old TO fresh',
          `UPDATE t SET fresh ${set}`,
        ]);
        expect(found, set).to.deep.equal({ rows: 10, keys: KEYS });
      }
    });

    it('does not take a column for a rename when no row with a value is left', async () => {
      const edits = ['ALTER TABLE t RENAME COLUMN old TO fresh', 'DELETE FROM t WHERE fresh IS NOT NULL'];
      expect(await loss(driver, START, edits)).to.deep.equal({ rows: 10, keys: KEYS });
    });

    it('believes a rename in a multiset only if all else stayed the same', async () => {
      const rebuild = [
        'CREATE TABLE n (fresh, name)',
        'INSERT INTO n SELECT old, name FROM t ORDER BY old',
        'DROP TABLE t',
      ];
      rebuild.push('ALTER TABLE n RENAME TO t');
      expect(await loss(driver, UNKEYED, rebuild, true)).to.deep.equal({ rows: 0, keys: [], renamedTo: 'fresh' });
      const swapped = [...rebuild, `UPDATE t SET fresh = 3 - fresh WHERE name IN ('n1', 'n2')`];
      expect((await loss(driver, UNKEYED, swapped, true)).rows).to.equal(3000);
    });

    it('finds the renamed column when it is the key itself', async () => {
      const start = ['CREATE TABLE t (old INTEGER PRIMARY KEY, v)', fill(300, 'i, i')];
      const found = await loss(driver, start, ['ALTER TABLE t RENAME COLUMN old TO id']);
      expect(found).to.deep.equal({ rows: 0, keys: [], renamedTo: 'id' });
    });
  });

  describe(`readShape through ${driver}`, () => {
    it('reads columns, key, collations and order', async () => {
      const start = [
        `CREATE TABLE t (a TEXT, "b""" INT COLLATE NOCASE, g AS (a), c, PRIMARY KEY ("b""" DESC, a COLLATE RTRIM)) WITHOUT ROWID`,
        'CREATE TABLE plain (id INTEGER PRIMARY KEY, v)',
        'CREATE TABLE not_alias (id INTEGER PRIMARY KEY DESC, v)',
        'CREATE VIEW seen AS SELECT 1 AS x',
        'CREATE VIRTUAL TABLE words USING fts5(body)',
      ];
      await withVersions(driver, start, [], async (session) => {
        expect(await value(readShape(session, 'T'))).to.deep.equal({
          name: 't',
          columns: ['a', 'b"', 'c'],
          primaryKey: [
            { column: 'b"', collation: 'NOCASE', affinity: 'numeric', descending: true },
            { column: 'a', collation: 'RTRIM', affinity: 'text' },
          ],
          withoutRowid: true,
          hidden: ['g'],
        });
        const plain = await value(readShape(session, 'plain'));
        expect(plain).to.deep.include({ rowidAlias: 'id', withoutRowid: false, columns: ['id', 'v'] });
        expect(plain?.primaryKey).to.deep.equal([{ column: 'id', collation: 'BINARY', affinity: 'numeric' }]);
        expect(await value(readShape(session, 'not_alias'))).not.to.have.property('rowidAlias');
        expect(await value(readShape(session, 'words'))).to.deep.include({ columns: ['body'], virtual: true });
        expect(await value(readShape(session, 'seen'))).to.equal(undefined);
        expect(await value(readShape(session, 'nothing'))).to.equal(undefined);
        expect(await value(countRows(session, 'plain'))).to.equal(0);
      });
    });
  });
}
