// The contract on PostgreSQL: where names are found, what fills columns in, and that preparing leaves nothing behind.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, type ContractFinding, type MigrateSafeOptions } from 'migrate-safe';
import { defineQuery, defineTable } from 'migrate-safe/dao';
import pg from 'pg';
import * as z from 'zod';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { failure, value } from '../support/project.js';

const Orders = defineTable('orders', { id: z.int(), total: z.int() }, { primaryKey: 'id' });
const Totals = defineQuery('totals', {
  row: z.object({ total: z.int() }),
  build: (knex) => knex('orders').select('total'),
});
const ORDERS = '(id int PRIMARY KEY, total int NOT NULL)';

describe('the contract on PostgreSQL', () => {
  let database: TestDatabase;
  let directory: string;
  beforeEach(async function () {
    database = await freshDatabase(this);
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-contract-'));
    mkdirSync(path.join(directory, 'migrations'));
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await database.drop();
  });

  const step = (version: number, sql: string): void =>
    writeFileSync(path.join(directory, `migrations/000${version}_step.sql`), sql);
  const using = async <T>(
    options: Partial<MigrateSafeOptions>,
    work: (safe: ReturnType<typeof createMigrateSafe>) => PromiseLike<T>,
  ): Promise<T> => {
    const safe = createMigrateSafe({
      database: database.url,
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
      fileBackup: 'never',
      contract: [Orders, Totals],
      ...options,
    });
    const outcome = await work(safe);
    value(await safe.close());
    return outcome;
  };
  const up = (options: Partial<MigrateSafeOptions> = {}) => using(options, (safe) => safe.up());
  const check = async (options: Partial<MigrateSafeOptions> = {}): Promise<readonly ContractFinding[]> =>
    value(await using(options, (safe) => safe.check())).findings;
  const sql = async (text: string): Promise<readonly unknown[]> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };

  it('finds tables and queries on the path that the role has, or the configuration', async () => {
    const { pathname } = new URL(database.url);
    await sql(`CREATE SCHEMA shop; CREATE TABLE shop.orders ${ORDERS}`);
    expect((await check()).map(({ problem }) => problem)).to.deep.equal(['missing-table', 'query']);
    const config = { client: 'pg', connection: database.url, searchPath: ['nowhere', 'shop'] };
    expect(await check({ database: config })).to.deep.equal([]);
    await sql(`ALTER DATABASE ${pathname.slice(1)} SET search_path = "$user", "shop"`);
    expect(await check()).to.deep.equal([]);
    // A table of its schema is that one, wherever the path leads.
    const columns = { id: z.int(), total: z.int() };
    expect(
      await check({ contract: [defineTable('orders', columns, { primaryKey: 'id', schema: 'shop' })] }),
    ).to.deep.equal([]);
    expect(
      await check({ contract: [defineTable('orders', columns, { primaryKey: 'id', schema: 'public' })] }),
    ).to.deep.equal([{ problem: 'missing-table', table: 'public.orders' }]);
  });

  it('prepares queries as the program asks them, whatever a step has set', async () => {
    step(
      1,
      `SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.orders ${ORDERS}; SET LOCAL ROLE pg_read_all_data;`,
    );
    value(await up());
    expect(await check()).to.deep.equal([]);
  });

  it('leaves no lock, no prepared statement and no setting behind in the step', async () => {
    await sql(`CREATE TABLE orders ${ORDERS}`);
    value(await using({}, (safe) => safe.stamp('base')));
    step(1, 'CREATE TABLE other (id int PRIMARY KEY);');
    let seen: readonly unknown[] | undefined;
    const locks = `SELECT l.relation::regclass::text AS "table" FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
      WHERE a.application_name LIKE 'migrate-safe%' AND l.relation = 'orders'::regclass`;
    const { MigrationStep } = await import('migrate-safe');
    const looks = new MigrationStep(2, 'Looks', {
      apply: (knex) => knex.raw('CREATE TABLE another (id int PRIMARY KEY)'),
      // Asked after the contract.
      validate: async (knex) => {
        seen = await sql(locks);
        const prepared = await knex.raw<{ rows: readonly unknown[] }>(
          `SELECT name FROM pg_prepared_statements WHERE name = 'migrate_safe_contract'`,
        );
        return prepared.rows.length === 0;
      },
    });
    value(await using({ tableBackup: 'never' }, (safe) => safe.addMigration(looks).up()));
    expect(seen).to.deep.equal([]);
  });

  it('takes a column for filled in where a trigger may do it, and a domain may be NOT NULL by itself', async () => {
    const contract = [Orders];
    await sql(
      `CREATE DOMAIN amount AS int NOT NULL; CREATE TABLE orders (id int PRIMARY KEY, total amount, at timestamptz NOT NULL)`,
    );
    expect(await check({ contract })).to.deep.equal([{ problem: 'never-written', table: 'orders', column: 'at' }]);
    await sql(
      `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at = now(); RETURN NEW; END';
       CREATE TRIGGER stamp BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp()`,
    );
    expect(await check({ contract })).to.deep.equal([]);
  });

  it('prepares queries on a table with row level security as the program asks them', async () => {
    await sql(`CREATE TABLE orders ${ORDERS}; ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders FORCE ROW LEVEL SECURITY;
      CREATE POLICY own ON orders USING (id > 0); CREATE ROLE contract_reader LOGIN; GRANT SELECT ON orders TO contract_reader;
      GRANT USAGE ON SCHEMA public TO contract_reader`);
    try {
      const url = new URL(database.url);
      url.username = 'contract_reader';
      expect(await check({ database: url.href })).to.deep.equal([]);
    } finally {
      await sql(
        'REVOKE ALL ON orders FROM contract_reader; REVOKE ALL ON SCHEMA public FROM contract_reader; DROP ROLE contract_reader',
      );
    }
  });

  it('reads views that keep their rows', async () => {
    await sql(`CREATE MATERIALIZED VIEW orders AS SELECT 1 AS id, 2 AS total`);
    expect(await check()).to.deep.equal([]);
    const Wider = defineTable('orders', { id: z.int(), note: z.string() }, { primaryKey: 'id' });
    expect((await check({ contract: [Wider] })).map(({ problem }) => problem)).to.deep.equal(['unreadable']);
  });

  it('refuses in a group the step that asks for what inserts do not give', async () => {
    step(1, `CREATE TABLE orders ${ORDERS};`);
    step(2, 'CREATE TABLE other (id int PRIMARY KEY);');
    step(3, 'ALTER TABLE orders ADD COLUMN buyer int NOT NULL;');
    step(4, 'CREATE TABLE another (id int PRIMARY KEY);');
    const error = failure(await up());
    expect(error).to.deep.include({ kind: 'contract-broken', version: '0003', by: 'step', state: 'rolled-back' });
    expect(error.message).to.equal(
      'what works on orders does not know orders.buyer, which is NOT NULL without a default: its inserts would fail',
    );
    expect(value(await using({}, (safe) => safe.status())).current).to.equal('0002');
    expect(await check()).to.deep.equal([]);
  });

  it('waits for no lock of others to say that a query would run', async () => {
    await sql(`CREATE TABLE orders ${ORDERS}`);
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query('BEGIN; LOCK TABLE orders IN EXCLUSIVE MODE');
    expect(await check()).to.deep.equal([]);
    await other.query('ROLLBACK');
    await other.end();
  });
});
