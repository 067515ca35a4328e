// What the options of a table promise, on every engine: versions, times, soft delete, keys of several columns, schemas.
import { expect } from 'chai';
import { Dao, defineTable, openDatabase } from 'migrate-safe/dao';
import * as z from 'zod';
import { ENGINES, SQLITE3, type Opened } from '../support/app-databases.js';
import { value } from '../support/project.js';

const Documents = defineTable(
  'documents',
  {
    id: z.int(),
    slug: z.string(),
    body: z.string().default('empty'),
    version: z.int(),
    created_at: z.date(),
    updated_at: z.date(),
    deleted_at: z.date().nullable(),
    length: z.int().nullable(),
  },
  {
    primaryKey: 'id',
    defaults: ['id'],
    generated: ['length'],
    version: 'version',
    timestamps: { createdAt: 'created_at', updatedAt: 'updated_at' },
    softDelete: 'deleted_at',
  },
);
const Tags = defineTable(
  'tags',
  { document: z.int(), tag: z.string(), seen: z.date(), weight: z.number().nullable() },
  { primaryKey: ['document', 'tag'] },
);
const Elsewhere = defineTable(
  'notes of',
  { id: z.int(), text: z.string(), day: z.enum(['mon', 'tue']), n: z.int().nullable() },
  { primaryKey: 'id', schema: 'other "schema"', softDelete: undefined as never },
);
const Trusted = defineTable('documents', Documents.shape, {
  primaryKey: 'id',
  defaults: ['id'],
  generated: ['length'],
  reads: 'trusted',
});

const columns = `slug text NOT NULL, body text NOT NULL, version integer NOT NULL`;
const SCHEMA = {
  sqlite: [
    `CREATE TABLE documents (id INTEGER PRIMARY KEY, ${columns}, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, deleted_at TEXT,
       length INTEGER GENERATED ALWAYS AS (length(body)) VIRTUAL)`,
    `CREATE TABLE tags (document INTEGER, tag TEXT, seen TEXT NOT NULL, weight REAL, PRIMARY KEY (document, tag)) WITHOUT ROWID`,
  ],
  postgres: [
    `CREATE TABLE documents (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ${columns}, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
       deleted_at timestamptz, length int GENERATED ALWAYS AS (length(body)) STORED)`,
    `CREATE TABLE tags (document int, tag text, seen timestamptz NOT NULL, weight float8, PRIMARY KEY (document, tag))`,
  ],
};

for (const engine of ENGINES)
  describe(`the options of a table on ${engine.name}`, () => {
    let opened: Opened;
    let documents: Dao<typeof Documents>;
    let now = 0;
    const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
    beforeEach(async function () {
      now = 0;
      opened = await engine.open(this, SCHEMA, { now: () => at(now) });
      documents = new Dao(opened.database, Documents);
    });
    afterEach(() => opened?.remove());

    it('sets versions and times by itself, of one row and of many', async () => {
      const first = value(await documents.insert({ slug: 'a' }));
      expect(first).to.deep.equal({
        id: 1,
        slug: 'a',
        body: 'empty',
        version: 1,
        created_at: at(0),
        updated_at: at(0),
        deleted_at: null,
        length: 5,
      });
      now = 1;
      value(
        await documents.insertMany([
          { slug: 'b', version: undefined, created_at: undefined } as never,
          { slug: 'c', version: 7, created_at: at(-9) },
        ]),
      );
      now = 2;
      expect(value(await documents.update(1, { body: 'x' }, { version: 1 }))).to.deep.equal({
        ...first,
        body: 'x',
        length: 1,
        version: 2,
        updated_at: at(2),
      });
      now = 3;
      expect(value(await documents.updateMany({ slug: { ne: 'b' } }, { body: 'yy' }))).to.equal(2);
      const rows = value(
        await documents.list({ orderBy: ['id'], select: ['version', 'created_at', 'updated_at', 'length'] }),
      );
      expect(rows).to.deep.equal([
        { version: 3, created_at: at(0), updated_at: at(3), length: 2 },
        { version: 1, created_at: at(1), updated_at: at(1), length: 5 },
        { version: 8, created_at: at(-9), updated_at: at(3), length: 2 },
      ]);
    });

    it('lets one of two writers win who read the same version', async () => {
      value(await documents.insert({ slug: 'a' }));
      const outcomes = await Promise.all(['x', 'y'].map((body) => documents.update(1, { body }, { version: 1 })));
      expect(outcomes.filter((one) => one.isOk())).to.have.length(1);
      const lost = outcomes.find((one) => one.isErr());
      expect(lost?._unsafeUnwrapErr()).to.deep.equal({
        kind: 'stale-version',
        table: 'documents',
        key: 1,
        expected: 1,
      });
      expect((await documents.remove(1, { version: 1 }))._unsafeUnwrapErr().kind).to.equal('stale-version');
      expect((await documents.update(9, { body: 'x' }, { version: 1 }))._unsafeUnwrapErr().kind).to.equal('not-found');
      expect((await documents.remove(9, { version: 1 }))._unsafeUnwrapErr().kind).to.equal('not-found');
      for (const options of [undefined, {}, { version: '2' }, { version: NaN }]) {
        expect((await documents.update(1, { body: 'z' }, options as never))._unsafeUnwrapErr().kind).to.equal(
          'invalid-call',
        );
        expect((await documents.remove(1, options as never))._unsafeUnwrapErr().kind).to.equal('invalid-call');
      }
      expect(value(await documents.get(1)).version).to.equal(2);
      value(await documents.remove(1, { version: 2 }));
    });

    it('refuses to write what it keeps itself, or what the database computes', async () => {
      value(await documents.insert({ slug: 'a' }));
      for (const changes of [{ id: 2 }, { version: 9 }, { created_at: at(0) }, { updated_at: at(0) }, { length: 1 }])
        for (const call of [
          documents.update(1, changes as never, { version: 1 }),
          documents.updateMany('all', changes as never),
        ])
          expect((await call)._unsafeUnwrapErr()).to.include({ kind: 'invalid-row', direction: 'write' });
      expect((await documents.insert({ slug: 'b', length: 1 } as never))._unsafeUnwrapErr().kind).to.equal(
        'invalid-row',
      );
      expect((await documents.insertMany([{ slug: 'b', length: 1 }] as never))._unsafeUnwrapErr().kind).to.equal(
        'invalid-row',
      );
    });

    it('keeps removed rows out of everything that does not ask for them', async () => {
      value(await documents.insertMany([{ slug: 'a' }, { slug: 'b' }, { slug: 'c' }]));
      now = 5;
      value(await documents.remove(1, { version: 1 }));
      const slugs = async (query: object): Promise<readonly string[]> =>
        value(await documents.list({ ...query, orderBy: ['id'] })).map(({ slug }) => slug);
      expect(await slugs({})).to.deep.equal(['b', 'c']);
      expect(await slugs({ removed: 'only' })).to.deep.equal(['a']);
      expect(await slugs({ removed: 'include' })).to.deep.equal(['a', 'b', 'c']);
      expect(value(await documents.page({ size: 9 })).rows).to.have.length(2);
      expect(value(await documents.count())).to.equal(2);
      expect(value(await documents.exists({ where: { id: 1 } }))).to.equal(false);
      expect(value(await documents.find({ where: { id: 1 }, removed: 'only' }))).to.deep.include({
        version: 2,
        deleted_at: at(5),
        updated_at: at(5),
      });
      expect(value(await documents.aggregate({ select: (a) => ({ n: a.count() }) }))).to.deep.equal([{ n: 2 }]);
      for (const call of [
        documents.get(1),
        documents.update(1, { body: 'x' }, { version: 2 }),
        documents.remove(1, { version: 2 }),
      ])
        expect((await call)._unsafeUnwrapErr().kind).to.equal('not-found');
      expect(value(await documents.updateMany('all', { body: 'x' }))).to.equal(2);
      expect(value(await documents.removeMany({ slug: { in: ['a', 'b'] } }))).to.equal(1);
      expect(value(await documents.count({ removed: 'only' }))).to.equal(2);
    });

    it('takes a removal back', async () => {
      value(await documents.insert({ slug: 'a' }));
      expect((await documents.restore(1, { version: 1 }))._unsafeUnwrapErr().kind).to.equal('not-found');
      value(await documents.remove(1, { version: 1 }));
      expect((await documents.restore(1, { version: 1 }))._unsafeUnwrapErr().kind).to.equal('stale-version');
      now = 7;
      expect(value(await documents.restore(1, { version: 2 }))).to.deep.include({
        version: 3,
        deleted_at: null,
        updated_at: at(7),
        created_at: at(0),
      });
      expect(value(await documents.get(1)).slug).to.equal('a');
    });

    it('puts in place without losing what was not given, and brings removed rows back', async () => {
      await opened.sql('CREATE UNIQUE INDEX by_slug ON documents (slug)');
      const first = value(await documents.insert({ slug: 'a', body: 'kept' }));
      now = 1;
      const again = value(await documents.upsert({ slug: 'a' }, { onConflict: ['slug'] }));
      expect(again).to.deep.equal({ ...first, version: 2, updated_at: at(1) });
      value(await documents.remove(first.id, { version: 2 }));
      expect((await documents.insert({ slug: 'a' }))._unsafeUnwrapErr()).to.include({ kind: 'unique-violation' });
      const back = value(await documents.upsert({ slug: 'a', body: 'new' }, { onConflict: ['slug'] }));
      expect(back).to.deep.include({ id: first.id, body: 'new', deleted_at: null, version: 4, created_at: at(0) });
      const untouched = value(
        await documents.upsert({ slug: 'a', body: 'other' }, { onConflict: ['slug'], update: [] }),
      );
      expect(untouched).to.include({ body: 'new', version: 5 });
    });

    it('puts in place among the rows that are there, where the unique index is of those', async () => {
      await opened.sql('CREATE UNIQUE INDEX by_slug ON documents (slug) WHERE deleted_at IS NULL');
      value(await documents.insert({ slug: 'a' }));
      expect(value(await documents.upsert({ slug: 'a', body: 'x' }, { onConflict: ['slug'] })).id).to.equal(1);
      value(await documents.remove(1, { version: 2 }));
      const second = value(await documents.upsert({ slug: 'a', body: 'y' }, { onConflict: ['slug'] }));
      expect(second).to.include({ body: 'y', version: 1 });
      expect(second.id).to.not.equal(1);
      expect((await documents.restore(1, { version: 3 }))._unsafeUnwrapErr()).to.include({ kind: 'unique-violation' });
    });

    it('takes keys of several columns', async () => {
      const tags = new Dao(opened.database, Tags);
      const one = { document: 1, tag: 'a', seen: at(0), weight: null };
      value(await tags.insertMany([one, { ...one, tag: 'b' }, { ...one, document: 2 }]));
      expect(value(await tags.get({ document: 1, tag: 'b' }))).to.deep.equal({ ...one, tag: 'b' });
      expect(value(await tags.update({ document: 1, tag: 'b' }, { weight: 2 })).weight).to.equal(2);
      expect(value(await tags.upsert({ ...one, document: 2, weight: 3 }))).to.include({
        document: 2,
        tag: 'a',
        weight: 3,
      });
      expect(value(await tags.page({ size: 2 })).rows.map(({ tag }) => tag)).to.deep.equal(['a', 'b']);
      const streamed: unknown[] = [];
      for await (const row of tags.stream()) streamed.push(value(row).document);
      expect(streamed).to.deep.equal([1, 1, 2]);
      value(await tags.remove({ document: 1, tag: 'a' }));
      const twice = (await tags.insert({ ...one, tag: 'b' }))._unsafeUnwrapErr();
      expect(twice).to.deep.include({ kind: 'unique-violation', columns: ['document', 'tag'] });
      for (const key of [
        1,
        'a',
        null,
        undefined,
        [1, 'a'],
        { document: 1 },
        { document: 1, tag: null },
        { document: 1, tag: 2 },
        Object.create({ document: 1, tag: 'b' }),
      ])
        expect(['invalid-call', 'invalid-row']).to.include((await tags.get(key as never))._unsafeUnwrapErr().kind);
    });

    it('finds its table in the schema that it names', async function () {
      const file = `${opened.url.replace(/^sqlite:|\?.*$/g, '')}-other`;
      if (engine.dialect === 'sqlite') await opened.sql(`ATTACH '${file}' AS "other ""schema"""`);
      else {
        await opened.sql('CREATE SCHEMA "other ""schema"""');
        await opened.sql(`CREATE TYPE "other ""schema""".day AS ENUM ('mon', 'tue')`);
      }
      const day = engine.dialect === 'sqlite' ? 'text' : '"other ""schema""".day';
      await opened.sql(
        `CREATE TABLE "other ""schema"""."notes of" (id integer PRIMARY KEY, text text NOT NULL UNIQUE, day ${day} NOT NULL, n integer)`,
      );
      const notes = new Dao(opened.database, Elsewhere);
      value(await notes.insertMany([1, 2, 3].map((id) => ({ id, text: `t${id}`, day: 'mon' as const }))));
      expect(value(await notes.insert({ id: 4, text: 't4', day: 'tue', n: 1 })).day).to.equal('tue');
      expect(
        value(await notes.list({ where: { day: { in: ['mon'] } }, orderBy: [['id', 'desc']], limit: 1 }))[0]?.id,
      ).to.equal(3);
      expect(value(await notes.count({ where: { day: 'tue' } }))).to.equal(1);
      expect(value(await notes.upsert({ id: 4, text: 'T', day: 'mon' }))).to.include({ text: 'T', n: 1 });
      expect(value(await notes.update(4, { n: 2 })).n).to.equal(2);
      expect(value(await notes.page({ orderBy: ['n'], size: 2 })).rows).to.have.length(2);
      expect(value(await notes.removeMany('all'))).to.equal(4);
    });

    it('decodes but does not check what a trusting table reads', async () => {
      value(await documents.insert({ slug: 'a' }));
      const trusting = new Dao(opened.database, Trusted);
      await opened.sql(
        engine.dialect === 'sqlite'
          ? `UPDATE documents SET version = 'old'`
          : `ALTER TABLE documents ALTER version TYPE float8`,
      );
      await opened.sql(
        engine.dialect === 'sqlite' ? `UPDATE documents SET slug = 'b'` : `UPDATE documents SET version = 0.5`,
      );
      expect((await documents.get(1))._unsafeUnwrapErr()).to.include({ kind: 'invalid-row', direction: 'read' });
      const row = value(await trusting.get(1));
      expect(row.version).to.equal(engine.dialect === 'sqlite' ? 'old' : 0.5);
      expect(row.created_at).to.deep.equal(at(0));
      expect((await trusting.update(1, { slug: 7 as never }))._unsafeUnwrapErr()).to.include({
        kind: 'invalid-row',
        direction: 'write',
      });
    });
  });

describe('times that a DAO sets', () => {
  it('are those of the clock where none is given', async function () {
    const opened = await SQLITE3.open(this, SCHEMA);
    const database = openDatabase({ database: opened.url });
    const before = Date.now();
    const made = value(await new Dao(database, Documents).insert({ slug: 'a' }));
    expect(made.created_at.getTime()).to.be.within(before, Date.now());
    value(await database.close());
    await opened.remove();
  });
});
