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

  it('is a value that a shorter type cuts', async () => {
    const { step, seen } = await bench.script('ALTER TABLE t ALTER v TYPE varchar(3) USING left(v, 3)');
    value(await step.rollback());
    expect(judge(seen, {})).to.deep.equal([]);
  });
});
