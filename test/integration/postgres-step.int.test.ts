// A step's transaction on PostgreSQL: what it is seen to do, whatever its words, and what is put back behind it.
import { expect } from 'chai';
import { judge } from '#src/core/schema/guard.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

describe('effects of a step on PostgreSQL', () => {
  let bench: StepBench;
  beforeEach(async function () {
    bench = await stepBench(this);
    await bench.sql(`
      CREATE TABLE par (id int PRIMARY KEY, note text);
      CREATE TABLE chi (id int PRIMARY KEY, par int REFERENCES par ON DELETE CASCADE, note text);
      CREATE TABLE setn (id int PRIMARY KEY, par int REFERENCES par ON DELETE SET NULL);
      CREATE INDEX ON chi (par);
      INSERT INTO par SELECT n, 'n' || n FROM generate_series(1, 10) AS n;
      INSERT INTO chi SELECT n, (n - 1) / 10 + 1, CASE WHEN n % 2 = 0 THEN 'x' END FROM generate_series(1, 100) AS n;
      INSERT INTO setn SELECT n, (n - 1) % 10 + 1 FROM generate_series(1, 20) AS n`);
  });
  afterEach(() => bench.close());

  it('has nothing to say of a step that only reads', async () => {
    const { step, seen } = await bench.script('SELECT * FROM par; SELECT 1');
    expect(seen.effects).to.deep.equal({ tables: {} });
    expect(seen.after).to.equal(seen.before);
    value(await step.commit());
  });

  it('counts what is done behind a savepoint, whatever the name of the next one is', async () => {
    for (const [outer, inner] of [
      ['"work"', 'work'],
      ['transaction', '"transaction"'],
      ['savepoint', 'SAVEPOINT'],
    ]) {
      const { step, seen } = await bench.script(
        `SAVEPOINT ${outer}; DELETE FROM setn; SAVEPOINT ${inner}; ROLLBACK TO SAVEPOINT ${outer}`,
      );
      expect(seen.deletedRows.map(({ table, rows }) => ({ table, rows }))).to.deep.equal([{ table: 'setn', rows: 20 }]);
      value(await step.rollback());
    }
  });

  it('refuses a savepoint of which the name cannot be told', async () => {
    const long = 'a'.repeat(63);
    for (const [outer, inner] of [
      ['a', 'U&"\\0061"'],
      ['a', `U&"!0061" UESCAPE '!'`],
      [long, `${long}b`],
    ])
      expect(
        await bench.fault(`SAVEPOINT ${outer}; DELETE FROM setn; SAVEPOINT ${inner}; ROLLBACK TO ${outer}`),
      ).to.include({ kind: 'forbidden', what: 'transaction-control', sql: `SAVEPOINT ${inner}` });
  });

  it('counts what cascades delete and set to NULL', async () => {
    const { step, seen } = await bench.script('DELETE FROM par WHERE id IN (1, 2)');
    expect(seen.effects.tables).to.deep.equal({
      chi: { inserted: 0, updated: 0, deleted: 20 },
      par: { inserted: 0, updated: 0, deleted: 2 },
      setn: { inserted: 0, updated: 4, deleted: 0 },
    });
    expect(seen.deletedRows.toSorted((a, b) => a.rows - b.rows)).to.deep.equal([
      { table: 'par', rows: 2, keys: ['1', '2'] },
      { table: 'chi', rows: 20, keys: ['1', '2', '3', '4', '5'] },
    ]);
    expect(seen.nulledValues).to.deep.equal([{ table: 'setn', column: 'par', rows: 4, keys: ['1', '2', '11', '12'] }]);
    expect(seen.effects.unindexedForeignKeys).to.deep.equal([{ table: 'setn', columns: ['par'], rowsRead: 40 }]);
    expect(judge(seen, {}).map(({ kind }) => kind)).to.deep.equal(['rows-deleted', 'rows-deleted', 'values-nulled']);
    expect(judge(seen, { mayLoseRows: ['par', 'chi'], mayNull: ['setn.par'] })).to.deep.equal([]);
    value(await step.rollback());
    expect(await bench.rows('SELECT count(*) AS n FROM public.chi')).to.deep.equal([{ n: 100 }]);
  });

  it('counts what triggers do', async () => {
    await bench.sql(`
      CREATE TABLE audit (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.audit (what) VALUES ('u'); DELETE FROM public.setn WHERE id = NEW.id; RETURN NEW; END $$;
      CREATE TRIGGER noted AFTER UPDATE ON par FOR EACH ROW EXECUTE FUNCTION note()`);
    const { step, seen } = await bench.script(`UPDATE par SET note = 'new' WHERE id <= 3`);
    expect(seen.effects.tables).to.deep.equal({
      audit: { inserted: 3, updated: 0, deleted: 0 },
      par: { inserted: 0, updated: 3, deleted: 0 },
      setn: { inserted: 0, updated: 0, deleted: 3 },
    });
    expect(seen.effects.sequences).to.deep.equal(['audit_id_seq']);
    expect(judge(seen, {})).to.deep.equal([{ kind: 'rows-deleted', table: 'setn', rows: 3, keys: ['1', '2', '3'] }]);
    value(await step.commit());
  });

  it('takes a row that moves between partitions for updated, and deleted ones for deleted', async () => {
    await bench.sql(`
      CREATE TABLE part (id int, at int, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
      CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
      CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20);
      INSERT INTO part SELECT n, n FROM generate_series(0, 19) AS n`);
    const moved = await bench.script('UPDATE part SET at = at + 10 WHERE at < 5; INSERT INTO part VALUES (50, 1)');
    expect(moved.seen.effects.tables).to.deep.equal({ part: { inserted: 1, updated: 5, deleted: 0 } });
    expect(judge(moved.seen, {})).to.deep.equal([]);
    value(await moved.step.rollback());
    const deleted = await bench.script('DELETE FROM part WHERE id = 3; INSERT INTO part VALUES (50, 1)');
    expect(deleted.seen.effects.tables).to.deep.equal({ part: { inserted: 1, updated: 0, deleted: 1 } });
    expect(judge(deleted.seen, {})).to.deep.equal([{ kind: 'rows-deleted', table: 'part', rows: 1, keys: ['(3,3)'] }]);
    value(await deleted.step.rollback());
    const dropped = await bench.script('DROP TABLE part_2');
    expect(judge(dropped.seen, {})).to.deep.equal([{ kind: 'table-dropped', table: 'part_2', rows: 10, keys: [] }]);
    value(await dropped.step.rollback());
    const whole = await bench.script('DROP TABLE part');
    expect(judge(whole.seen, {})).to.deep.equal([{ kind: 'table-dropped', table: 'part', rows: 20, keys: [] }]);
    value(await whole.step.rollback());
  });

  it('counts the rows that a TRUNCATE and its cascade take, and what was done before it', async () => {
    const { step, seen } = await bench.script(
      `UPDATE par SET note = 'new' WHERE id <= 3; INSERT INTO par VALUES (77); TRUNCATE par CASCADE; INSERT INTO par VALUES (1), (2)`,
    );
    expect(seen.effects.tables).to.deep.equal({
      chi: { inserted: 0, updated: 0, deleted: 100 },
      par: { inserted: 3, updated: 3, deleted: 10 },
      setn: { inserted: 0, updated: 0, deleted: 20 },
    });
    expect(seen.effects.truncated).to.deep.equal(['chi', 'par', 'setn']);
    expect(judge(seen, {})).to.deep.equal([
      { kind: 'rows-deleted', table: 'chi', rows: 100, keys: [] },
      { kind: 'rows-deleted', table: 'setn', rows: 20, keys: [] },
      { kind: 'rows-deleted', table: 'par', rows: 10, keys: [] },
    ]);
    value(await step.commit());
    expect(await bench.rows('SELECT id FROM public.par ORDER BY id')).to.deep.equal([{ id: 1 }, { id: 2 }]);
  });

  it('counts the rows of a table that is dropped, by whatever words', async () => {
    for (const script of [
      'DROP TABLE chi',
      `UPDATE chi SET note = 'u'; DROP TABLE chi`,
      `DO $$ BEGIN EXECUTE 'drop ta' || 'ble public.chi'; END $$`,
      'ALTER TABLE chi RENAME TO other; DROP TABLE other',
    ]) {
      const { step, seen } = await bench.script(script);
      expect(seen.droppedTables, script).to.deep.equal([{ table: 'chi', rows: 100, keys: [] }]);
      expect(seen.effects.tables['chi']?.deleted).to.equal(100);
      expect(judge(seen, { mayDrop: ['chi'] })).to.deep.equal([]);
      value(await step.rollback());
    }
    expect(await bench.rows('SELECT count(*) AS n FROM public.chi')).to.deep.equal([{ n: 100 }]);
  });

  it('lets an empty table and an empty column go', async () => {
    await bench.sql(`CREATE TABLE empty (id int); ALTER TABLE par ADD COLUMN nothing text`);
    const { step, seen } = await bench.script('DROP TABLE empty; ALTER TABLE par DROP COLUMN nothing');
    expect(seen.droppedTables).to.deep.equal([{ table: 'empty', rows: 0, keys: [] }]);
    expect(judge(seen, {})).to.deep.equal([]);
    value(await step.commit());
  });

  it('counts the values of a column that is dropped', async () => {
    const { step, seen } = await bench.script('ALTER TABLE chi DROP COLUMN note');
    expect(judge(seen, {})).to.deep.equal([
      { kind: 'column-dropped', table: 'chi', column: 'note', rows: 50, keys: [] },
    ]);
    value(await step.rollback());
    const added = await bench.script(
      `ALTER TABLE chi ADD COLUMN more text DEFAULT 'x'; ALTER TABLE chi DROP COLUMN more`,
    );
    expect(judge(added.seen, {})).to.deep.equal([]);
    value(await added.step.rollback());
  });

  it('tells a rewrite from a truncation, and how strongly a table was locked', async () => {
    const { step, seen } = await bench.script('ALTER TABLE chi ALTER COLUMN id TYPE bigint');
    expect(seen.effects.tables).to.deep.equal({});
    expect(seen.effects.rewritten).to.deep.equal(['chi']);
    expect(seen.effects.truncated).to.equal(undefined);
    expect(seen.effects.locks?.map(({ table, mode }) => ({ table, mode }))).to.deep.equal([
      { table: 'chi', mode: 'AccessExclusive' },
    ]);
    expect(judge(seen, {})).to.deep.equal([]);
    value(await step.commit());
  });

  it('finds values that an UPDATE sets to NULL, also behind an ALTER of the same table', async () => {
    for (const before of ['', 'ALTER TABLE chi ADD COLUMN more int;']) {
      const { step, seen } = await bench.script(
        `${before} UPDATE chi SET note = CASE WHEN note IS NULL THEN 'filled' WHEN id <= 10 THEN NULL ELSE note END`,
      );
      expect(judge(seen, {}), before).to.deep.equal([
        { kind: 'values-nulled', table: 'chi', column: 'note', rows: 5, keys: ['2', '4', '6', '8', '10'] },
      ]);
      value(await step.rollback());
    }
    const converted = await bench.script('ALTER TABLE chi ALTER COLUMN note TYPE int USING NULL::int');
    expect(judge(converted.seen, {}).map(({ kind }) => kind)).to.deep.equal(['values-nulled']);
    value(await converted.step.rollback());
  });

  it('does not wait for who waits for it', async () => {
    const third = await bench.connect();
    for (const [script, losses] of [
      ['DELETE FROM chi WHERE id = 1', [{ table: 'chi', rows: 1, keys: [] }]],
      ['UPDATE chi SET note = NULL', undefined],
    ] as const) {
      const step = await bench.begin();
      value(await step.execute([{ sql: script, line: 1, index: 1 }], new AbortController().signal));
      const waiting = third.query('BEGIN; LOCK TABLE public.chi');
      await new Promise((resolve) => setTimeout(resolve, 100));
      const seen = await step.observe();
      // What may have been set to NULL cannot be told: then it is refused, by a lock that is said to be in the way.
      expect(seen.isOk() ? seen.value.deletedRows : undefined).to.deep.equal(losses);
      if (seen.isErr()) expect(seen.error).to.have.nested.property('error.kind', 'busy');
      value(await step.rollback());
      value(await waiting);
      value(await third.query('ROLLBACK'));
    }
  });

  it('does not count what a savepoint took back', async () => {
    const { step, seen } = await bench.code(async (knex) => {
      await knex('par').insert({ id: 50 });
      await knex
        .transaction(async (trx) => {
          await trx('par').delete();
          await trx.raw('drop table chi');
          throw new Error('no');
        })
        .catch(() => undefined);
      await knex.transaction((trx) => trx('par').where({ id: 10 }).delete());
    });
    expect(seen.effects.tables['par']).to.deep.equal({ inserted: 1, updated: 0, deleted: 1 });
    expect(seen.droppedTables).to.deep.equal([]);
    expect(judge(seen, { mayNull: ['setn.par'] })).to.deep.equal([
      { kind: 'rows-deleted', table: 'chi', rows: 10, keys: ['91', '92', '93', '94', '95'] },
      { kind: 'rows-deleted', table: 'par', rows: 1, keys: ['10'] },
    ]);
    value(await step.commit());
  });

  it('names what goes along unnamed: views, triggers, indexes, checks and unique constraints', async () => {
    await bench.sql(`
      CREATE TABLE wide (a int, b int, c int, CHECK (a < b), UNIQUE (a, b));
      CREATE INDEX wide_bc ON wide (b, c);
      CREATE INDEX wide_b ON wide (b);
      CREATE VIEW over AS SELECT a FROM wide;
      CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE TRIGGER t AFTER INSERT ON wide FOR EACH ROW EXECUTE FUNCTION f()`);
    const named = async (script: string): Promise<readonly string[]> => {
      const { step, seen } = await bench.script(script);
      value(await step.rollback());
      return seen.lostObjects.map(
        ({ type, name, table }) => `${type} ${name}${table === undefined ? '' : ` of ${table}`}`,
      );
    };
    expect(await named('ALTER TABLE wide DROP COLUMN b')).to.deep.equal([
      'index wide_bc of wide',
      'check wide_check of wide',
      'unique wide_a_b_key of wide',
    ]);
    expect(await named('DROP FUNCTION f CASCADE')).to.deep.equal(['trigger wide.t of wide']);
    expect(await named('DROP TABLE wide CASCADE')).to.deep.equal(['view over']);
    expect(await named('DROP VIEW over; DROP TABLE wide')).to.deep.equal([]);
    expect(await named('ALTER TABLE wide RENAME TO wider; ALTER TABLE wider RENAME COLUMN b TO bb')).to.deep.equal([]);
    expect(await named('ALTER TABLE wide ALTER COLUMN c TYPE bigint')).to.deep.equal([]);
    expect(await named('ALTER TABLE wide DROP CONSTRAINT wide_check; DROP INDEX wide_bc')).to.deep.equal([]);
  });
});
