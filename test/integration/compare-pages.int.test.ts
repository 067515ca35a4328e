// How a comparison reads: in the order of a key, from where it stands, and never more than a budget at once.
import { expect } from 'chai';
import type { Session } from '#src/core/ports/session.js';
import { compareTable } from '#src/dao/dialects/sqlite/compare/compare-table.js';
import { pageSql } from '#src/dao/dialects/sqlite/compare/page.js';
import { DRIVERS, observed, value, withVersions } from '../support/compare-sessions.js';
import { fill, shapeOf, UNCHANGED } from '../support/compare-tables.js';

for (const driver of DRIVERS) {
  describe(`the pages of a comparison through ${driver}`, () => {
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
