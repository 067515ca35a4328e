// What only newer servers of PostgreSQL have: seen in the schema, put back with a table, and no reason to fail on an older one.
import { expect } from 'chai';
import pg from 'pg';
import { fingerprint } from '#src/core/schema/fingerprint.js';
import { describeChange } from '#src/core/schema/change.js';
import { diffSchemas } from '#src/core/schema/diff.js';
import { sha256 } from '#src/core/brands.js';
import type { SchemaSnapshot } from '#src/core/schema/snapshot.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { leftovers } from '#src/dao/dialects/postgres/doctor/facts.js';
import { inspectSchema } from '#src/dao/dialects/postgres/inspect/inspector.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { needsVersion } from '../support/postgres-version.js';
import { restore, tablesFixture } from '../support/postgres-tables.js';
import { value } from '../support/project.js';

const START = `
  CREATE TABLE public.rooms (id int NOT NULL, at daterange NOT NULL, note text, UNIQUE (id, at));
  CREATE TABLE public.guests (id int PRIMARY KEY, room int, at daterange, name text);
  CREATE DOMAIN public.positive AS int NOT NULL CHECK (VALUE > 0);`;

/** What is done since which version, what is told of it, and what undoes it. */
const CHANGES: readonly (readonly [since: number, statement: string, told: RegExp, undo: string])[] = [
  [
    13,
    'ALTER TABLE public.guests ADD CONSTRAINT u UNIQUE (room) INCLUDE (name)',
    /u UNIQUE \(room\) INCLUDE \(name\)/,
    'ALTER TABLE public.guests DROP CONSTRAINT u',
  ],
  [
    13,
    'ALTER TABLE public.guests ADD CONSTRAINT f FOREIGN KEY (room, at) REFERENCES public.rooms (id, at) MATCH FULL',
    /MATCH FULL/,
    'ALTER TABLE public.guests DROP CONSTRAINT f',
  ],
  [
    15,
    'ALTER TABLE public.guests ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (room)',
    /NULLS NOT DISTINCT/,
    'ALTER TABLE public.guests DROP CONSTRAINT u',
  ],
  [
    15,
    'ALTER TABLE public.guests ADD CONSTRAINT f FOREIGN KEY (room, at) REFERENCES public.rooms (id, at) ON DELETE SET NULL (room)',
    /SET NULL \(room\)/,
    'ALTER TABLE public.guests DROP CONSTRAINT f',
  ],
  [
    18,
    'ALTER TABLE public.guests ADD COLUMN twice int GENERATED ALWAYS AS (room * 2) VIRTUAL',
    /column guests\.twice added/,
    'ALTER TABLE public.guests DROP COLUMN twice',
  ],
  [
    18,
    'ALTER TABLE public.guests ADD CONSTRAINT c CHECK (room > 0) NOT ENFORCED',
    /NOT ENFORCED/,
    'ALTER TABLE public.guests DROP CONSTRAINT c',
  ],
  [
    18,
    'ALTER TABLE public.guests ADD CONSTRAINT f FOREIGN KEY (room, at) REFERENCES public.rooms (id, at) NOT ENFORCED',
    /NOT ENFORCED/,
    'ALTER TABLE public.guests DROP CONSTRAINT f',
  ],
  [
    18,
    'ALTER TABLE public.guests ADD CONSTRAINT n NOT NULL name NOT VALID',
    /n NOT NULL name NOT VALID/,
    'ALTER TABLE public.guests DROP CONSTRAINT n',
  ],
  [
    18,
    `CREATE EXTENSION btree_gist; ALTER TABLE public.guests ADD CONSTRAINT w UNIQUE (room, at WITHOUT OVERLAPS)`,
    /WITHOUT OVERLAPS/,
    'ALTER TABLE public.guests DROP CONSTRAINT w; DROP EXTENSION btree_gist',
  ],
];

describe('what newer versions of PostgreSQL have', () => {
  let database: TestDatabase;
  let client: pg.Client;
  let connection: PostgresConnection;
  before(async function () {
    database = await freshDatabase(this);
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(START);
    connection = value(await PostgresConnection.connect(pg, { connectionString: database.url }));
  });
  after(async () => {
    await client.end();
    value(await connection.close());
    await database.drop();
  });
  const look = async (): Promise<SchemaSnapshot> => value(await inspectSchema(connection));

  for (const [since, statement, told, undo] of CHANGES)
    it(`is seen in the schema: ${statement}`, async function () {
      await needsVersion(this, since, statement);
      const before = await look();
      await client.query(statement);
      const after = await look();
      expect(diffSchemas(before, after).map(describeChange).join('\n')).to.match(told);
      await client.query(undo);
      expect(fingerprint(await look(), sha256)).to.equal(fingerprint(before, sha256));
    });

  it('tells a column that is computed when it is read from one that is stored', async function () {
    await needsVersion(this, 18, 'a virtual column');
    await client.query(
      `CREATE TABLE public.v (a int, b int GENERATED ALWAYS AS (a + 1), c int GENERATED ALWAYS AS (a + 1) STORED)`,
    );
    const table = (await look()).tables.find(({ name }) => name === 'v');
    expect(table?.columns.map(({ generated }) => generated?.storage)).to.deep.equal([undefined, 'virtual', 'stored']);
  });

  it('has a domain the same on every version, though its NOT NULL is a constraint since 17', async () => {
    const domain = (await look()).objects?.find(({ name }) => name === 'domain positive');
    expect(domain?.definition).to.equal('integer not null positive_check CHECK ((VALUE > 0))');
  });

  it('is not told to be checked where it is declared as never checked', async function () {
    await needsVersion(this, 18, 'NOT ENFORCED');
    await client.query(`CREATE TABLE public.e (a int, CONSTRAINT never CHECK (a > 0) NOT ENFORCED);
      ALTER TABLE public.e ADD CONSTRAINT later CHECK (a > 1) NOT VALID`);
    expect(value(await leftovers(connection)).map(({ name }) => name)).to.deep.equal(['later']);
  });

  it('is put back with a table: parents that cover a period together, keys that nobody checks, computed columns', async function () {
    await needsVersion(this, 18, 'a temporal key');
    const f = await tablesFixture(this);
    try {
      await f.sql(`CREATE EXTENSION btree_gist;
        CREATE TABLE price (item int, at daterange, cents int, euros numeric GENERATED ALWAYS AS (cents / 100.0) VIRTUAL,
          PRIMARY KEY (item, at WITHOUT OVERLAPS));
        CREATE TABLE offer (id int PRIMARY KEY, item int, at daterange, rival int REFERENCES offer NOT ENFORCED,
          FOREIGN KEY (item, PERIOD at) REFERENCES price (item, PERIOD at));
        INSERT INTO price VALUES (1, '[2026-01-01,2026-06-01)', 150), (1, '[2026-06-01,2027-01-01)', 175);
        INSERT INTO offer VALUES (1, 1, '[2026-02-01,2026-09-01)', 99)`);
      const constraints = `SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
        WHERE conrelid IN ('price'::regclass, 'offer'::regclass) ORDER BY 1`;
      const before = [await f.rows('price'), await f.rows('offer'), await f.sql(constraints)];
      const { id } = await f.keep(['price', 'offer']);
      value(await f.work.run('ROLLBACK'));
      for (const tables of [['price'], ['offer'], ['price', 'offer']]) {
        await f.sql(`UPDATE price SET cents = 1; UPDATE offer SET rival = 7`);
        for (const table of tables) expect(value(await f.tables.atStake(id, [table]))).to.have.length(1);
        value(await restore(f, id, tables));
        if (!tables.includes('price'))
          await f.sql(`UPDATE price SET cents = CASE WHEN lower(at) < '2026-06-01' THEN 150 ELSE 175 END`);
        if (!tables.includes('offer')) await f.sql(`UPDATE offer SET rival = 99`);
        expect([await f.rows('price'), await f.rows('offer'), await f.sql(constraints)]).to.deep.equal(before);
      }
    } finally {
      await f.close();
    }
  });
});
