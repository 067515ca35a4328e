// Steps on PostgreSQL that move sequences and are rolled back: sequences go back for nobody, and give no number twice.
import { expect } from 'chai';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

describe('a sequence on PostgreSQL that a failed step has moved', () => {
  let bench: StepBench;
  beforeEach(async function () {
    bench = await stepBench(this);
    await bench.sql(`CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) SELECT 'v' FROM generate_series(1, 10);
      CREATE SEQUENCE "Down" INCREMENT -1; SELECT nextval('"Down"') FROM generate_series(1, 10);
      CREATE SEQUENCE round MAXVALUE 5 CYCLE; SELECT nextval('round'); CREATE SEQUENCE fresh;
      CREATE FUNCTION rewind() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN setval('t_id_seq', 1); END $$`);
  });
  afterEach(() => bench.close());

  const next = async (name: string): Promise<unknown> =>
    (await bench.rows(`SELECT nextval('public.${name}')::int AS n`)).map((row) => (row as { n: number }).n)[0];

  for (const [how, sql] of [
    ['by setval', `SELECT setval('t_id_seq', 1)`],
    ['by setval, to where it has not begun', `SELECT pg_catalog.setval('t_id_seq', 1, false)`],
    ['in a block', `DO $$ BEGIN PERFORM setval('t_id_seq', 1); END $$`],
    ['by a function', 'SELECT rewind()'],
    ['by a function, in an INSERT', `INSERT INTO t SELECT 100 + rewind(), 'x'`],
  ] as const)
    it(`is where it was after the rollback, where that was done ${how}`, async () => {
      const { step } = await bench.script(sql);
      value(await step.rollback());
      expect(await next('t_id_seq')).to.equal(11);
    });

  it('is where it was where the step failed', async () => {
    await bench.fault(`SELECT setval('t_id_seq', 1); SELECT nextval('t_id_seq'); SELECT 1/0`);
    expect(await next('t_id_seq')).to.equal(11);
    await bench.fault(`SELECT setval('"Down"', -1); SELECT 1/0`);
    expect(await next('"Down"')).to.equal(-11);
  });

  it('is not taken back over what was drawn by others', async () => {
    const step = await bench.begin();
    value(await bench.run(step, `SELECT setval('t_id_seq', 1)`));
    await bench.rows(`SELECT nextval('public.t_id_seq') FROM generate_series(1, 30)`);
    value(await step.rollback());
    expect(await next('t_id_seq')).to.equal(32);
    const other = await bench.begin();
    value(await bench.run(other, `SELECT setval('t_id_seq', 50)`));
    value(await other.rollback());
    expect(await next('t_id_seq')).to.equal(51);
  });

  it('is left alone where it goes round by itself, or had not begun', async () => {
    const { step } = await bench.script(`SELECT setval('round', 5), setval('fresh', 7); SELECT nextval('round')`);
    value(await step.rollback());
    expect([await next('round'), await next('fresh')]).to.deep.equal([2, 8]);
  });

  it('stays where the step has put it, and committed that', async () => {
    const { step } = await bench.script(`SELECT setval('t_id_seq', 5)`);
    value(await step.commit());
    expect(await next('t_id_seq')).to.equal(6);
  });

  it('keeps nobody from it who has it for himself, or whom the step keeps from it', async () => {
    const { step } = await bench.script(`ALTER SEQUENCE t_id_seq INCREMENT 2; SELECT setval('t_id_seq', 1)`);
    value(await step.rollback());
    value(await bench.other.query('BEGIN; ALTER SEQUENCE public.t_id_seq INCREMENT 2'));
    const { step: second } = await bench.script(`SELECT setval('"Down"', -1)`);
    value(await second.rollback());
    value(await bench.other.query('ROLLBACK'));
    expect(await next('"Down"')).to.equal(-11);
  });
});
