// Two cells are the same exactly when their storage class and content are, whatever value SQLite can hold.
import { expect } from 'chai';
import { compareTable, type RowComparison } from '#src/dao/dialects/sqlite/compare/compare-table.js';
import { readShape } from '#src/dao/dialects/sqlite/compare/shape.js';
import { DRIVERS, type DriverName, value, withVersions } from '../support/compare-sessions.js';

/** Values of which no two are the same, though SQLite's `=`, a collation or a driver may say so. */
const DISTINCT: readonly (readonly [string, string])[] = [
  ['NULL', 'NULL'],
  ['an empty text', `''`],
  ['an empty blob', `x''`],
  ['the integer 1', '1'],
  ['the real 1.0', '1.0'],
  [`the text '1'`, `'1'`],
  [`the blob '1'`, `x'31'`],
  [`the text '1.0'`, `'1.0'`],
  ['0', '0'],
  ['0.0', '0.0'],
  ['-0.0', '-0.0'],
  ['0.1 + 0.2', '0.1 + 0.2'],
  ['0.3', '0.3'],
  ['Infinity', '9e999'],
  ['-Infinity', '-9e999'],
  [`the text 'NULL'`, `'NULL'`],
  [`the text 'n'`, `'n'`],
  ['2^53', '9007199254740992'],
  ['2^53 + 1', '9007199254740993'],
  ['2^53 as a real', '9007199254740992.0'],
  ['the largest integer', '9223372036854775807'],
  ['its neighbour', '9223372036854775806'],
  ['the smallest integer', '-9223372036854775808'],
  ['the smallest real', '4.9406564584124654e-324'],
  ['the largest real', '1.7976931348623157e308'],
  [`'a'`, `'a'`],
  [`'A'`, `'A'`],
  [`'a '`, `'a '`],
  ['a NUL at the end', `CAST(x'6100' AS TEXT)`],
  ['a NUL inside', `CAST(x'610062' AS TEXT)`],
  ['another text after a NUL', `CAST(x'610063' AS TEXT)`],
  ['the blob of that text', `x'610063'`],
  ['text that is not UTF-8', `CAST(x'61ff' AS TEXT)`],
  ['other text that is not UTF-8', `CAST(x'61fe' AS TEXT)`],
  ['the replacement character', `CAST(x'61efbfbd' AS TEXT)`],
  ['a composed letter', `CAST(x'c3a9' AS TEXT)`],
  ['a decomposed letter', `CAST(x'65cc81' AS TEXT)`],
  ['text like a written cell', `'t1:a,t1:b'`],
];

async function compared(
  driver: DriverName,
  start: readonly string[],
  edits: readonly string[],
  rebuilt = false,
): Promise<RowComparison> {
  return withVersions(driver, start, edits, async (before, after) => {
    const [old, now] = [await value(readShape(before, 't')), await value(readShape(after, 't'))];
    if (old === undefined || now === undefined) throw new Error('no table t');
    return value(compareTable(before, old, after, now, { rebuilt }));
  });
}

for (const driver of DRIVERS) {
  describe(`values, compared through ${driver}`, () => {
    const inserts = DISTINCT.map(([, sql], i) => `INSERT INTO t VALUES (${i}, ${sql})`);
    const TABLES = {
      'a bare column': 'v',
      'a NOCASE column': 'v COLLATE NOCASE',
      'an RTRIM column': 'v COLLATE RTRIM',
    };

    for (const [kind, definition] of Object.entries(TABLES)) {
      it(`finds every value of ${kind} equal to itself and to no other`, async () => {
        const start = [`CREATE TABLE t (id INTEGER PRIMARY KEY, ${definition})`, ...inserts];
        expect((await compared(driver, start, [])).updated).to.equal(0);
        for (let shift = 1; shift < DISTINCT.length; shift += 1) {
          const moved = DISTINCT.map(
            (_, i) => `UPDATE t SET v = ${DISTINCT[(i + shift) % DISTINCT.length]?.[1] ?? ''} WHERE id = ${i}`,
          );
          expect((await compared(driver, start, moved)).updated, `shift ${shift}`).to.equal(DISTINCT.length);
        }
      }).timeout(60_000);
    }

    it('tells the same values apart when rows are a multiset', async () => {
      const start = ['CREATE TABLE t (id, v)', ...inserts];
      const edits = [`UPDATE t SET v = 'A' WHERE id = 25`, `UPDATE t SET v = CAST(x'61fe' AS TEXT) WHERE id = 32`];
      const found = await compared(driver, start, edits, true);
      expect(found).to.deep.include({ inserted: 0, updated: 2, deleted: 0, keyed: false });
    });

    it('takes every value for a key of its own and finds it again', async () => {
      const start = ['CREATE TABLE t (v, n, PRIMARY KEY (v)) WITHOUT ROWID'];
      // 1 and 1.0 are the same key, as are 0, 0.0 and -0.0; NULL is none.
      const keys = DISTINCT.filter(
        ([name]) => !['NULL', 'the real 1.0', '0.0', '-0.0', '2^53 as a real'].includes(name),
      );
      start.push(...keys.map(([, sql], i) => `INSERT INTO t VALUES (${sql}, ${i})`));
      expect(await compared(driver, start, [])).to.deep.include({ inserted: 0, updated: 0, deleted: 0, keyed: true });
      for (const [i] of keys.entries()) {
        const found = await compared(driver, start, [`UPDATE t SET n = NULL WHERE n = ${i}`]);
        expect(found).to.deep.include({ inserted: 0, updated: 1, deleted: 0 });
        expect(found.nulled).to.have.lengthOf(1);
        const gone = await compared(driver, start, [`DELETE FROM t WHERE n = ${i}`]);
        expect(gone).to.deep.include({ inserted: 0, updated: 0, deleted: 1 });
        expect(gone.deletedKeys).to.have.lengthOf(1);
      }
    }).timeout(60_000);

    it('takes 1 and 1.0, and under NOCASE a and A, for the same key with another value', async () => {
      const start = [`CREATE TABLE t (k PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID`, `INSERT INTO t VALUES (1), ('a')`];
      const found = await compared(driver, start, [
        `UPDATE t SET k = 1.0 WHERE k = 1`,
        `UPDATE t SET k = 'A' WHERE k = 'a'`,
      ]);
      expect(found).to.deep.include({ inserted: 0, updated: 2, deleted: 0, keyed: true });
    });

    it('compares text of a UTF-16 database', async () => {
      const start = [`PRAGMA encoding = 'UTF-16le'`, 'CREATE TABLE t (k TEXT PRIMARY KEY, v) WITHOUT ROWID'];
      start.push(`INSERT INTO t VALUES ('é', 'ü'), ('z', x'01'), ('🙂', CAST(x'610000006200' AS TEXT))`);
      expect(await compared(driver, start, [])).to.deep.include({ inserted: 0, updated: 0, deleted: 0, keyed: true });
      const edits = [`UPDATE t SET v = CAST(x'610000006300' AS TEXT) WHERE k = '🙂'`, `DELETE FROM t WHERE k = 'é'`];
      const found = await compared(driver, start, edits);
      expect(found).to.deep.include({ inserted: 0, updated: 1, deleted: 1, deletedKeys: [`'é'`] });
    });

    it('compares a UTF-16 database with a UTF-8 one by what their text says', async () => {
      const table = [
        'CREATE TABLE t (id INTEGER PRIMARY KEY, v)',
        'CREATE TABLE u (k TEXT PRIMARY KEY, v) WITHOUT ROWID',
      ];
      const rows = `(1, 'é'), (2, x'00ff'), (3, '🙂' || char(10, 0, 34)), (4, NULL), (5, 0.1 + 0.2)`;
      const both = [`INSERT INTO t VALUES ${rows}`, `INSERT INTO u VALUES ${rows}`];
      const edits = [
        `UPDATE t SET v = NULL WHERE id = 3`,
        'DELETE FROM t WHERE id = 2',
        `UPDATE u SET v = NULL WHERE k = '3'`,
      ];
      await withVersions(driver, [...table, ...both], [], async (first) =>
        withVersions(driver, [`PRAGMA encoding = 'UTF-16be'`, ...table, ...both], edits, async (same, changed) => {
          const shapes = [await value(readShape(first, 't')), await value(readShape(first, 'u'))] as const;
          if (shapes[0] === undefined || shapes[1] === undefined) throw new Error('no tables');
          const by = { rebuilt: false };
          expect(await value(compareTable(first, shapes[0], same, shapes[0], by))).to.include({
            updated: 0,
            deleted: 0,
            keyed: true,
          });
          expect(await value(compareTable(first, shapes[1], same, shapes[1], by))).to.include({
            updated: 0,
            deleted: 0,
            keyed: false,
          });
          const found = await value(compareTable(first, shapes[0], changed, shapes[0], by));
          expect(found).to.deep.include({ updated: 1, deleted: 1, nulled: [{ column: 'v', rows: 1, keys: ['3'] }] });
          const unkeyed = await value(compareTable(first, shapes[1], changed, shapes[1], by));
          expect(unkeyed).to.deep.include({ updated: 1, deleted: 0, nulled: [{ column: 'v', rows: 1, keys: [] }] });
        }),
      );
    });
  });
}
