// Values of every kind, and names of every kind, on every engine: what goes in comes out, by whichever way, or is refused.
import { expect } from 'chai';
import fc from 'fast-check';
import { bytes, Dao, decimal, defineTable, json, openDatabase, type Direction } from 'migrate-safe/dao';
import * as z from 'zod';
import { ENGINES, PG, type Engine, type Opened } from '../support/app-databases.js';
import { value } from '../support/project.js';

const Values = defineTable(
  'values of every kind',
  {
    id: z.int(),
    t: z.string().nullable(),
    i: z.int().nullable(),
    r: z.number().nullable(),
    b: z.boolean().nullable(),
    big: z.bigint().nullable(),
    at: z.date().nullable(),
    d: decimal({ precision: 12, scale: 4 }).nullable(),
    x: bytes().nullable(),
    j: json(z.unknown()).nullable(),
  },
  { primaryKey: 'id' },
);
const SCHEMA = {
  sqlite: [
    `CREATE TABLE "values of every kind" (id INTEGER PRIMARY KEY, t TEXT, i INTEGER, r REAL, b INTEGER, big INTEGER, at TEXT, d TEXT, x BLOB, j TEXT)`,
  ],
  postgres: [
    `CREATE TABLE "values of every kind" (id bigint PRIMARY KEY, t text, i bigint, r float8, b boolean, big bigint, at timestamptz, d numeric(12,4), x bytea, j json)`,
  ],
};
type Made = Parameters<Dao<typeof Values>['insert']>[0];

const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(one, { nil: null, freq: 6 });
const sql = fc.constantFrom(
  `'; DROP TABLE "values of every kind"; --`,
  `" OR 1=1 --`,
  '$1 ? :x @x %s ${x}',
  '\\\'\\"\\',
  '%_*?[]^',
  '\r\n\t\u2028',
  '\\x41',
  '{1,2}',
  'NULL',
  'ΩI\u0307ß',
  '\u{10FFFF}\uFFFF',
);
const text = fc
  .oneof({ weight: 3, arbitrary: fc.string({ unit: 'grapheme' }) }, { weight: 1, arbitrary: sql })
  .filter((one) => !one.includes('\0') && one.isWellFormed());
const real = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -1e21, max: 1e21, noNaN: true }),
  fc.constantFrom(
    5e-324,
    -Number.MAX_VALUE,
    2 ** 53,
    2 ** 53 + 2,
    2 ** 63,
    12_345_678_901_234_567_000,
    1e21,
    1e22,
    1e-22,
  ),
);
const number = real.map((one) => (Object.is(one, -0) ? 0 : one));
const instant = fc.date({
  min: new Date('0001-01-01T00:00:00.000Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});
const inJson = fc
  .jsonValue({ noUnicodeString: false })
  .filter((one) => one !== null && !/\\u(0000|d[89a-f])/.test(JSON.stringify(one)))
  .map((one) => JSON.parse(JSON.stringify(one)) as unknown);
const WITHOUT_JSON = {
  t: maybe(text),
  i: maybe(fc.maxSafeInteger()),
  r: maybe(number),
  b: maybe(fc.boolean()),
  big: maybe(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  at: maybe(instant),
  d: maybe(
    fc
      .tuple(fc.integer({ min: -99_999_999, max: 99_999_999 }), fc.integer({ min: 0, max: 9999 }))
      .map(([whole, rest]) => `${whole}.${String(rest).padStart(4, '0')}`),
  ),
  x: maybe(fc.uint8Array({ maxLength: 40 })),
};
const row = fc.record({ ...WITHOUT_JSON, j: maybe(inJson) });
const ORDERED = ['t', 'i', 'r', 'b', 'big', 'at', 'd', 'x'] as const;

for (const engine of ENGINES)
  describe(`values of every kind on ${engine.name}`, () => {
    let opened: Opened;
    let dao: Dao<typeof Values>;
    before(async function () {
      opened = await engine.open(this, SCHEMA);
      dao = new Dao(opened.database, Values);
    });
    beforeEach(async () => void value(await dao.removeMany('all')));
    after(() => opened?.remove());

    it('come back as they were where many are inserted and none is JSON', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.record(WITHOUT_JSON), { minLength: 2, maxLength: 12 }), async (made) => {
          value(await dao.removeMany('all'));
          const rows = made.map((one, id): Made => ({ ...one, id }));
          expect(value(await dao.insertMany(rows))).to.equal(rows.length);
          expect(value(await dao.list({ orderBy: ['id'] }))).to.deep.equal(rows.map((one) => ({ ...one, j: null })));
        }),
        { numRuns: 60 },
      );
    });

    it('come back as they were, by every way in and out', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(row, { minLength: 2, maxLength: 12 }), async (made) => {
          value(await dao.removeMany('all'));
          const rows = made.map((one, at): Made => ({ ...one, id: at }) as Made);
          const [first, ...others] = rows;
          if (first === undefined) return;
          expect(value(await dao.insert(first))).to.deep.equal(first);
          expect(value(await dao.insertMany(others))).to.equal(others.length);
          expect(value(await dao.get(0))).to.deep.equal(first);
          expect(value(await dao.list({ orderBy: ['id'] }))).to.deep.equal(rows);
          expect(value(await dao.page({ size: 50 })).rows).to.deep.equal(rows);
          const streamed: unknown[] = [];
          for await (const one of dao.stream()) streamed.push(value(one));
          expect(streamed).to.deep.equal(rows);
          const { id: _, ...changes } = others.at(-1) ?? first;
          expect(value(await dao.update(0, changes))).to.deep.equal({ id: 0, ...changes });
          expect(value(await dao.upsert(first))).to.deep.equal(first);
          for (const column of ORDERED) {
            const given = first[column] ?? null;
            const same = (await dao.list({ where: { [column]: given } as never, select: ['id'] })).map((found) =>
              found.map(({ id }) => id),
            );
            expect(value(same), column).to.include(0);
            if (given === null) continue;
            const listed = value(await dao.list({ where: { [column]: { in: [given] } } as never, select: ['id'] })).map(
              ({ id }) => id,
            );
            expect(listed, column).to.have.members(value(same));
          }
        }),
        { numRuns: 12 },
      );
    });

    it('are each on one page, in any order', async () => {
      const few = fc.record({
        t: maybe(fc.constantFrom('a', 'B', 'ä')),
        i: maybe(fc.integer({ min: 0, max: 2 })),
        r: maybe(fc.constantFrom(0.5, -0.5)),
        b: maybe(fc.boolean()),
        big: maybe(fc.constantFrom(9n, 10n, -(2n ** 60n))),
        at: maybe(fc.constantFrom(new Date(0), new Date(1))),
        d: maybe(fc.constantFrom('9.0000', '10.0000', '-1.5000')),
        x: maybe(fc.constantFrom(new Uint8Array([]), new Uint8Array([255]))),
        j: fc.constant(null),
      });
      const orders = fc.uniqueArray(
        fc.tuple(fc.constantFrom(...ORDERED, 'id' as const), fc.constantFrom<Direction>('asc', 'desc')),
        { selector: ([column]) => column, maxLength: 4 },
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(few, { minLength: 1, maxLength: 25 }),
          orders,
          fc.integer({ min: 1, max: 6 }),
          async (made, orderBy, size) => {
            value(await dao.removeMany('all'));
            value(await dao.insertMany(made.map((one, at) => ({ ...one, id: at }))));
            const ids: number[] = [];
            let after: string | undefined;
            do {
              const page = value(await dao.page({ orderBy, size, ...(after === undefined ? {} : { after }) }));
              ids.push(...page.rows.map(({ id }) => id));
              after = page.next;
            } while (after !== undefined);
            const all = value(
              await dao.list({
                orderBy: [
                  ...orderBy,
                  ...(orderBy.some(([column]) => column === 'id')
                    ? []
                    : [['id', orderBy.at(-1)?.[1] ?? 'asc'] as const]),
                ],
              }),
            );
            expect(ids).to.deep.equal(all.map(({ id }) => id));
          },
        ),
        { numRuns: 20 },
      );
    });

    it('sort as what they are', async () => {
      value(
        await dao.insertMany([
          { id: 1, big: 9n, d: '9' },
          { id: 2, big: 10n, d: '10' },
          { id: 3, big: -1n, d: '-1' },
        ]),
      );
      for (const column of ['big', 'd'] as const) {
        const ids = value(await dao.list({ orderBy: [column] })).map(({ id }) => id);
        expect(ids, column).to.deep.equal([3, 1, 2]);
        const figures = value(
          await dao.aggregate({ groupBy: [column], select: (a) => ({ n: a.count() }), orderBy: [[column, 'desc']] }),
        );
        expect(
          figures.map((one) => one[column]),
          column,
        ).to.deep.equal(column === 'big' ? [10n, 9n, -1n] : ['10.0000', '9.0000', '-1.0000']);
      }
    });

    it('are refused where the kind cannot hold them', async () => {
      const bad: readonly (readonly [keyof Made, unknown])[] = [
        ...[2 ** 53, -(2 ** 53), 1e300, 0.5, NaN, Infinity, '1', 1n].map((i) => ['i', i] as const),
        ...[NaN, Infinity, -Infinity, '1', 1n].map((r) => ['r', r] as const),
        ...[2n ** 63n, -(2n ** 63n) - 1n, 1, '1'].map((big) => ['big', big] as const),
        ...['+010000-01-01T00:00:00.000Z', '0000-12-31T23:59:59.999Z', '-000044-03-15T00:00:00.000Z', 'x'].map(
          (at) => ['at', new Date(at)] as const,
        ),
        ...['2026-01-01', 0].map((at) => ['at', at] as const),
        ...['1e3', 'NaN', '123456789.0', '1.00001', '', '.5', '1.', ' 1', '١', 1].map((d) => ['d', d] as const),
        ...['a\0b', '\uD800', 'x\uDC00y', 1].map((t) => ['t', t] as const),
        ...['\\x00', [1], new ArrayBuffer(1)].map((x) => ['x', x] as const),
        ...[0, 1, 'true'].map((b) => ['b', b] as const),
        ...['\0', { '\0': 1 }, ['\uDC00'], '\\\0'].map((j) => ['j', j] as const),
      ];
      for (const [column, given] of bad) {
        const one = { [column]: given };
        const told = `${column} ${String(given)}`;
        for (const call of [
          dao.insert({ id: 1, ...one }),
          dao.insertMany([{ id: 1 }, { id: 2, ...one }]),
          dao.upsert({ id: 1, ...one }),
          dao.update(1, one),
          dao.updateMany('all', one),
          ...(column === 'j'
            ? []
            : [dao.list({ where: one as never }), dao.list({ where: { [column]: { in: [given] } } as never })]),
        ]) {
          const error = (await call)._unsafeUnwrapErr();
          expect(error, told).to.include({ kind: 'invalid-row', direction: 'write' });
          expect((error as { issues: readonly { path: readonly unknown[] }[] }).issues[0]?.path[0], told).to.equal(
            column,
          );
        }
      }
      expect(value(await dao.count())).to.equal(0);
      expect(value(await dao.count({ where: { t: { contains: 'a\0b' } } }))).to.equal(0);
      expect(value(await dao.count({ where: { t: { startsWith: '\uD800' } } }))).to.equal(0);
      expect(Object.is(value(await dao.insert({ id: 1, r: -0, i: -0 })).r, -0)).to.equal(false);
      expect(value(await dao.get(1))).to.include({ r: 0, i: 0 });
      const likeOne = { j: '\\u0000 \\\\u0000 \\ud800' };
      expect(value(await dao.update(1, likeOne))).to.include(likeOne);
    });

    it('are found by 70,000 of them', async () => {
      const edge = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -2.124042344746745e-299, 1e23];
      value(
        await dao.insertMany(
          edge.map((r, id) => ({
            id,
            r,
            x: new Uint8Array([id]),
            t: `t${id}`,
            big: BigInt(id),
            at: new Date(id),
            d: `${id}.5`,
            b: true,
          })),
        ),
      );
      const many = Array.from({ length: 70_000 }, (_, at) => at + 10);
      const where = [
        { r: { in: [...edge, ...many.map((at) => at / 7)] } },
        {
          x: {
            in: [...edge.keys()]
              .map((at) => new Uint8Array([at]))
              .concat(many.map((at) => new Uint8Array([at >> 16, at >> 8, at]))),
          },
        },
      ];
      for (const condition of where)
        expect(value(await dao.count({ where: condition })), Object.keys(condition)[0]).to.equal(edge.length);
      for (const column of ['r', 'x', 't', 'i', 'b', 'big', 'at', 'd'] as const) {
        expect(value(await dao.count({ where: { [column]: { in: [] } } as never })), column).to.equal(0);
        expect(value(await dao.count({ where: { [column]: { notIn: [] } } as never })), column).to.equal(edge.length);
      }
    });

    it('may be of a megabyte each, one or many', async () => {
      const t = `ü'"\\${'x'.repeat(1_000_000)}`;
      const x = new Uint8Array(1_000_000).map((_, at) => at % 251);
      const rows = [0, 1, 2].map((id) => ({ id, t: t + id, x, j: { t } }));
      expect(value(await dao.insertMany(rows))).to.equal(3);
      for (const at of [0, 2]) {
        const one = value(await dao.get(at));
        expect(
          one.t === rows[at]?.t && Buffer.from(x).equals(one.x ?? x.slice(1)) && (one.j as { t: string }).t === t,
        ).to.equal(true);
      }
    });

    it('are all there or none, where one of many is there twice', async () => {
      const twice = Array.from({ length: 5100 }, (_, at) => ({ id: at === 5099 ? 3 : at }));
      expect((await dao.insertMany(twice))._unsafeUnwrapErr()).to.include({ kind: 'unique-violation' });
      const apart = [...twice.slice(0, 5), { id: 7, t: 'of other columns' }, { id: 3 }];
      expect((await dao.insertMany(apart))._unsafeUnwrapErr()).to.include({ kind: 'unique-violation' });
      expect(value(await dao.count())).to.equal(0);
      expect(value(await dao.insertMany([]))).to.equal(0);
    });

    it('are summed exactly, or not at all', async () => {
      value(
        await dao.insertMany([
          { id: 1, i: Number.MAX_SAFE_INTEGER, big: 2n ** 61n },
          { id: 2, i: 0, big: 2n ** 61n - 1n },
        ]),
      );
      const sums = () => dao.aggregate({ select: (a) => ({ i: a.sum('i'), big: a.sum('big') }) });
      expect(value(await sums())).to.deep.equal([{ i: Number.MAX_SAFE_INTEGER, big: 2n ** 62n - 1n }]);
      value(await dao.update(2, { i: 2 }));
      expect((await sums())._unsafeUnwrapErr()).to.include({ kind: 'invalid-row', direction: 'read' });
    });

    it('can lie in columns and tables of any name', async () => {
      const name = fc
        .oneof(
          fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
          sql,
          fc.constantFrom(
            'select',
            'name',
            'point',
            'rowid_',
            'A B',
            'a.b',
            'a,b',
            '`',
            '``',
            '[x]',
            'valueOf',
            'hasOwnProperty',
          ),
        )
        .filter(
          (one) =>
            !one.includes('\0') &&
            one.isWellFormed() &&
            Buffer.byteLength(one) < 50 &&
            !/^(sqlite_|pg_)|^(rowid|oid|_rowid_|ctid|xmin|xmax|cmin|cmax|tableoid|values of every kind|__proto__)$/i.test(
              one,
            ),
        );
      const names = fc.uniqueArray(name, {
        minLength: 4,
        maxLength: 4,
        selector: (one) => one.toLowerCase().normalize('NFKD'),
      });
      // PostgreSQL has types of these names.
      for (const table of ['name', 'point', 'interval']) await roundTrip(engine, opened, [table, 'a', 'b', 'a,b'], 'x');
      await fc.assert(
        fc.asyncProperty(names, text, (given, held) => roundTrip(engine, opened, given, held)),
        { numRuns: 12 },
      );
    });
  });

async function roundTrip(
  engine: Engine,
  opened: Opened,
  [table = '', key = '', first = '', second = '']: readonly string[],
  held: string,
): Promise<void> {
  const quoted = (name: string): string =>
    (engine.dialect === 'postgres' ? name.replaceAll('?', '\\?') : name).replaceAll('"', '""');
  await opened.sql(
    `CREATE TABLE "${quoted(table)}" ("${quoted(key)}" integer PRIMARY KEY, "${quoted(first)}" text UNIQUE, "${quoted(second)}" text)`,
  );
  try {
    const Odd = defineTable(
      table,
      { [key]: z.int(), [first]: z.string().nullable(), [second]: z.string().nullable() },
      { primaryKey: key },
    );
    const odd = new Dao(opened.database, Odd);
    const one = { [key]: 1, [first]: held, [second]: null };
    expect(value(await odd.insert(one))).to.deep.equal(one);
    expect(
      value(
        await odd.insertMany([{ [key]: 2, [second]: held }, { [key]: 3, [first]: null, [second]: held }, { [key]: 4 }]),
      ),
    ).to.equal(3);
    expect(value(await odd.list({ orderBy: [key], select: [second] })).map((found) => found[second])).to.deep.equal([
      null,
      held,
      held,
      null,
    ]);
    expect(value(await odd.list({ where: { [first]: held }, orderBy: [[second, 'desc']] }))).to.deep.equal([one]);
    expect(value(await odd.page({ orderBy: [first], size: 2 })).rows[0]).to.deep.equal(one);
    expect(value(await odd.upsert({ [key]: 9, [first]: held, [second]: 'x' }, { onConflict: [first] }))).to.deep.equal({
      ...one,
      [second]: 'x',
    });
    expect(value(await odd.update(1, { [second]: held }))).to.deep.equal({ ...one, [second]: held });
    const figures = value(
      await odd.aggregate({ groupBy: [second], select: (a) => ({ [`n of ${second}`]: a.count() }), orderBy: [second] }),
    );
    expect(figures).to.have.length(2);
    expect(value(await odd.removeMany({ [second]: held }))).to.equal(3);
  } finally {
    await opened.sql(`DROP TABLE "${quoted(table)}"`);
  }
}

describe('values that PostgreSQL keeps finer or writes otherwise', () => {
  it('does not turn a page twice or past a row for want of microseconds', async function () {
    const Ticks = defineTable('ticks', { id: z.int(), at: z.date() }, { primaryKey: 'id' });
    const opened = await PG.open(this, {
      sqlite: [],
      postgres: [
        'CREATE TABLE ticks (id int PRIMARY KEY, at timestamptz)',
        `INSERT INTO ticks SELECT n, timestamptz '2026-01-01 00:00:00.000001+00' + n % 7 * interval '123 microseconds' FROM generate_series(1, 60) AS n`,
      ],
    });
    const ticks = new Dao(opened.database, Ticks);
    for (const direction of ['asc', 'desc'] as const) {
      const ids: number[] = [];
      for (let after: string | undefined, turned = 0; turned < 30; turned += 1) {
        const page = value(
          await ticks.page({ orderBy: [['at', direction]], size: 4, ...(after === undefined ? {} : { after }) }),
        );
        ids.push(...page.rows.map(({ id }) => id));
        after = page.next;
        if (after === undefined) break;
      }
      expect(ids).to.have.length(60);
      expect(new Set(ids).size).to.equal(60);
    }
    await opened.remove();
  });

  it('reads times and bytes in whatever style a database writes them, or says that it cannot', async function () {
    const opened = await PG.open(this, SCHEMA);
    const x = new Uint8Array([0, 65, 92, 39, 255, 10]);
    const at = new Date('1890-06-01T12:00:00.123Z');
    value(await new Dao(opened.database, Values).insert({ id: 1, x, at }));
    const name = decodeURIComponent(new URL(opened.url).pathname.slice(1));
    for (const [setting, isRead] of [
      ["bytea_output = 'escape'", true],
      ["timezone = 'Europe/Amsterdam'", true],
      ["datestyle = 'German'", false],
      ["datestyle = 'SQL, DMY'", false],
    ] as const) {
      await opened.sql(`ALTER DATABASE "${name}" SET ${setting}`);
      const database = openDatabase({ database: opened.url });
      const read = await new Dao(database, Values).get(1);
      if (isRead) expect(value(read), setting).to.deep.include({ x, at });
      else expect(read._unsafeUnwrapErr(), setting).to.include({ kind: 'invalid-row', direction: 'read' });
      value(await database.close());
    }
    await opened.remove();
  });
});
