// What the compiler must refuse, and what it must take, of callers of DAOs. Compiled with the tests; never run.
import {
  and,
  AppendOnlyDao,
  bytes,
  Dao,
  decimal,
  defineAppendOnlyTable,
  defineTable,
  json,
  not,
  or,
  ReadOnlyDao,
  type AppDatabase,
  type Changes,
  type Key,
  type NewRow,
  type ReadOnlyDatabase,
  type Row,
} from 'migrate-safe/dao';
import * as z from 'zod';

const Orders = defineTable(
  'orders',
  {
    id: z.int(),
    customer: z.string(),
    note: z.string().nullable(),
    total: decimal({ precision: 10, scale: 2 }),
    paid: z.boolean(),
    items: z.array(z.string()).default([]),
    extra: json(z.string()).nullable(),
    scan: bytes().nullable(),
    big: z.bigint(),
    at: z.date(),
    state: z.enum(['new', 'done']).default('new'),
    words: z.int(),
    version: z.int(),
    created_at: z.date(),
    deleted_at: z.date().nullable(),
  },
  {
    primaryKey: 'id',
    defaults: ['id'],
    generated: ['words'],
    version: 'version',
    timestamps: { createdAt: 'created_at' },
    softDelete: 'deleted_at',
  },
);
const Lines = defineTable(
  'lines',
  { order: z.int(), line: z.int(), text: z.string() },
  { primaryKey: ['order', 'line'] },
);
const Log = defineAppendOnlyTable(
  'log',
  { what: z.string(), at: z.date(), by: z.string().nullable() },
  { timestamps: { createdAt: 'at' } },
);

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isSame = <A, B>(same: Same<A, B>): boolean => same;

declare const database: AppDatabase;
declare const readOnly: ReadOnlyDatabase;
declare const orders: Dao<typeof Orders>;
declare const lines: Dao<typeof Lines>;
declare const reading: ReadOnlyDao<typeof Orders>;
declare const log: AppendOnlyDao<typeof Log>;
const order = { customer: 'ann', total: '1.00', paid: true, big: 1n, at: new Date() };

export function declarations(): void {
  // @ts-expect-error: no such column
  defineTable('t', { id: z.int() }, { primaryKey: 'ghost' });
  // @ts-expect-error: no such column
  defineTable('t', { id: z.int() }, { primaryKey: 'id', version: 'ghost' });
  // @ts-expect-error: no such column
  defineTable('t', { id: z.int() }, { primaryKey: ['id', 'ghost'] });
  // @ts-expect-error: no such column
  defineTable('t', { id: z.int() }, { primaryKey: 'id', timestamps: { createdAt: 'ghost' } });
  // @ts-expect-error: a table has a key
  defineTable('t', { id: z.int() }, {});
  // @ts-expect-error: no such column
  defineAppendOnlyTable('t', { a: z.int() }, { timestamps: { createdAt: 'ghost' } });
  // @ts-expect-error: rows of it are not updated
  defineAppendOnlyTable('t', { a: z.int() }, { version: 'a' });
  // @ts-expect-error: a DAO that writes has no business with a database for reading
  void new Dao(readOnly, Orders);
  // @ts-expect-error: an ordinary table has no chain
  void new AppendOnlyDao(database, Orders);
  void new ReadOnlyDao(readOnly, Log);
  void new ReadOnlyDao(database, Orders);
  void new AppendOnlyDao(database, defineAppendOnlyTable('t', { a: z.int() }));
}

export function conditions(): void {
  // @ts-expect-error: no such column
  void orders.list({ where: { ghost: 1 } });
  // @ts-expect-error: no such column, in a combination
  void orders.list({ where: and<typeof Orders>({ id: 1 }, or<typeof Orders>({ ghost: 1 })) });
  // @ts-expect-error: a value of another type
  void orders.list({ where: { id: '1' } });
  // @ts-expect-error: not one of the values
  void orders.list({ where: { state: 'lost' } });
  // @ts-expect-error: null for a column that always holds something
  void orders.list({ where: { customer: null } });
  // @ts-expect-error: null for a column that always holds something
  void orders.list({ where: { customer: { eq: null } } });
  // @ts-expect-error: nothing is greater than null
  void orders.list({ where: { note: { gt: null } } });
  // @ts-expect-error: isNull of a column that always holds something
  void orders.list({ where: { customer: { isNull: true } } });
  // @ts-expect-error: booleans have no order
  void orders.list({ where: { paid: { gt: false } } });
  // @ts-expect-error: JSON has no order
  void orders.list({ where: { items: { gt: [] } } });
  // @ts-expect-error: JSON is not compared
  void orders.list({ where: { items: ['a'] } });
  // @ts-expect-error: nor is a string that is kept as JSON
  void orders.list({ where: { extra: 'x' } });
  // @ts-expect-error: bytes have no order
  void orders.list({ where: { scan: { lt: new Uint8Array() } } });
  // @ts-expect-error: a list has no nulls
  void orders.list({ where: { note: { in: ['a', null] } } });
  // @ts-expect-error: nor has one of what is not to be
  void orders.list({ where: { note: { notIn: [null] } } });
  // @ts-expect-error: a list of another type
  void orders.list({ where: { id: { in: ['1'] } } });
  // @ts-expect-error: only text contains
  void orders.list({ where: { id: { contains: '1' } } });
  // @ts-expect-error: no such operator
  void orders.list({ where: { id: { like: '1' } } });
  // @ts-expect-error: no such column
  void orders.list({ orderBy: ['ghost'] });
  // @ts-expect-error: up or down
  void orders.list({ orderBy: [['id', 'up']] });
  // @ts-expect-error: no such column
  void orders.list({ select: ['ghost'] });
  // @ts-expect-error: a page has a size
  void orders.page({ orderBy: ['id'] });
  // @ts-expect-error: a key of another type
  void orders.get('1');
  // @ts-expect-error: a key of several columns needs all of them
  void lines.get({ order: 1 });
  // @ts-expect-error: and is no value
  void lines.get(1);
  // @ts-expect-error: a condition, or 'all'
  void orders.removeMany();

  void orders.list({ where: { customer: { startsWith: 'a', ne: 'ab' }, note: null, paid: true, big: { gte: 1n } } });
  void orders.list({
    where: { extra: { isNull: true }, scan: new Uint8Array(), at: { lt: new Date() }, total: { gt: '9.5' } },
  });
  void orders.list({
    where: not<typeof Orders>({ state: { in: ['new'] } }),
    orderBy: ['id', ['at', 'desc']],
    removed: 'include',
  });
  void lines.get({ order: 1, line: 2 });
}

export async function rows(): Promise<void> {
  const some = await orders.list({ select: ['id', 'note'] });
  if (some.isOk()) {
    isSame<(typeof some.value)[number], Pick<Row<typeof Orders>, 'id' | 'note'>>(true);
    // @ts-expect-error: it was not selected
    void some.value[0]?.customer;
  }
  isSame<Row<typeof Orders>['note'], string | null>(true);
  isSame<Row<typeof Orders>['items'], string[]>(true);
  isSame<Key<typeof Orders>, number>(true);
  isSame<keyof Key<typeof Lines>, 'order' | 'line'>(true);
  isSame<
    keyof Changes<typeof Orders>,
    'customer' | 'note' | 'total' | 'paid' | 'items' | 'extra' | 'scan' | 'big' | 'at' | 'state' | 'deleted_at'
  >(true);
  isSame<keyof NewRow<typeof Log>, 'what' | 'at' | 'by'>(true);
  const row = await orders.get(1);
  // @ts-expect-error: rows are not changed in place
  if (row.isOk()) row.value.note = 'x';
}

export function writes(): void {
  // @ts-expect-error: customer is missing
  void orders.insert({ total: '1', paid: true, big: 1n, at: new Date() });
  // @ts-expect-error: null in a column that always holds something
  void orders.insert({ ...order, customer: null });
  // @ts-expect-error: no such column
  void orders.insert({ ...order, ghost: 1 });
  // @ts-expect-error: the database computes it
  void orders.insert({ ...order, words: 1 });
  // @ts-expect-error: numbers round, so that a decimal is a string
  void orders.insert({ ...order, total: 1.5 });
  // @ts-expect-error: the second one lacks what it must have
  void orders.insertMany([order, { customer: 'bob' }]);
  // @ts-expect-error: no such column decides
  void orders.upsert(order, { onConflict: ['ghost'] });
  // @ts-expect-error: no such column
  void orders.update(1, { ghost: 1 }, { version: 1 });
  // @ts-expect-error: the key stays
  void orders.update(1, { id: 2 }, { version: 1 });
  // @ts-expect-error: the DAO counts versions
  void orders.update(1, { version: 2 }, { version: 1 });
  // @ts-expect-error: the DAO sets it
  void orders.update(1, { created_at: new Date() }, { version: 1 });
  // @ts-expect-error: the database computes it
  void orders.update(1, { words: 2 }, { version: 1 });
  // @ts-expect-error: null in a column that always holds something
  void orders.update(1, { customer: null }, { version: 1 });
  // @ts-expect-error: an update names the version that was read
  void orders.update(1, { note: 'x' });
  // @ts-expect-error: so does a removal
  void orders.remove(1);
  // @ts-expect-error: and its being taken back
  void orders.restore(1);
  // @ts-expect-error: the table has no version
  void lines.update({ order: 1, line: 1 }, { text: 'x' }, { version: 1 });
  // @ts-expect-error: no such column
  void orders.updateMany('all', { ghost: 1 });
  // @ts-expect-error: the only word is 'all'
  void orders.removeMany('everything');

  void orders.insert(order);
  void orders.insert({ ...order, id: 7, note: null, items: ['a'], extra: 'x', scan: new Uint8Array(), state: 'done' });
  void orders.update(1, { note: null, items: [], deleted_at: new Date() }, { version: 1 });
  void orders.upsert(order, { onConflict: ['customer', 'at'], update: ['total'] });
  void lines.update({ order: 1, line: 1 }, { text: 'x' });
}

export function readersAndAppenders(): void {
  // @ts-expect-error: for reading
  void reading.insert(order);
  // @ts-expect-error: for reading
  void reading.update(1, { note: 'x' }, { version: 1 });
  // @ts-expect-error: for reading
  void reading.removeMany('all');
  // @ts-expect-error: rows are only added
  void log.update(1, { what: 'x' });
  // @ts-expect-error: rows are only added
  void log.updateMany('all', { what: 'x' });
  // @ts-expect-error: rows are only added
  void log.upsert({ what: 'x' });
  // @ts-expect-error: rows are only added
  void log.remove(1);
  // @ts-expect-error: rows are only added
  void log.removeMany('all');
  // @ts-expect-error: the chain has it
  void log.append({ what: 'x', position: 1 });
  // @ts-expect-error: the chain has it
  void log.appendMany([{ what: 'x', hash: '' }]);
  // @ts-expect-error: what is missing
  void log.append({ by: 'ann' });
  // @ts-expect-error: a head is a position and a hash
  void log.verify({ noted: 7 });

  void log.append({ what: 'x' });
  void log.appendMany([
    { what: 'x', by: null },
    { what: 'y', at: new Date() },
  ]);
  void log.get(1);
  void log.list({ where: { hash: { startsWith: '0' } }, orderBy: [['position', 'desc']] });
}

export async function figures(): Promise<void> {
  // @ts-expect-error: text has no sum
  void lines.aggregate({ select: (a) => ({ n: a.sum('text') }) });
  // @ts-expect-error: nor has JSON
  void orders.aggregate({ select: (a) => ({ n: a.min('extra') }) });
  // @ts-expect-error: nor have booleans
  void orders.aggregate({ select: (a) => ({ n: a.sum('paid') }) });
  // @ts-expect-error: nor an average
  void lines.aggregate({ select: (a) => ({ n: a.avg('text') }) });
  // @ts-expect-error: times have no sum
  void orders.aggregate({ select: (a) => ({ n: a.sum('at') }) });
  // @ts-expect-error: bytes have no least
  void orders.aggregate({ select: (a) => ({ n: a.min('scan') }) });
  // @ts-expect-error: no such column
  void orders.aggregate({ select: (a) => ({ n: a.count() }), groupBy: ['ghost'] });
  // @ts-expect-error: neither group nor figure
  void orders.aggregate({ select: (a) => ({ n: a.count() }), orderBy: ['id'] });

  const days = await orders.aggregate({
    groupBy: ['state'],
    select: (a) => ({ n: a.count(), big: a.sum('big'), total: a.sum('total'), last: a.max('at'), mean: a.avg('id') }),
    orderBy: [['n', 'desc'], 'state'],
  });
  if (days.isOk()) {
    const [day] = days.value;
    isSame<Exclude<typeof day, undefined>['n'], number>(true);
    isSame<Exclude<typeof day, undefined>['state'], 'new' | 'done'>(true);
    isSame<Exclude<typeof day, undefined>['big'], bigint | null>(true);
    isSame<Exclude<typeof day, undefined>['total'], string | null>(true);
    isSame<Exclude<typeof day, undefined>['last'], Date | null>(true);
    isSame<Exclude<typeof day, undefined>['mean'], number | null>(true);
  }
}
