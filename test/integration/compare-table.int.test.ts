// What a comparison tells of a table: counts, keys, nulled columns; by which identity, in which order and in how much memory.
import { expect } from 'chai';
import type { Session } from '#src/core/ports/session.js';
import { compareTable, type RowComparison } from '#src/dao/dialects/sqlite/compare/compare-table.js';
import { pageSql } from '#src/dao/dialects/sqlite/compare/page.js';
import { readShape, type TableShape } from '#src/dao/dialects/sqlite/compare/shape.js';
import { commonColumns, prepareSides } from '#src/dao/dialects/sqlite/compare/sides.js';
import { walkAsMultiset } from '#src/dao/dialects/sqlite/compare/walk-as-multiset.js';
import { DRIVERS, type DriverName, observed, value, withVersions } from '../support/compare-sessions.js';

const UNCHANGED = { inserted: 0, updated: 0, deleted: 0, deletedKeys: [], nulled: [] };

async function shapeOf(session: Session, table: string): Promise<TableShape> {
  const shape = await value(readShape(session, table));
  if (shape === undefined) throw new Error(`no table ${table}`);
  return shape;
}

interface Asked {
  readonly driver: DriverName;
  readonly start: readonly string[];
  readonly edits?: readonly string[];
  readonly rebuilt?: boolean;
  readonly tables?: readonly [string, string];
}

async function compared({
  driver,
  start,
  edits = [],
  rebuilt = false,
  tables = ['t', 't'],
}: Asked): Promise<RowComparison> {
  return withVersions(driver, start, edits, async (before, after) =>
    value(compareTable(before, await shapeOf(before, tables[0]), after, await shapeOf(after, tables[1]), { rebuilt })),
  );
}

const fill = (rows: number, select: string): string =>
  `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ${rows}) INSERT INTO t SELECT ${select} FROM s`;

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

    const rebuild = (definition: string, columns = '*', order = ''): string[] => [
      `CREATE TABLE fresh (${definition})`,
      `INSERT INTO fresh SELECT ${columns} FROM t ${order}`,
      'DROP TABLE t',
      'ALTER TABLE fresh RENAME TO t',
    ];

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

    it('holds no page larger than its budget, wherever wide rows begin', async () => {
      const start = [
        'CREATE TABLE t (id INTEGER PRIMARY KEY, v)',
        fill(6000, `i, CASE WHEN i BETWEEN 3000 AND 3040 THEN randomblob(3000000) ELSE i END`),
      ];
      await withVersions(
        driver,
        start,
        ['UPDATE t SET v = zeroblob(3000000) WHERE id BETWEEN 3030 AND 3035'],
        async (before, after) => {
          let largest = 0;
          const seen = observed(before);
          const watched: Session = {
            ...seen.session,
            all: (sql, params) =>
              before.all<Record<string, unknown>>(sql, params).map((rows) => {
                for (const row of rows)
                  if (row['body'] instanceof Uint8Array) largest = Math.max(largest, row['body'].length);
                // The rows are passed on as they are.
                return rows as never;
              }),
          };
          const [old, now] = [await shapeOf(before, 't'), await shapeOf(after, 't')];
          const found = await value(compareTable(watched, old, after, now, { rebuilt: false }));
          expect(found).to.deep.equal({ ...UNCHANGED, updated: 6, keyed: true });
          expect(largest).to.be.greaterThan(3_000_000).and.lessThan(17_000_000);
        },
      );
    }).timeout(60_000);

    const KEYS: Record<string, { readonly table: string; readonly rebuilt?: boolean }> = {
      'an INTEGER PRIMARY KEY': { table: 'CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c)' },
      'a rowid': { table: 'CREATE TABLE t (a INT, b TEXT, c)' },
      'a WITHOUT ROWID key with a collation': {
        table: 'CREATE TABLE t (a TEXT, b TEXT COLLATE NOCASE, c, PRIMARY KEY (b, a)) WITHOUT ROWID',
      },
      'a text key': { table: 'CREATE TABLE t (a TEXT COLLATE RTRIM PRIMARY KEY, b TEXT, c)', rebuilt: true },
      'a descending key': { table: 'CREATE TABLE t (a INT, b TEXT, c, PRIMARY KEY (a DESC, b DESC)) WITHOUT ROWID' },
      'a key of mixed order': {
        table: 'CREATE TABLE t (a INT, b TEXT, c, PRIMARY KEY (a DESC, b, c DESC)) WITHOUT ROWID',
      },
      'a key with a collation that its column has not': {
        table: 'CREATE TABLE t (a TEXT, b TEXT, c, PRIMARY KEY (b COLLATE NOCASE, a))',
        rebuilt: true,
      },
    };
    for (const [kind, { table, rebuilt = false }] of Object.entries(KEYS)) {
      it(`reads no page by a sort or a scan from the start, and finds every difference, with ${kind}`, async () => {
        const start = [table, fill(30_000, `i, 'b' || (i % 100), i % 5`)];
        await withVersions(
          driver,
          start,
          ['DELETE FROM t WHERE a IN (5, 29990)', 'UPDATE t SET b = b || a WHERE a = 15000'],
          async (before, after) => {
            const shapes = [await shapeOf(before, 't'), await shapeOf(after, 't')] as const;
            const seen = observed(before);
            const found = await value(compareTable(seen.session, shapes[0], after, shapes[1], { rebuilt }));
            expect(found.deleted - found.inserted).to.equal(2);
            expect(found.deleted + found.updated).to.equal(3);
            expect(found.keyed).to.equal(true);
            const pages = seen.statements.filter((sql) => sql.includes('group_concat'));
            expect(pages.length).to.be.greaterThan(4).and.lessThan(20);
            for (const sql of pages.slice(1)) {
              const plan = await value(before.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`));
              const lines = plan.map((line) => line.detail);
              expect(
                lines.filter((line) => line.includes('TEMP B-TREE') || /SCAN t\b/.test(line)),
                kind,
              ).to.deep.equal([]);
              expect(
                lines.some((line) => line.startsWith('SEARCH t USING')),
                lines.join('; '),
              ).to.equal(true);
            }
          },
        );
      });
    }
  });
}

describe('pageSql', () => {
  it('asks for a place only with a key that can be searched', () => {
    const side = {
      table: 'main."t"',
      key: { kind: 'position' },
      content: `''`,
      carriage: 'bytes',
      virtual: false,
    } as const;
    const session: Session = { all: () => expect.fail(), run: () => expect.fail(), close: () => expect.fail() };
    expect(pageSql({ ...side, session }, { after: '40', limit: 20 }))
      .to.include('LIMIT 20 OFFSET 40')
      .and.to.include(`THEN '60'`);
  });
});
