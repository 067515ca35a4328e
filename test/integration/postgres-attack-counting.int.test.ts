// Steps on a PostgreSQL whose counters are turned off: what cannot be counted is not let pass.
import { expect } from 'chai';
import type { SqlError } from '#src/core/ports/session.js';
import type { StepFault } from '#src/core/ports/step-transaction.js';
import { describeFinding, judge } from '#src/core/schema/guard.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const SETUP = 'CREATE TABLE t (id int); INSERT INTO t SELECT i FROM generate_series(1, 10) AS i';
const DELETE = 'DELETE FROM t WHERE id < 5';

describe('a step on PostgreSQL where rows are not counted', () => {
  let bench: StepBench;
  afterEach(() => bench.close());

  const errorOf = (fault: StepFault): SqlError | undefined => (fault.kind === 'sql' ? fault.error : undefined);
  const turnOff = async (): Promise<void> => {
    const [name] = (await bench.rows('SELECT current_database() AS name')) as readonly { readonly name: string }[];
    await bench.sql(`${SETUP}; ALTER DATABASE ${name?.name ?? ''} SET track_counts = off`);
    value(await bench.work.reconnect());
  };

  for (const [how, script, setup = SETUP] of [
    ['before it deletes', `SET LOCAL track_counts = off; ${DELETE}`],
    ['while it deletes', `SET track_counts TO off; ${DELETE}; RESET track_counts`],
    ['by a function', `SELECT set_config('track_' || 'counts', 'off', true); ${DELETE}`],
    ['in a block', `DO $$ BEGIN SET LOCAL track_counts = off; ${DELETE}; SET LOCAL track_counts = on; END $$`],
    [
      'in a function of somebody’s',
      `SELECT f(); ${DELETE}`,
      `${SETUP}; CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET LOCAL track_counts = off; END $$`,
    ],
  ] as const)
    it(`is refused where it turns that off ${how}`, async function () {
      bench = await stepBench(this);
      await bench.sql(setup);
      expect(errorOf(await bench.fault(script))?.message).to.include('track_counts is off');
    });

  it('counts them where the database has turned that off, and the role may turn it on', async function () {
    bench = await stepBench(this);
    await turnOff();
    const { step, seen } = await bench.script(DELETE);
    value(await step.rollback());
    expect(judge(seen, {}).map(describeFinding)).to.deep.equal([
      'would lose 4 rows of t, which the step does not declare',
    ]);
  });

  it('is refused where the role may not, and told what helps', async function () {
    bench = await stepBench(this);
    await turnOff();
    await bench.sql('ALTER TABLE t OWNER TO pg_signal_backend');
    value(await bench.work.query('SET SESSION AUTHORIZATION pg_signal_backend'));
    expect(errorOf(await bench.fault(DELETE))?.fix).to.include('ALTER SYSTEM SET track_counts = on');
  });
});
