// What a step on PostgreSQL may do with its transaction, how it waits for locks, and how the session is left behind.
import { expect } from 'chai';
import { judge } from '#src/core/schema/guard.js';
import { errAsync } from 'neverthrow';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { noticesTheDead } from '../support/postgres-version.js';
import { value } from '../support/project.js';

describe('a step’s transaction on PostgreSQL', () => {
  let bench: StepBench;
  beforeEach(async function () {
    bench = await stepBench(this);
    await bench.sql(
      `CREATE TABLE t (id serial PRIMARY KEY, v text, j jsonb); INSERT INTO t (v) VALUES ('a'), ('b'), ('c')`,
    );
  });
  afterEach(() => bench.close());

  const signal = new AbortController().signal;
  const setting = async (name: string): Promise<unknown> =>
    value(await bench.work.query<{ it: string }>(`SELECT current_setting('${name}', true) AS it`)).rows[0]?.it;

  it('runs with the search path of the role, and is not there before it is committed', async () => {
    const { step } = await bench.script('CREATE TABLE made (id int); INSERT INTO made VALUES (1)');
    expect(await bench.rows(`SELECT to_regclass('public.made') AS it`)).to.deep.equal([{ it: null }]);
    value(await step.commit());
    expect(await bench.rows('SELECT * FROM public.made')).to.deep.equal([{ id: 1 }]);
  });

  it('refuses what would end the transaction, before it is sent', async () => {
    for (const hidden of [
      'COMMIT',
      'END',
      'ROLLBACK',
      'BEGIN',
      'START TRANSACTION',
      `PREPARE TRANSACTION 'x'`,
      'ABORT',
    ]) {
      const fault = await bench.fault(`UPDATE t SET v = 'lost'; ${hidden}; UPDATE t SET v = 'more'`);
      expect(fault).to.deep.include({ kind: 'forbidden', what: 'transaction-control', sql: hidden });
    }
    for (const run of [
      'update t set v = 1; commit; begin',
      "set standard_conforming_strings = off; select 'a\\'; commit; --'",
    ]) {
      const step = await bench.begin();
      const knex = value(await step.handle(signal, 'work'));
      await knex.raw(run).then(
        () => expect.fail(`${run} went through`),
        () => undefined,
      );
      expect(step.fault() ?? step.lastError()).to.not.equal(undefined);
      value(await step.rollback());
    }
    expect(await bench.rows('SELECT string_agg(v, $$,$$ ORDER BY id) AS v FROM public.t')).to.deep.equal([
      { v: 'a,b,c' },
    ]);
  });

  it('notices that the transaction is another one than it began', async () => {
    const step = await bench.begin();
    value(await step.execute([{ sql: `UPDATE t SET v = 'x' WHERE id = 1`, line: 1, index: 1 }], signal));
    // As a fault of a driver would have it.
    value(await bench.work.query('COMMIT; BEGIN'));
    const seen = await step.observe();
    expect(seen.isErr() && seen.error.kind).to.equal('ended-transaction');
    value(await step.rollback());
  });

  it('refuses to change what is the engine’s own, by whatever words', async () => {
    await bench.sql(`
      CREATE SCHEMA migrate_safe; CREATE TABLE migrate_safe.events (id int); CREATE SCHEMA migrate_safe_backup;
      CREATE TABLE migrate_safe_backup.copy (id int); INSERT INTO migrate_safe_backup.copy VALUES (1);
      CREATE FUNCTION migrate_safe.refuse() RETURNS int LANGUAGE sql AS 'SELECT 1'`);
    for (const words of [
      'INSERT INTO migrate_safe.events VALUES (1)',
      `SET search_path = migrate_safe; INSERT INTO events VALUES (1)`,
      `DO $$ BEGIN EXECUTE 'delete from migrate_' || 'safe_backup.copy'; END $$`,
      'TRUNCATE migrate_safe_backup.copy',
      'DROP SCHEMA migrate_safe CASCADE',
      'DROP TABLE migrate_safe_backup.copy',
      'ALTER TABLE migrate_safe.events ADD COLUMN more int',
      `CREATE OR REPLACE FUNCTION migrate_safe.refuse() RETURNS int LANGUAGE sql AS 'SELECT 2'`,
      'CREATE TABLE migrate_safe.mine (id int)',
      'GRANT ALL ON migrate_safe.events TO public',
    ])
      expect(await bench.fault(words), words).to.deep.include({ kind: 'forbidden', what: 'journal' });
    const { step } = await bench.script('INSERT INTO t (id) SELECT 10 + count(*) FROM migrate_safe.events');
    value(await step.commit());
  });

  it('puts back what the step set, locked, made for a while and listened to, also when it is committed', async () => {
    const steps = `
      SET search_path = pg_catalog; SET statement_timeout = '1h'; SET my.own = 'x'; SET ROLE pg_monitor; SET synchronous_commit = off;
      SET standard_conforming_strings = off;
      CREATE TEMP TABLE t2 (id int); PREPARE p AS SELECT 1; LISTEN news; SELECT pg_advisory_lock(4711), pg_advisory_lock_shared(1, -2)`;
    for (const ending of ['commit', 'rollback'] as const) {
      const step = await bench.begin();
      value(
        await step.execute(
          steps.split(';').map((sql, at) => ({ sql, line: 1, index: at + 1 })),
          signal,
        ),
      );
      value(await step.observe());
      value(await step.append([], []));
      expect(await setting('synchronous_commit')).to.equal('on');
      value(await step[ending]());
      expect(await setting('search_path')).to.equal('');
      expect(await setting('statement_timeout')).to.equal('0');
      expect(await setting('my.own')).to.be.oneOf(['', null]);
      expect(await setting('role')).to.equal('none');
      expect(await setting('standard_conforming_strings')).to.equal('on');
      expect(await setting('client_connection_check_interval')).to.equal((await noticesTheDead()) ? '500ms' : null);
      expect(await setting('lock_timeout')).to.equal('5s');
      const left = `SELECT (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') AS locks,
        (SELECT count(*) FROM pg_prepared_statements WHERE from_sql) AS prepared, (SELECT count(*) FROM pg_listening_channels()) AS channels,
        to_regclass('pg_temp.t2') AS temporary`;
      expect(value(await bench.work.query(left)).rows).to.deep.equal([
        { locks: 0, prepared: 0, channels: 0, temporary: null },
      ]);
    }
  });

  it('keeps the run lock while it lets go of the step’s locks', async () => {
    value(
      await bench.work.query(`SELECT pg_advisory_lock(hashtextextended('migrate-safe:' || current_database(), 0))`),
    );
    const { step } = await bench.script('SELECT pg_advisory_lock(1); SELECT pg_advisory_lock(1)');
    value(await step.commit());
    const locks = `SELECT count(*) AS n FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'`;
    expect(value(await bench.work.query(locks)).rows).to.deep.equal([{ n: 1 }]);
  });

  it('gives code a knex that builds, binds, nests and answers as knex does', async () => {
    const { step, seen } = await bench.code(async (knex) => {
      await knex.schema.createTable('made', (table) => {
        table.increments('id');
        table.bigInteger('big');
        table.jsonb('data');
      });
      expect(
        await knex('made')
          .insert({ big: '9007199254740993', data: { a: 1 } })
          .returning('id'),
      ).to.deep.equal([{ id: 1 }]);
      expect(await knex('made').where({ id: 1 }).first('big', 'data')).to.deep.equal({
        big: '9007199254740993',
        data: { a: 1 },
      });
      expect(await knex('t').where('id', '>', 1).update({ v: 'u' })).to.equal(2);
      expect(
        (await knex.raw('select ? ::int + ? as n, j \\? ? as has from t limit 1', [1, 2, 'x'])).rows,
      ).to.deep.equal([{ n: 3, has: null }]);
      const many = await knex.raw(
        `insert into made (big) values (5); update made set big = 6 where big = 5; select big from made`,
      );
      expect(many.map(({ command }: { command: string }) => command)).to.deep.equal(['INSERT', 'UPDATE', 'SELECT']);
      await knex.transaction(async (trx) => {
        await trx('made').insert({ big: 7 });
        await trx.transaction(async (inner) => void (await inner('made').insert({ big: 8 }))).catch(() => undefined);
        const failing = trx.transaction(async (inner) => {
          await inner('made').insert({ big: 9 });
          await inner.raw('select * from nowhere');
        });
        await failing.then(
          () => expect.fail(),
          (error: Error) => expect(error.message).to.contain('nowhere'),
        );
      });
      await Promise.all([1, 2, 3, 4].map((n) => knex('t').insert({ v: `p${n}` })));
      expect(await knex.schema.hasTable('made')).to.equal(true);
    });
    expect(seen.effects.tables).to.deep.equal({
      made: { inserted: 4, updated: 1, deleted: 0 },
      t: { inserted: 4, updated: 2, deleted: 0 },
    });
    expect(seen.after.tables.map(({ name }) => name)).to.deep.equal(['made', 't']);
    value(await step.commit());
    expect(await bench.rows('SELECT big FROM public.made ORDER BY big')).to.deep.equal(
      [6, 7, 8, 9007199254740992].map((big) => ({ big })),
    );
  });

  it('uses what of the host’s knex concerns steps', async () => {
    await bench.sql('CREATE SCHEMA app; CREATE TABLE app.user_names (id int)');
    const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const { step, seen } = await bench.code((knex) => knex('userNames').insert({ id: 1 }), {
      searchPath: ['app', 'public'],
      wrapIdentifier: (name, quote) => quote(snake(name)),
    });
    expect(seen.effects.tables).to.deep.equal({ 'app.user_names': { inserted: 1, updated: 0, deleted: 0 } });
    value(await step.commit());
  });

  it('refuses a statement that comes too late, and one of a check that writes', async () => {
    const step = await bench.begin();
    const knex = value(await step.handle(signal, 'work'));
    const asking = value(await step.handle(signal, 'read'));
    await knex('t').insert({ v: 'd' });
    expect(await asking('t').count('* as n')).to.deep.equal([{ n: '4' }]);
    await asking.raw('select * from nowhere').then(
      () => expect.fail(),
      () => undefined,
    );
    expect(await asking('t').count('* as n')).to.deep.equal([{ n: '4' }]);
    value(await step.endWork());
    const late = await knex('t')
      .insert({ v: 'late' })
      .then(() => 'went through', String);
    expect(late).to.contain('too late');
    expect(step.fault()).to.deep.include({ kind: 'forbidden', what: 'closed' });
    value(await step.rollback());
    const after = await knex('t')
      .insert({ v: 'later' })
      .then(() => 'went through', String);
    expect(after).to.contain('too late');

    for (const words of [
      `insert into t (v) values ('x')`,
      `select setval('t_id_seq', 1)`,
      'with d as (delete from t returning *) select * from d',
    ]) {
      const checked = await bench.begin();
      const read = value(await checked.handle(signal, 'read'));
      await read.raw(words).then(
        () => expect.fail(`${words} went through`),
        () => undefined,
      );
      expect(checked.fault(), words).to.deep.include({ kind: 'forbidden', what: 'write-in-check' });
      value(await checked.rollback());
    }
    expect(await bench.rows('SELECT count(*) AS n FROM public.t')).to.deep.equal([{ n: 3 }]);
  });

  it('says what a failing statement said, and which it was, also where code swallowed it', async () => {
    const fault = await bench.fault(`UPDATE t SET v = 'x';\nSELECT * FROM nowhere`);
    expect(fault).to.deep.include({ kind: 'sql' });
    if (fault.kind !== 'sql') return;
    expect(fault.error).to.deep.include({ kind: 'missing-object', message: 'relation "nowhere" does not exist' });
    expect(fault.statement).to.deep.include({ sql: 'SELECT * FROM nowhere', line: 2 });
    const step = await bench.begin();
    const knex = value(await step.handle(signal, 'work'));
    await knex.raw('select * from nowhere').catch(() => undefined);
    const seen = await step.observe();
    expect(seen.isErr() && seen.error.kind === 'sql' && seen.error.error.kind).to.equal('missing-object');
    expect((await step.commit()).isErr()).to.equal(true);
  });

  it('has deferred constraints say what they say before the commit', async () => {
    await bench.sql('CREATE TABLE c (t int REFERENCES t DEFERRABLE INITIALLY DEFERRED)');
    const fault = await bench.fault('INSERT INTO c VALUES (99)');
    expect(fault.kind === 'sql' && fault.error.code).to.equal('23503');
  });

  it('refuses rows for COPY in the script, and says what to do instead', async () => {
    const step = await bench.begin();
    const knex = value(await step.handle(signal, 'work'));
    const said = await knex.raw('copy t from stdin').then(() => 'went through', String);
    expect(said).to.contain('batchInsert');
    value(await step.rollback());
  });

  it('names who holds the lock that a script waits for, and goes through when it is tried again', async function () {
    this.timeout(20_000);
    value(await bench.other.query(`SET application_name = 'nightly'`));
    value(await bench.other.query(`BEGIN; UPDATE public.t SET v = 'held' WHERE v = 'secret' OR id = 1`));
    const step = await bench.begin();
    const statements = [
      { sql: 'CREATE TABLE first (id int)', line: 1, index: 1 },
      { sql: 'ALTER TABLE t ADD COLUMN more int', line: 2, index: 2 },
    ];
    const outcome = await step.execute(statements, signal);
    expect(outcome.isErr() && outcome.error.kind).to.equal('sql');
    if (outcome.isOk() || outcome.error.kind !== 'sql') return;
    const { error, statement } = outcome.error;
    expect(statement?.index).to.equal(2);
    expect(error).to.deep.include({ kind: 'busy', transient: true });
    expect(error.message).to.match(
      new RegExp(
        `^waited 2s for a lock that process ${bench.other.processId} \\(\\w+, nightly; idle in transaction for \\d s: `,
      ),
    );
    expect(error.message).to.not.contain('secret');
    expect(error.fix).to.equal(`SELECT pg_terminate_backend(${bench.other.processId});`);
    value(
      await (step.restart?.(10) ?? errAsync({ kind: 'other', code: '', message: 'it cannot begin anew' } as const)),
    );
    // While it is not being tried nothing is held.
    value(await bench.other.query('ROLLBACK'));
    value(await step.execute(statements, signal));
    const seen = value(await step.observe());
    expect(seen.after.tables.map(({ name }) => name)).to.deep.equal(['first', 't']);
    value(await step.commit());
  });

  it('tries the first statement of code again, and no other', async function () {
    this.timeout(20_000);
    const step = await bench.begin();
    value(await bench.other.query('BEGIN; LOCK TABLE public.t'));
    const released = new Promise((resolve) => setTimeout(resolve, 2500)).then(() => bench.other.query('ROLLBACK'));
    const handle = value(await step.handle(signal, 'work'));
    await handle.raw('alter table t add column more int');
    value(await released);
    const seen = value(await step.observe());
    expect(seen.after.tables[0]?.columns.map(({ name }) => name)).to.deep.equal(['id', 'v', 'j', 'more']);
    value(await step.commit());

    const second = await bench.begin();
    value(await bench.other.query('BEGIN; LOCK TABLE public.t'));
    const knex = value(await second.handle(signal, 'work'));
    await knex.raw('create table u (id int)');
    const said = await knex.raw('alter table t add column again int').then(() => 'went through', String);
    expect(said).to.contain('lock timeout');
    expect(second.lastError()?.fix).to.contain('pg_terminate_backend');
    value(await second.rollback());
    value(await bench.other.query('ROLLBACK'));
  });

  it('stops a statement that is running', async () => {
    const step = await bench.begin();
    const running = step.execute([{ sql: 'SELECT pg_sleep(30)', line: 1, index: 1 }], signal);
    setTimeout(() => step.interrupt(), 200);
    const outcome = await running;
    expect(outcome.isErr() && outcome.error.kind === 'sql' && outcome.error.error.kind).to.equal('interrupted');
    value(await step.rollback());
    expect(value(await bench.work.query('SELECT 1 AS one')).rows).to.deep.equal([{ one: 1 }]);
  });

  it('runs without a transaction what cannot run in one', async () => {
    const step = await bench.begin({ transactional: false });
    value(await step.execute([{ sql: 'CREATE INDEX CONCURRENTLY t_v ON t (v)', line: 1, index: 1 }], signal));
    const seen = value(await step.observe());
    expect(seen.after.indexes.map(({ name }) => name)).to.deep.equal(['t_v']);
    value(await step.append([], []));
    value(await step.commit());
    expect(await setting('search_path')).to.equal('');
    expect(await setting('lock_timeout')).to.equal('5s');
  });

  it('knows what a step without a transaction lost, too', async () => {
    await bench.sql('CREATE TABLE u AS SELECT 1 AS id');
    const step = await bench.begin({ transactional: false });
    const run = async (sql: string): Promise<void> => value(await step.execute([{ sql, line: 1, index: 1 }], signal));
    await run('DELETE FROM t WHERE id = 1');
    await run('VACUUM t');
    await run('CREATE INDEX CONCURRENTLY t_v ON t (v)');
    await run('DROP TABLE u');
    for (const sql of ['BEGIN', `INSERT INTO t (v) VALUES ('own')`, 'COMMIT']) await run(sql);
    const failed = await step.execute([{ sql: 'DELETE FROM t WHERE 1 / (id - 2) = 7', line: 1, index: 1 }], signal);
    expect(failed.isErr()).to.equal(true);
    const seen = value(await step.observe());
    expect(judge(seen, {})).to.deep.equal([
      { kind: 'table-dropped', table: 'u', rows: 1, keys: [] },
      { kind: 'rows-deleted', table: 't', rows: 1, keys: ['1'] },
    ]);
    expect(seen.effects.tables).to.deep.equal({
      t: { inserted: 1, updated: 0, deleted: 1 },
      u: { inserted: 0, updated: 0, deleted: 1 },
    });
    expect(seen.after.indexes.map(({ name }) => name)).to.deep.equal(['t_v']);
    value(await step.append([], []));
    value(await step.commit());
    expect(await bench.rows('SELECT v FROM public.t ORDER BY id')).to.deep.equal(['b', 'c', 'own'].map((v) => ({ v })));
  });

  it('takes back what a step without a transaction had built, where it is rolled back', async () => {
    const step = await bench.begin({ transactional: false });
    value(await step.execute([{ sql: 'CREATE INDEX CONCURRENTLY t_v ON t (v)', line: 1, index: 1 }], signal));
    value(await step.rollback());
    expect(await bench.rows(`SELECT to_regclass('public.t_v') AS it`)).to.deep.equal([{ it: null }]);
  });

  it('lets the next step share the transaction, and looks at each by itself', async () => {
    const first = await bench.begin();
    value(await first.execute([{ sql: 'ALTER TABLE t ADD COLUMN more int', line: 1, index: 1 }], signal));
    const seen = value(await first.observe());
    const second = await first.next();
    value(await second.execute([{ sql: `INSERT INTO t (v, more) VALUES ('d', 1)`, line: 1, index: 1 }], signal));
    const seenNext = value(await second.observe());
    expect(seenNext.before).to.equal(seen.after);
    expect(seenNext.after).to.equal(seen.after);
    expect(seen.effects.tables).to.deep.equal({});
    expect(seenNext.effects.tables).to.deep.equal({ t: { inserted: 1, updated: 0, deleted: 0 } });
    expect((await second.restart?.(0))?.isErr(), 'the first would be undone with it').to.equal(true);
    expect((await first.execute([{ sql: 'SELECT 1', line: 1, index: 1 }], signal)).isErr()).to.equal(true);
    value(await second.append([], []));
    value(await second.commit());
    expect(await bench.rows('SELECT count(*) AS n, count(more) AS m FROM public.t')).to.deep.equal([{ n: 4, m: 1 }]);
  });
});
