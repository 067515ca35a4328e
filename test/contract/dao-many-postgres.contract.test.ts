// Many rows at once into columns whose types a DAO has no word for: they hold what single rows would have put there.
import { expect } from 'chai';
import { Dao, decimal, defineTable, json } from 'migrate-safe/dao';
import * as z from 'zod';
import { PG, type Opened } from '../support/app-databases.js';
import { value } from '../support/project.js';

const TYPES = `id int PRIMARY KEY, u uuid, m many_mood, s many_short, p many_pair, v varchar(5), c char(4), n numeric(9,3), i inet,
  r int4range, l interval, a text[]`;
const shape = {
  id: z.int(),
  u: z.string().nullable(),
  m: z.enum(['glad', 'sad, "so"']).nullable(),
  s: z.string().nullable(),
  p: z.string().nullable(),
  v: z.string().nullable(),
  c: z.string().nullable(),
  n: decimal({ precision: 9, scale: 3 }).nullable(),
  i: z.string().nullable(),
  r: z.string().nullable(),
  l: z.string().nullable(),
};
const One = defineTable('one', shape, { primaryKey: 'id' });
const Many = defineTable('many', shape, { primaryKey: 'id' });
const withArray = { ...shape, a: json(z.array(z.string())).nullable() };

const FULL = {
  u: '0d5d9f0c-27c0-4e6c-8a5f-0b2a9b1a1c11',
  m: 'sad, "so"' as const,
  s: 'abc',
  p: '(1,"x, \\"\\"y")',
  v: 'a,{}"',
  c: 'é\\',
  n: '12.500',
  i: '10.0.0.1',
  r: '[1,5)',
  l: '1 mon 02:00:00',
};
const EMPTY = { u: null, m: null, s: null, p: null, v: null, c: null, n: null, i: null, r: null, l: null };
const ROWS = [
  { id: 1, ...FULL },
  { id: 2, ...EMPTY },
  { id: 3, ...FULL, v: '', c: 'NULL', p: '(,)', r: 'empty', s: 'NULL' },
];

describe('many rows at once on PostgreSQL', () => {
  let opened: Opened;
  before(async function () {
    opened = await PG.open(this, {
      sqlite: [],
      postgres: [
        `CREATE TYPE many_mood AS ENUM ('glad', 'sad, "so"')`,
        `CREATE DOMAIN many_short AS text CHECK (length(value) < 5)`,
        'CREATE TYPE many_pair AS (x int, y text)',
        `CREATE TABLE one (${TYPES})`,
        `CREATE TABLE many (${TYPES})`,
      ],
    });
  });
  beforeEach(() => opened.sql('TRUNCATE one, many'));
  after(() => opened?.remove());

  /** As the server writes them. */
  const textsIn = async (table: string): Promise<unknown> =>
    (await opened.database.knex.raw(`SELECT t::text FROM ${table} AS t ORDER BY id`)).rows;

  it('hold what single rows would, of uuid, enum, domain, composite, range and other types', async () => {
    for (const row of ROWS) value(await new Dao(opened.database, One).insert(row));
    expect(value(await new Dao(opened.database, Many).insertMany(ROWS))).to.equal(ROWS.length);
    expect(await textsIn('many')).to.deep.equal(await textsIn('one'));
  });

  it('have arrays where what is JSON to a DAO is an array to the database', async () => {
    const rows = ROWS.map((row) => ({ ...row, a: ['x', 'NULL', '{"', ''].slice(row.id) }));
    const { p: _, ...others } = withArray;
    const Few = defineTable('many', others, { primaryKey: 'id' });
    value(await new Dao(opened.database, Few).insertMany(rows.map(({ p: __, ...row }) => row)));
    const read = await opened.database.knex.raw('SELECT a FROM many ORDER BY id');
    expect(read.rows).to.deep.equal(rows.map(({ a }) => ({ a })));
  });

  it('are refused by a domain, an enum and a length as single rows are, and nothing of them is kept', async () => {
    const many = new Dao(opened.database, Many);
    for (const wrong of [{ s: 'too long' }, { v: 'too long' }, { u: 'no uuid' }, { n: '1234567.000' }]) {
      const rows = [...ROWS, { id: 9, ...EMPTY, ...wrong }];
      const one = await new Dao(opened.database, One).insert({ id: 9, ...EMPTY, ...wrong });
      const all = await many.insertMany(rows);
      expect(all._unsafeUnwrapErr().kind, JSON.stringify(wrong)).to.equal(one._unsafeUnwrapErr().kind);
      expect(value(await many.count())).to.equal(0);
    }
  });

  it('are checked before the first is sent, and taken back together where a later statement fails', async () => {
    const many = new Dao(opened.database, Many);
    const rows = Array.from({ length: 12_000 }, (_, at) => ({ id: at, ...EMPTY, v: String(at).slice(0, 5) }));
    expect(value(await many.insertMany(rows))).to.equal(12_000);
    expect(value(await many.count())).to.equal(12_000);
    await opened.sql('TRUNCATE many');
    const twice = [...rows.slice(0, 11_999), { id: 0, ...EMPTY }];
    expect((await many.insertMany(twice))._unsafeUnwrapErr().kind).to.equal('unique-violation');
    expect(value(await many.count())).to.equal(0);
    const wrong = [...rows.slice(0, 11_999), { id: 11_999, ...EMPTY, v: 5 }];
    expect((await many.insertMany(wrong as never))._unsafeUnwrapErr()).to.deep.include({ kind: 'invalid-row' });
    expect(value(await many.count())).to.equal(0);
  });
});
