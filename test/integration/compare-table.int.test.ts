// What a comparison tells of a table: counts, keys of deleted rows and nulled columns, in every kind of table.
import { expect } from 'chai';
import { compareTable } from '#src/dao/dialects/sqlite/compare/compare-table.js';
import { DRIVERS, withVersions } from '../support/compare-sessions.js';
import { compared, fill, shapeOf, UNCHANGED } from '../support/compare-tables.js';

for (const driver of DRIVERS) {
  describe(`compareTable through ${driver}`, () => {
    it('tells deleted rows by key, new ones by number, and columns that became NULL', async () => {
      const start = ['CREATE TABLE t (id INTEGER PRIMARY KEY, name, city)', fill(30_000, `i, 'n' || i, 'c' || i`)];
      const edits = [
        'DELETE FROM t WHERE id % 5000 = 3',
        'UPDATE t SET city = NULL WHERE id BETWEEN 9001 AND 9010',
        `UPDATE t SET name = 'x' WHERE id = 9001`,
        `INSERT INTO t VALUES (-7, 'first', 1), (40000, 'last', 1)`,
      ];
      expect(await compared({ driver, start, edits })).to.deep.equal({
        inserted: 2,
        updated: 10,
        deleted: 6,
        deletedKeys: ['3', '5003', '10003', '15003', '20003'],
        nulled: [{ column: 'city', rows: 10, keys: ['9001', '9002', '9003', '9004', '9005'] }],
        keyed: true,
      });
    });

    it('compares an emptied table, an empty one and one whose every key moved', async () => {
      const start = ['CREATE TABLE t (id INTEGER PRIMARY KEY, v)', fill(9000, `i, i`)];
      const emptied = await compared({ driver, start, edits: ['DELETE FROM t'] });
      expect(emptied).to.deep.include({
        inserted: 0,
        updated: 0,
        deleted: 9000,
        deletedKeys: ['1', '2', '3', '4', '5'],
      });
      const filled = await compared({ driver, start: start.slice(0, 1), edits: start.slice(1) });
      expect(filled).to.deep.equal({ ...UNCHANGED, inserted: 9000, keyed: true });
      const moved = await compared({ driver, start, edits: ['UPDATE t SET id = id + 1000000'] });
      expect(moved).to.deep.include({ inserted: 9000, updated: 0, deleted: 9000 });
      const among = await compared({
        driver,
        start,
        edits: ['UPDATE t SET id = -id * 100 WHERE id % 2 = 0', fill(80_000, 'i * -100 + 1, 0')],
      });
      expect(among).to.deep.include({ deleted: 4500, inserted: 84_500, updated: 0 });
    });

    it('keeps integer keys apart that a JS number cannot', async () => {
      const start = ['CREATE TABLE t (id INTEGER PRIMARY KEY, v)', fill(600, `9223372036854775807 - i, i`)];
      const edits = [
        'DELETE FROM t WHERE id = 9223372036854775800',
        'UPDATE t SET v = 0 WHERE id = 9223372036854775801',
      ];
      const found = await compared({ driver, start, edits });
      expect(found).to.deep.include({ inserted: 0, updated: 1, deleted: 1, deletedKeys: ['9223372036854775800'] });
    });

    it('writes composite and text keys as a person would', async () => {
      const start = [
        `CREATE TABLE t (a INTEGER, "b""c" TEXT COLLATE NOCASE, v, PRIMARY KEY (a, "b""c")) WITHOUT ROWID`,
        `INSERT INTO t VALUES (3, 'x', 1), (3, 'it''s', 2), (4, '${'long'.repeat(30)}', 3)`,
      ];
      const found = await compared({ driver, start, edits: ['DELETE FROM t'] });
      expect(found.deletedKeys).to.deep.equal([`(3, 'it''s')`, `(3, 'x')`, `(4, '${'long'.repeat(14)}lon…)`]);
      const text = [`CREATE TABLE t (code TEXT PRIMARY KEY, v)`, `INSERT INTO t VALUES ('x', 1)`];
      expect((await compared({ driver, start: text, edits: ['DELETE FROM t'] })).deletedKeys).to.deep.equal([`'x'`]);
    });

    it('follows a renamed table and compares the columns that both versions have, whatever the case of their names', async () => {
      const start = ['CREATE TABLE t (id INTEGER PRIMARY KEY, "Name" TEXT, "ÄÖ", old)', fill(10, `i, 'n', i, i`)];
      const edits = [
        'ALTER TABLE t RENAME TO "odd ""one"""',
        'ALTER TABLE "odd ""one""" RENAME COLUMN "Name" TO name',
        'ALTER TABLE "odd ""one""" RENAME COLUMN "ÄÖ" TO "äö"',
        'ALTER TABLE "odd ""one""" DROP COLUMN old',
        'UPDATE "odd ""one""" SET "äö" = 0, name = 5 WHERE id = 4',
      ];
      const found = await compared({ driver, start, edits, tables: ['t', 'odd "one"'] });
      expect(found).to.deep.equal({ ...UNCHANGED, updated: 1, keyed: true });
    });

    it('compares tables of 1,500 columns', async () => {
      const names = Array.from({ length: 1500 }, (_, i) => `c${i}`);
      const start = [
        `CREATE TABLE t (id INTEGER PRIMARY KEY, ${names.join(', ')})`,
        fill(300, `i, ${names.map(() => 'i').join(', ')}`),
      ];
      const found = await compared({
        driver,
        start,
        edits: ['UPDATE t SET c1499 = NULL WHERE id > 298', 'DELETE FROM t WHERE id = 5'],
      });
      expect(found).to.deep.equal({
        ...UNCHANGED,
        updated: 2,
        deleted: 1,
        deletedKeys: ['5'],
        nulled: [{ column: 'c1499', rows: 2, keys: ['299', '300'] }],
        keyed: true,
      });
    });

    it('compares full-text and R*Tree tables', async () => {
      const fts = ['CREATE VIRTUAL TABLE t USING fts5(title, body)', fill(400, `'title ' || i, 'body ' || i`)];
      const found = await compared({
        driver,
        start: fts,
        edits: [`UPDATE t SET body = 'x' WHERE rowid = 9`, 'DELETE FROM t WHERE rowid = 11'],
      });
      expect(found).to.deep.equal({ ...UNCHANGED, updated: 1, deleted: 1, deletedKeys: ['11'], keyed: true });
      const tree = ['CREATE VIRTUAL TABLE t USING rtree(id, a, b)', fill(400, `i, i, i + 1`)];
      const moved = await compared({
        driver,
        start: tree,
        edits: ['UPDATE t SET b = b + 1 WHERE id = 9', 'DELETE FROM t WHERE id = 11'],
      });
      expect(moved).to.deep.equal({ ...UNCHANGED, updated: 1, deleted: 1, deletedKeys: ['11'], keyed: true });
    });

    it('reads the table of the main schema, not a TEMP table of its name', async () => {
      const start = ['CREATE TABLE t (id INTEGER PRIMARY KEY, v)', fill(3, 'i, i')];
      const edits = ['CREATE TEMP TABLE t (other)', 'DELETE FROM main.t WHERE id = 1'];
      expect(await compared({ driver, start, edits })).to.deep.equal({
        ...UNCHANGED,
        deleted: 1,
        deletedKeys: ['1'],
        keyed: true,
      });
    });

    it('gives the error of a table that is gone', async () => {
      await withVersions(
        driver,
        ['CREATE TABLE t (id INTEGER PRIMARY KEY)'],
        ['DROP TABLE t'],
        async (before, after) => {
          const shape = await shapeOf(before, 't');
          const found = await compareTable(before, shape, after, shape, { rebuilt: false });
          expect(found._unsafeUnwrapErr().message).to.include('no such table');
        },
      );
    });
  });
}
