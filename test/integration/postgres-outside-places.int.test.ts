// Where statements may run is what a real server says, not what a list says.
import { expect } from 'chai';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { needsVersion } from '../support/postgres-version.js';
import { STATEMENTS } from '../support/postgres-statements.js';

describe('where PostgreSQL lets a statement run', () => {
  let database: TestDatabase;
  let client: pg.Client;
  before(async function () {
    database = await freshDatabase(this);
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(`
      CREATE SCHEMA s;
      CREATE TABLE t (x int PRIMARY KEY, y text, z int, a int, b int);
      CREATE TABLE s.t (x int, y text, z int); CREATE TABLE s."T" (x text, y text, z int);
      CREATE INDEX i ON t (y); CREATE INDEX i ON s.t (y);
      CREATE TABLE p (x int) PARTITION BY LIST (x); CREATE TABLE q PARTITION OF p FOR VALUES IN (1);
      CREATE TABLE s.p (x int) PARTITION BY LIST (x); CREATE TABLE s."Q" PARTITION OF s.p FOR VALUES IN (1);
      CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p, r WITH (connect = false);`);
  });
  after(async () => {
    await client.query('ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s');
    await client.end();
    await database.drop();
  });

  for (const { place, sql } of STATEMENTS) {
    // Of a text that calls or explains, the server judges what is inside.
    if (sql.startsWith('DO ')) continue;
    it(`${place.startsWith('out') ? 'refuses in' : 'lets into'} a transaction: ${sql}`, async function () {
      // A subscription is enabled for as long as nobody sees it: its worker would look for a publisher.
      // Only the option `failover` asks for a disabled one.
      const enables = sql.startsWith('ALTER SUBSCRIPTION') && !sql.includes('failover');
      if (place.startsWith('out') && enables)
        await needsVersion(this, 14, 'a subscription that cannot be refreshed in a transaction');
      await client.query(enables ? 'BEGIN; ALTER SUBSCRIPTION s ENABLE' : 'BEGIN');
      const code = await client.query(sql).then(
        () => undefined,
        (error: pg.DatabaseError) => error.code,
      );
      await client.query('ROLLBACK');
      // This server's version does not know the syntax, or the option, yet.
      if (code === '42601' || code === '22023') return this.skip();
      if (place.startsWith('out')) expect(code).to.equal('25001');
      else expect(code).not.to.equal('25001');
    });
  }
});
