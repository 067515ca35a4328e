// What the guard does not see on PostgreSQL, as the documentation says: whoever closes one of these changes its line there.
import { expect } from 'chai';
import { judge } from '#src/core/schema/guard.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

describe('what the guard does not see on PostgreSQL', () => {
  let bench: StepBench;
  beforeEach(async function () {
    bench = await stepBench(this);
    await bench.sql(
      `CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'value' FROM generate_series(1, 10) AS i`,
    );
  });
  afterEach(() => bench.close());

  it('is a procedure that commits inside itself: a step’s transaction refuses it, outside of one it is not counted', async () => {
    await bench.sql('CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM public.t; COMMIT; END $$');
    const fault = await bench.fault('CALL p()');
    expect(fault.kind === 'sql' && fault.error.code).to.equal('2D000');
    const step = await bench.begin({ transactional: false });
    value(await step.execute([{ sql: 'CALL p()', line: 1, index: 1 }], new AbortController().signal));
    const seen = value(await step.observe());
    value(await step.rollback());
    expect(seen.deletedRows).to.deep.equal([]);
    expect(await bench.rows('SELECT id FROM public.t')).to.deep.equal([]);
  });

  it('is a value that a cast of somebody’s own makes NULL', async () => {
    await bench.sql(`CREATE FUNCTION number(text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT NULL::int';
      CREATE CAST (text AS int) WITH FUNCTION number(text) AS ASSIGNMENT`);
    const judged = async (sql: string): Promise<number> => {
      const { step, seen } = await bench.script(sql);
      value(await step.rollback());
      return judge(seen, {}).length;
    };
    expect(await judged('ALTER TABLE t ALTER v TYPE int')).to.equal(0);
    expect(await judged('ALTER TABLE t ALTER v TYPE int USING number(v)')).to.equal(1);
  });

  it('is a value that becomes NULL while as many rows without one are deleted, where there is no primary key', async () => {
    await bench.sql(`CREATE TABLE n (v text); INSERT INTO n SELECT v FROM t; INSERT INTO n SELECT NULL FROM t`);
    const { step, seen } = await bench.script('DELETE FROM n WHERE v IS NULL; UPDATE n SET v = NULL');
    value(await step.rollback());
    expect(judge(seen, { mayLoseRows: ['n'] })).to.deep.equal([]);
  });

  it('is what a trigger takes from a partitioned table, and puts there, while another one is updated', async () => {
    await bench.sql(`CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
      INSERT INTO p SELECT generate_series(1, 9); CREATE TABLE o (a int); INSERT INTO o VALUES (1);
      CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        DELETE FROM p WHERE id < 4; INSERT INTO p SELECT generate_series(20, 22); RETURN NULL; END $$;
      CREATE TRIGGER g AFTER UPDATE ON o FOR EACH ROW EXECUTE FUNCTION g()`);
    const { step, seen } = await bench.script('UPDATE o SET a = 2');
    value(await step.rollback());
    expect(judge(seen, {})).to.deep.equal([]);
  });

  it('is a row that a function of a superuser’s deletes while it has the counters turned off', async () => {
    await bench.sql(`CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
      SET LOCAL track_counts = off; DELETE FROM t; SET LOCAL track_counts = on; END $$`);
    const { step, seen } = await bench.script('SELECT f()');
    value(await step.rollback());
    expect(judge(seen, {})).to.deep.equal([]);
  });

  it('is what a table that is made again had besides its parts', async () => {
    await bench.sql(`CREATE TABLE again (id int GENERATED ALWAYS AS IDENTITY, v text NOT NULL);
      ALTER TABLE again ENABLE ROW LEVEL SECURITY, REPLICA IDENTITY FULL, SET (fillfactor = 50);
      CREATE PUBLICATION one FOR TABLE again; CREATE STATISTICS st ON id, v FROM again`);
    const { step, seen } = await bench.script('DROP TABLE again; CREATE TABLE again (id int, v text)');
    value(await step.rollback());
    expect(judge(seen, {})).to.deep.equal([]);
  });

  it('is a value that a shorter type cuts', async () => {
    const { step, seen } = await bench.script('ALTER TABLE t ALTER v TYPE varchar(3) USING left(v, 3)');
    value(await step.rollback());
    expect(judge(seen, {})).to.deep.equal([]);
  });
});
