// Every verb of the command on PostgreSQL, as SQLite has it: the same documents, exit codes and promises.
import { expect } from 'chai';
import pg from 'pg';
import { CliProject, type CommandOutcome } from '../support/cli-project.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { toolsAre } from '../support/postgres-version.js';

interface Failure {
  readonly ok: boolean;
  readonly state: string;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string; readonly step?: object };
}

describe('migrate-safe on PostgreSQL', () => {
  let project: CliProject;
  let database: TestDatabase;
  beforeEach(async function () {
    database = await freshDatabase(this);
    project = new CliProject();
    // Without the programs for this server there is no archive to be had, and all else is the same.
    if ((await toolsAre()) === 'missing')
      project.write('migrate-safe.config.mjs', `export default { fileBackup: 'never', steps: 'migrations' };\n`);
    project.write(
      'migrations/0001_shop.up.sql',
      `CREATE TABLE customers (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES customers (id) ON DELETE CASCADE
);
INSERT INTO customers (name) VALUES ('Ada'), ('Grace'), ('Barbara');
INSERT INTO orders (customer_id) VALUES (1), (1), (2);
`,
    );
    project.write('migrations/0001_shop.down.sql', 'DROP TABLE orders;\nDROP TABLE customers;\n');
    project.write('migrations/0002_email.up.sql', 'ALTER TABLE customers ADD COLUMN email text;\n');
    project.write('migrations/0002_email.down.sql', 'ALTER TABLE customers DROP COLUMN email;\n');
  });
  afterEach(async () => {
    project.remove();
    await database.drop();
  });

  const app = (...args: readonly string[]): Promise<CommandOutcome> =>
    project.run([...args, '--json'], { DATABASE_URL: database.url });
  const query = async (sql: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query({ text: sql, rowMode: 'array' })).rows;
    } finally {
      await client.end();
    }
  };

  it('puts the whole back by a swap of names, or beside as a copy, and says which', async function () {
    if ((await toolsAre()) === 'missing') return this.skip();
    this.timeout(60_000);
    const copy = `${new URL(database.url).pathname.slice(1)}_copy`;
    await app('up');
    expect((await app('backup', 'create')).code).to.equal(0);
    await query('DELETE FROM orders');
    const swapped = await app('restore', '--latest', '--by', 'swap', '--yes');
    expect(swapped.code, swapped.stderr).to.equal(0);
    const { kept, ...rest } = swapped.json<{ by: string; kept: { database: string; drop: string } }>();
    expect(rest).to.deep.include({ ok: true, by: 'swap', safetyBackupId: null, movedAside: [] });
    expect(await query('SELECT count(*)::int FROM orders')).to.deep.equal([[3]]);
    expect(kept.drop).to.equal(`DROP DATABASE "${kept.database}";`);
    await query(kept.drop);
    const copied = await app('restore', '--latest', '--as-copy', copy);
    expect(copied.code, copied.stderr).to.equal(0);
    expect(copied.json()).to.have.nested.property('copy.name', copy);
    expect((await app('restore', '--latest', '--as-copy', copy)).json<Failure>().error.message).to.contain('already');
    expect((await app('restore', '--latest', '--as-copy', 'x', '--by', 'swap')).code).to.equal(2);
    await query(`DROP DATABASE "${copy}"`);
  });

  it('applies, tells, proves, reverts and stamps', async () => {
    const { pathname } = new URL(database.url);
    const before = (await app('status')).json<{ steps: { state: string }[] }>();
    expect(before).to.include({ ok: true, dialect: 'postgres', current: null, pending: 2 });
    expect(before)
      .to.have.property('database')
      .that.satisfies((text: string) => text.endsWith(pathname));
    expect((await app('plan')).json<{ steps: unknown[] }>().steps).to.have.length(2);

    const up = await app('up');
    expect(up.code, up.stdout).to.equal(0);
    const { applied, ...report } = up.json<{
      applied: { version: string; backups: string[]; effects: { tables: object } }[];
    }>();
    expect(report).to.include({ ok: true, current: '0002' });
    expect(applied.map(({ version }) => version)).to.deep.equal(['0001', '0002']);
    expect(applied[0]?.effects.tables).to.deep.equal({
      customers: { inserted: 3, updated: 0, deleted: 0 },
      orders: { inserted: 3, updated: 0, deleted: 0 },
    });
    expect(await query('SELECT name, email FROM customers ORDER BY id')).to.deep.equal([
      ['Ada', null],
      ['Grace', null],
      ['Barbara', null],
    ]);
    expect((await app('up')).json()).to.include({ ok: true, runId: null, current: '0002' });

    const history = (await app('history')).json<{ events: { position: number; type: string }[] }>();
    expect(history.events.filter(({ type }) => type === 'StepApplied')).to.have.length(2);
    expect((await app('audit')).json()).to.include({ ok: true, events: history.events.length });

    const down = await app('down');
    expect(down.code, down.stdout).to.equal(0);
    expect(down.json<{ reverted: object[] }>().reverted[0]).to.include({ version: '0002', schemaRestored: true });
    expect((await app('status')).json()).to.include({ current: '0001', pending: 1 });
    expect((await app('stamp', 'head')).code).to.equal(0);
    expect((await app('current')).json()).to.deep.equal({ ok: true, current: '0002' });
  });

  it('rolls back what would lose rows, and prints the line that allows it', async () => {
    await app('up');
    project.write('migrations/0003_purge.up.sql', 'DELETE FROM customers WHERE id <= 2;\n');
    const outcome = await app('up');
    expect(outcome.code).to.equal(1);
    const { error, state } = outcome.json<Failure>();
    expect(state).to.equal('rolled-back');
    expect(error.code).to.equal('MS-GUARD-LOSS');
    expect(error.step).to.deep.include({ version: '0003', file: 'migrations/0003_purge.up.sql' });
    expect(error.message).to.include('2 rows of customers').and.include('3 rows of orders');
    expect(error.hint).to.include('may-lose-rows table=customers').and.include('may-lose-rows table=orders');
    expect(await query('SELECT count(*)::int FROM orders')).to.deep.equal([[3]]);

    project.write(
      'migrations/0003_purge.up.sql',
      `-- migrate-safe: may-lose-rows table=customers
-- migrate-safe: may-lose-rows table=public.orders
DELETE FROM customers WHERE id <= 2;
`,
    );
    expect((await app('up')).code).to.equal(0);
    expect(await query('SELECT name FROM customers')).to.deep.equal([['Barbara']]);
    const listed = await project.run(['backup', 'list'], { DATABASE_URL: database.url });
    expect(listed.stdout).to.match(/ before 0003 .* 2 copies\n/);
    if ((await toolsAre()) !== 'missing') expect(listed.stdout).to.match(/ before a run .* archive\n/);
  });

  it('leaves nothing of a step that fails, but the record of it', async () => {
    project.write(
      'migrations/0003_half.up.sql',
      "INSERT INTO customers (name) VALUES ('Dorothy');\nCREATE TABLE made (id integer);\nSELECT nothing FROM nowhere;\n",
    );
    const outcome = await app('up');
    expect(outcome.code).to.equal(1);
    const { error, state } = outcome.json<Failure>();
    expect(state).to.equal('rolled-back');
    expect(error.step).to.deep.equal({
      version: '0003',
      file: 'migrations/0003_half.up.sql',
      line: 3,
      statement: 'SELECT nothing FROM nowhere',
    });
    expect(error.message).to.include('nowhere');
    expect(await query('SELECT count(*)::int FROM customers')).to.deep.equal([[3]]);
    expect(await query(`SELECT to_regclass('made')`)).to.deep.equal([[null]]);
    const { events } = (await app('history')).json<{ events: { type: string }[] }>();
    expect(events.slice(-3).map(({ type }) => type)).to.deep.equal(['StepFailed', 'StepRolledBack', 'RunFailed']);
  });

  it('refuses a database with tables and without a journal', async () => {
    await query('CREATE TABLE knex_migrations (id int)');
    const outcome = await app('up');
    expect(outcome.code).to.equal(3);
    expect(outcome.json<Failure>().error).to.include({ code: 'MS-NO-JOURNAL' });
    expect(outcome.json<Failure>().error.message).to.include('knex');
  });

  it('is applied by one of eight starters, and none fails', async () => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => app('up')));
    expect(outcomes.map(({ code }) => code)).to.deep.equal(Array.from({ length: 8 }, () => 0));
    const applied = outcomes.map((outcome) => outcome.json<{ applied: unknown[] }>().applied.length);
    expect(applied.toSorted((a, b) => a - b)).to.deep.equal([0, 0, 0, 0, 0, 0, 0, 2]);
    expect(await query('SELECT count(*)::int FROM customers')).to.deep.equal([[3]]);
  });

  it('says what is wrong with a server, and what to type', async () => {
    const url = new URL(database.url);
    const to = (change: (other: URL) => void): Promise<CommandOutcome> => {
      const other = new URL(url.href);
      change(other);
      return project.run(['up', '--json'], { DATABASE_URL: other.href });
    };
    const absent = await to((other) => (other.pathname = '/not_there'));
    expect(absent.code).to.equal(2);
    expect(absent.json<Failure>().error).to.include({ code: 'MS-DB-ABSENT' });
    const { username, port } = new URL(database.url);
    expect(absent.json<Failure>().error.hint).to.match(
      new RegExp(`: createdb -h \\S+ -p ${port || 5432} -U ${username} not_there `),
    );
    const plain = await to((other) => other.searchParams.set('sslmode', 'require'));
    expect(plain.code).to.equal(1);
    expect(plain.json<Failure>().error).to.include({ code: 'MS-DB-UNUSABLE', retryable: false });
    expect(plain.json<Failure>().error.message).to.include('TLS is asked for');
    expect(plain.json<Failure>().error.hint).to.include('sslmode=disable');
    const silent = await to((other) => (other.port = '1'));
    expect(silent.code).to.equal(1);
    expect(silent.json<Failure>().error.message).to.include('ECONNREFUSED');
    expect(silent.json<Failure>().error.hint).to.include('host and port');
  });

  it('does not wait for ever where somebody keeps a table to himself, and says so', async () => {
    await app('up', '--to', '0001');
    await query('CREATE VIEW names AS SELECT name FROM customers');
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    try {
      await other.query('BEGIN; LOCK TABLE names, customers IN ACCESS EXCLUSIVE MODE');
      const outcome = await app('up');
      expect(outcome.code, outcome.stdout).to.equal(4);
      const { code, message, hint } = outcome.json<Failure>().error;
      expect(code).to.equal('MS-DB-BUSY');
      expect(message).to.match(/: waited 5s for a lock that process \d+ \(\w+; idle in transaction for \d+ s: /);
      expect(hint)
        .to.match(/SELECT pg_terminate_backend\(\d+\);/)
        .and.not.include('--lock-wait');
    } finally {
      await other.end();
    }
    expect((await app('up')).code).to.equal(0);
  });

  it('finds the database by the variables of PostgreSQL’s own tools', async () => {
    const { hostname, port, username, pathname } = new URL(database.url);
    const variables = { PGHOST: hostname, PGPORT: port || '5432', PGUSER: username, PGDATABASE: pathname.slice(1) };
    const outcome = await project.run(['up', '--json'], variables);
    expect(outcome.code, outcome.stdout).to.equal(0);
    expect((await app('current')).json()).to.include({ current: '0002' });
  });
});
