// Statements outside of a transaction on a real server: done whole or nothing left, whatever comes between.
import { expect } from 'chai';
import pg from 'pg';
import { undoOutside } from '#src/dao/dialects/postgres/step/outside/run-outside.js';
import { OutsideWorld } from '../support/postgres-outside.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { noticesTheDead } from '../support/postgres-version.js';
import { startScript } from '../support/processes.js';
import { value } from '../support/project.js';

const PLAIN = {
  name: 'i',
  valid: true,
  definition: 'CREATE INDEX i ON public.t USING btree (w)',
};
const SLOW = 'CREATE INDEX CONCURRENTLY i ON t (slow(id))';
const SLOW_MADE = { ...PLAIN, definition: 'CREATE INDEX i ON public.t USING btree (slow(id))' };

describe('outside of a transaction', () => {
  let database: TestDatabase;
  let world: OutsideWorld;
  beforeEach(async function () {
    database = await freshDatabase(this);
    world = await OutsideWorld.make(database.url);
  });
  afterEach(async () => {
    await world.close();
    await database.drop();
  });

  /** An invalid index of this name, as a failed build leaves it. */
  const leaveInvalid = async (name = 'i'): Promise<void> => {
    await world.client.query(`CREATE UNIQUE INDEX CONCURRENTLY ${name} ON t (v)`).catch(() => undefined);
    expect((await world.indexes()).find((index) => index.name === name)).to.have.property('valid', false);
  };
  const waitFor = async (ready: () => Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 10_000; !(await ready());) {
      if (Date.now() > end) throw new Error('it did not come to pass in time');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  /** A session that has looked at something, and does not end. */
  const withSnapshot = async (look: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; ${look}`);
    return client;
  };

  describe('CREATE INDEX CONCURRENTLY', () => {
    it('makes the index, and says what takes it back', async () => {
      const done = await world.run('CREATE INDEX CONCURRENTLY i ON t (w)');
      expect(await world.indexes()).to.deep.equal([PLAIN]);
      value(await undoOutside(world.connection, [done]));
      expect(await world.indexes()).to.deep.equal([]);
    });

    it('leaves nothing where keys are there twice, and says which', async () => {
      const options = world.counting();
      const error = await world.fails('CREATE UNIQUE INDEX CONCURRENTLY i ON t (v)', options);
      expect(error).to.include({ kind: 'constraint', code: '23505' });
      expect(error.message).to.match(/could not create unique index "i" \(Key \(v\)=\(\d+\) is duplicated\)/);
      expect(options.tries()).to.equal(1);
      expect(await world.indexes()).to.deep.equal([]);
    });

    it('does not take an invalid index for made, as IF NOT EXISTS does', async () => {
      await leaveInvalid();
      await world.run('CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (w)');
      expect(await world.indexes()).to.deep.equal([PLAIN]);
    });

    it('makes an index anew that is invalid, also without IF NOT EXISTS', async () => {
      await leaveInvalid();
      await leaveInvalid('j');
      await world.run('CREATE INDEX CONCURRENTLY i ON t (w)');
      expect((await world.indexes()).map(({ name, valid }) => [name, valid])).to.deep.equal([
        ['i', true],
        ['j', false],
      ]);
    });

    for (const [written, made] of [
      ['i ON t (w)', 'i ON t (w)'],
      [
        '"My ""I"" on" ON ONLY public.t ((t.v + 1) DESC) WHERE t.w > \'(\'',
        '"My ""I"" on" ON t ((v+1) desc) where w > \'(\'',
      ],
      ['i /* ON */ ON ONLY ( public . t ) -- (\n USING hash (w)', 'i ON t USING hash (w)'],
      [
        'i ON t (lower(w) COLLATE "C" text_pattern_ops) INCLUDE (v) WITH (fillfactor = 70)',
        'i ON t (lower(w) COLLATE "C" text_pattern_ops) INCLUDE (v) WITH (fillfactor = 70)',
      ],
    ] as const) {
      it(`takes the same index for made where it says IF NOT EXISTS: ${written}`, async () => {
        await world.client.query(`CREATE INDEX ${made}`);
        const before = await world.indexes();
        const options = world.counting();
        const done = await world.run(`CREATE INDEX CONCURRENTLY IF NOT EXISTS ${written}`, options);
        expect(options.tries()).to.equal(0);
        // What was there before is not taken back.
        expect(done).to.deep.equal({});
        expect(await world.indexes()).to.deep.equal(before);
      });
    }

    for (const other of ['i ON t (v)', 'i ON t (w DESC)', 'i ON t (w) WHERE v > 1', 'i ON u (w)']) {
      it(`does not take another index of its name for it: ${other}`, async () => {
        await world.client.query(`CREATE TABLE u (w text); CREATE INDEX ${other}`);
        const before = [await world.indexes('t'), await world.indexes('u')];
        const error = await world.fails('CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (w)');
        expect(error.code).to.equal('42P07');
        expect(error.message).to.match(/^index "i" exists already, and is another one: CREATE INDEX i ON public\./);
        expect([await world.indexes('t'), await world.indexes('u')]).to.deep.equal(before);
      });
    }

    it('does not take one for it that somebody else makes meanwhile', async () => {
      const options = world.counting(() => world.client.query('CREATE INDEX i ON t (v)'));
      const error = await world.fails('CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (w)', options);
      expect(error.code).to.equal('42P07');
      expect((await world.indexes())[0]?.definition).to.equal('CREATE INDEX i ON public.t USING btree (v)');
    });

    it('does not take what it cannot compare for made', async () => {
      await world.client.query(`
        CREATE FUNCTION whole(t) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.w'; CREATE INDEX i ON t (whole(t))`);
      const sql = 'CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (whole(t))';
      expect((await world.fails(sql)).message).to.match(/whether it is this one cannot be told/);
      await world.client.query('DROP INDEX i');
      await world.run(sql);
      expect(await world.indexes()).to.have.length(1);
    });

    it('leaves it to the server what it thinks of an index that is there, unless the step is repeated', async () => {
      await world.run('CREATE INDEX CONCURRENTLY i ON t (w)');
      const sql = 'CREATE INDEX CONCURRENTLY i ON t (w)';
      expect((await world.fails(sql)).code).to.equal('42P07');
      await world.run(sql, { repeats: true });
      expect(await world.indexes()).to.deep.equal([PLAIN]);
      expect((await world.fails('CREATE INDEX CONCURRENTLY i ON t (v)', { repeats: true })).message).to.match(
        /is another one/,
      );
    });

    it('knows an index that has no name again', async () => {
      const sql = 'CREATE INDEX CONCURRENTLY ON t (w, v)';
      const done = await world.run(sql);
      await world.run(sql, { repeats: true });
      expect((await world.indexes()).map(({ name }) => name)).to.deep.equal(['t_w_v_idx']);
      value(await undoOutside(world.connection, [done]));
      expect(await world.indexes()).to.deep.equal([]);
      await leaveInvalid('t_v_idx');
      await leaveInvalid('other');
      await world.client.query('ALTER TABLE t ADD x int');
      expect((await world.fails('CREATE UNIQUE INDEX CONCURRENTLY ON t (v)')).code).to.equal('23505');
      expect(await world.indexes()).to.deep.equal([]);
    });

    it('is tried three times against a time limit, and leaves nothing', async () => {
      value(await world.connection.query(`SET statement_timeout = '100ms'`));
      const options = world.counting();
      expect((await world.fails(SLOW, options)).code).to.equal('57014');
      expect(options.tries()).to.equal(3);
      expect(await world.indexes()).to.deep.equal([]);
      expect(value(await world.connection.all('SHOW statement_timeout'))).to.deep.equal([
        { statement_timeout: '100ms' },
      ]);
    });

    it('is not tried again where somebody cancelled it', async () => {
      value(await world.connection.query(`SET statement_timeout = '1min'`));
      const options = world.counting();
      const failing = world.fails(SLOW, options);
      await waitFor(async () => (await world.builders()).length > 0);
      await world.client.query('SELECT pg_cancel_backend($1)', [world.connection.processId]);
      expect((await failing).code).to.equal('57014');
      expect(options.tries()).to.equal(1);
      expect(await world.indexes()).to.deep.equal([]);
    });

    it('gives up behind an old snapshot and leaves nothing', async () => {
      const reader = await withSnapshot('SELECT 1 FROM pg_class');
      value(await world.connection.query(`SET lock_timeout = '100ms'`));
      const options = world.counting();
      expect(await world.fails('CREATE INDEX CONCURRENTLY i ON t (w)', options)).to.include({
        kind: 'busy',
        code: '55P03',
      });
      expect(options.tries()).to.equal(3);
      expect(await world.indexes()).to.deep.equal([]);
      await reader.end();
    });

    it('comes through once the old snapshot is gone', async () => {
      const reader = await withSnapshot('SELECT 1 FROM pg_class');
      value(await world.connection.query(`SET lock_timeout = '100ms'`));
      const options = world.counting(async (tries) => (tries === 2 ? reader.end() : undefined));
      await world.run('CREATE INDEX CONCURRENTLY i ON t (w)', options);
      expect(options.tries()).to.equal(2);
      expect(await world.indexes()).to.deep.equal([PLAIN]);
    });

    it('goes on after its server process was ended in the middle', async () => {
      const failing = world.fails(SLOW);
      await waitFor(async () => (await world.builders()).length > 0);
      await world.client.query('SELECT pg_terminate_backend($1)', [world.connection.processId]);
      expect((await failing).kind).to.equal('connection-lost');
      expect(await world.indexes()).to.deep.equal([{ ...SLOW_MADE, valid: false }]);
      value(await world.connection.reconnect());
      value(await world.connection.query('SET search_path = public'));
      await world.run(SLOW, { repeats: true });
      expect(await world.indexes()).to.deep.equal([SLOW_MADE]);
    });

    it('goes on after its process was killed in the middle', async () => {
      // Longer than the server takes to see that nobody is there any more.
      await world.client.query('INSERT INTO t SELECT n, n FROM generate_series(21, 120) AS n');
      const { child, ended } = startScript('postgres-outside-child.js', [database.url, SLOW]);
      await waitFor(async () => (await world.builders()).length > 0);
      child.kill('SIGKILL');
      await ended;
      // Who takes the run lock has waited for this; the server notices within half a second.
      await waitFor(async () => (await world.builders()).length === 0);
      expect(await world.indexes()).to.deep.equal([{ ...SLOW_MADE, valid: !(await noticesTheDead()) }]);
      await world.run(SLOW, { repeats: true });
      expect(await world.indexes()).to.deep.equal([SLOW_MADE]);
    });

    it('leaves an index alone that somebody is just building', async () => {
      await world.client.query('INSERT INTO t SELECT n, n FROM generate_series(21, 200) AS n');
      const building = world.client.query(SLOW);
      await waitFor(async () =>
        value(
          await world.connection.all<{ there: boolean }>(
            `SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database()) AS there`,
          ),
        ).some(({ there }) => there),
      );
      const options = world.counting();
      const error = await world.fails('CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (w)', options);
      expect(error.kind).to.equal('busy');
      expect(error.message).to.match(/^process \d+ is building an index on the table of i$/);
      expect(options.tries()).to.equal(0);
      await building;
      expect(await world.indexes()).to.deep.equal([SLOW_MADE]);
    });

    it('says what the server says of a table that is not there', async () => {
      expect((await world.fails('CREATE INDEX CONCURRENTLY i ON nowhere (w)')).code).to.equal('42P01');
      expect((await world.fails('CREATE INDEX CONCURRENTLY i ON t (nothing)')).code).to.equal('42703');
    });
  });

  describe('DROP INDEX CONCURRENTLY', () => {
    beforeEach(async () => {
      await world.client.query('CREATE UNIQUE INDEX i ON t (w) WHERE v > 0');
    });

    it('drops the index, and says how it comes back', async () => {
      const before = await world.indexes();
      const done = await world.run('DROP INDEX CONCURRENTLY i');
      expect(await world.indexes()).to.deep.equal([]);
      value(await undoOutside(world.connection, [done]));
      expect(await world.indexes()).to.deep.equal(before);
    });

    it('finds an index gone only where the step is repeated', async () => {
      await world.client.query('DROP INDEX i');
      expect((await world.fails('DROP INDEX CONCURRENTLY i')).code).to.equal('42704');
      await world.run('DROP INDEX CONCURRENTLY i', { repeats: true });
      await world.run('DROP INDEX CONCURRENTLY IF EXISTS i');
    });

    it('goes on where it stopped half-way', async () => {
      const reader = await withSnapshot('SELECT count(*) FROM t');
      value(await world.connection.query(`SET lock_timeout = '100ms'`));
      const options = world.counting();
      expect((await world.fails('DROP INDEX CONCURRENTLY i', options)).code).to.equal('55P03');
      expect(options.tries()).to.equal(3);
      expect((await world.indexes()).map(({ valid }) => valid)).to.deep.equal([false]);
      await reader.end();
      await world.run('DROP INDEX CONCURRENTLY i', { repeats: true });
      expect(await world.indexes()).to.deep.equal([]);
    });
  });

  describe('REINDEX CONCURRENTLY', () => {
    for (const sql of [
      'REINDEX INDEX CONCURRENTLY i',
      'REINDEX TABLE CONCURRENTLY t',
      'REINDEX SCHEMA CONCURRENTLY public',
    ]) {
      it(`takes away the twins that were left: ${sql}`, async () => {
        await world.client.query(`CREATE INDEX i ON t (slow(id)); SET statement_timeout = '100ms'`);
        await world.client.query('REINDEX INDEX CONCURRENTLY i').catch(() => undefined);
        await world.client.query(`RESET statement_timeout; CREATE INDEX j_ccnew ON t (w)`);
        await leaveInvalid('k');
        expect((await world.indexes()).map(({ name, valid }) => [name, valid])).to.deep.equal([
          ['i', true],
          ['i_ccnew', false],
          ['j_ccnew', true],
          ['k', false],
        ]);
        await world.run(sql);
        expect((await world.indexes()).map(({ name, valid }) => [name, valid])).to.deep.equal([
          ['i', true],
          ['j_ccnew', true],
          ['k', false],
        ]);
      });
    }

    it('leaves no twin where it gives up', async () => {
      await world.client.query('CREATE INDEX i ON t (slow(id))');
      value(await world.connection.query(`SET statement_timeout = '100ms'`));
      const options = world.counting();
      expect((await world.fails('REINDEX INDEX CONCURRENTLY i', options)).code).to.equal('57014');
      expect(options.tries()).to.equal(3);
      expect(await world.indexes()).to.deep.equal([SLOW_MADE]);
    });
  });

  describe('DETACH PARTITION CONCURRENTLY', () => {
    const sql = 'ALTER TABLE p DETACH PARTITION q CONCURRENTLY';
    const links = async (): Promise<unknown[]> =>
      (await world.client.query(`SELECT inhdetachpending AS pending FROM pg_inherits WHERE inhparent = 'p'::regclass`))
        .rows;
    beforeEach(async function () {
      const { rows } = await world.client.query<{ v: number }>(
        `SELECT current_setting('server_version_num')::int AS v`,
      );
      if ((rows[0]?.v ?? 0) < 140_000) this.skip();
      await world.client.query(
        'CREATE TABLE p (x int) PARTITION BY LIST (x); CREATE TABLE q PARTITION OF p FOR VALUES IN (1); INSERT INTO p VALUES (1)',
      );
    });

    it('is finalized where it stopped half-way', async () => {
      const reader = await withSnapshot('SELECT * FROM p');
      value(await world.connection.query(`SET lock_timeout = '100ms'`));
      const options = world.counting(async (tries) => (tries === 3 ? reader.end() : undefined));
      await world.run(sql, options);
      expect(options.tries()).to.equal(3);
      expect(await links()).to.deep.equal([]);
      expect((await world.client.query('SELECT x FROM q')).rows).to.deep.equal([{ x: 1 }]);
    });

    it('is finalized by the next run, and done where it was done', async () => {
      const reader = await withSnapshot('SELECT * FROM p');
      value(await world.connection.query(`SET lock_timeout = '100ms'`));
      expect((await world.fails(sql)).code).to.equal('55P03');
      expect(await links()).to.deep.equal([{ pending: true }]);
      await reader.end();
      await world.run(sql, { repeats: true });
      expect(await links()).to.deep.equal([]);
      await world.run(sql, { repeats: true });
      expect((await world.fails(sql)).code).to.equal('42P01');
    });
  });

  it('runs what leaves nothing as it is', async () => {
    await world.run('VACUUM (ANALYZE) t');
    await world.run(`SET work_mem = '7MB'`);
    expect(value(await world.connection.all('SHOW work_mem'))).to.deep.equal([{ work_mem: '7MB' }]);
    const options = world.counting();
    expect((await world.fails('VACUUM nowhere', options)).code).to.equal('42P01');
    expect(options.tries()).to.equal(1);
  });

  it('takes several statements back, last first', async () => {
    const before = await world.indexes();
    const done = [
      await world.run('CREATE INDEX CONCURRENTLY i ON t (w)'),
      await world.run('ANALYZE t'),
      await world.run('DROP INDEX CONCURRENTLY i'),
      await world.run('CREATE INDEX CONCURRENTLY i ON t (v)'),
    ];
    value(await undoOutside(world.connection, done));
    expect(await world.indexes()).to.deep.equal(before);
  });
});
