// What the engine has prepared on its connection, and what a step can do to that.
import { expect } from 'chai';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

describe('the engine’s prepared statements on PostgreSQL', () => {
  let bench: StepBench;
  before(async function () {
    bench = await stepBench(this);
    await bench.sql('CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2)');
  });
  after(() => bench.close());

  const names = async (): Promise<readonly string[]> =>
    value(
      await bench.work.query<{ name: string }>('SELECT name FROM pg_catalog.pg_prepared_statements ORDER BY name'),
    ).rows.map(({ name }) => name);
  const follow = async (script: string): Promise<void> => {
    const { step, seen } = await bench.script(script).catch(async (thrown: unknown) => {
      value(await bench.work.query('ROLLBACK'));
      throw thrown;
    });
    expect(seen.deletedRows).to.deep.equal([{ table: 'a', rows: 1, keys: ['1'] }]);
    value(await step.rollback());
  };

  it('outlive a step', async () => {
    await follow('DELETE FROM a WHERE id = 1');
    const before = await names();
    expect(before).to.include('migrate_safe_look_held_engine_1');
    await follow('DELETE FROM a WHERE id = 1');
    expect(await names()).to.deep.equal(before);
  });

  for (const script of [
    'DEALLOCATE ALL; DELETE FROM a WHERE id = 1',
    'DELETE FROM a WHERE id = 1; DEALLOCATE ALL',
    `DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; DELETE FROM a WHERE id = 1; END $$`,
    'DEALLOCATE $look; DELETE FROM a WHERE id = 1',
    'DEALLOCATE ALL; PREPARE $look AS SELECT 1; DELETE FROM a WHERE id = 1',
    'DEALLOCATE ALL; PREPARE $next AS SELECT 1; CREATE TABLE b (id int); DELETE FROM a WHERE id = 1',
  ])
    it(`can be taken away by ${script}`, async () => {
      await follow('DELETE FROM a WHERE id = 1');
      const look = (await names()).findLast((name) => name.startsWith('migrate_safe_look_')) ?? '';
      const next = look.replace(/\d+$/, (number) => String(Number(number) + 1));
      await follow(script.replace('$look', look).replace('$next', next));
      await follow('CREATE TABLE c (id int); DELETE FROM a WHERE id = 1');
    });

  it('are not asked for by name where a step that grew the schema put another in their place', async () => {
    const grow = 'ALTER TABLE a ADD COLUMN n int';
    for (let time = 0; time < 2; time++) await follow(`${grow}; DELETE FROM a WHERE id = 1`);
    const grown = (await names()).findLast((name) => name.startsWith('migrate_safe_grown_schema_')) ?? '';
    expect(grown).to.match(/_engine_\d+$/);
    await follow(`${grow}; DEALLOCATE ${grown}; PREPARE ${grown} AS SELECT 1; DELETE FROM a WHERE id = 1`);
    await follow(`${grow}; DELETE FROM a WHERE id = 1`);
  });

  for (const script of ['CREATE TABLE d (id int)', 'INSERT INTO a VALUES (3)'])
    it(`are not asked for by name behind a step of the same transaction that took them away: ${script}`, async () => {
      const first = await bench.script(script);
      value(await first.step.rollback());
      const { step } = await bench.script('DEALLOCATE ALL');
      const next = await step.next();
      const seen = value(await bench.run(next, script));
      expect([...seen.after.tables.map(({ name }) => name), ...Object.keys(seen.effects.tables)]).to.deep.equal(
        script.startsWith('CREATE') ? ['a', 'd'] : ['a', 'a'],
      );
      value(await next.rollback());
    });

  it('stay where what a step prepared goes', async () => {
    await follow('PREPARE theirs AS SELECT 1; PREPARE "Their other" AS SELECT 2; DELETE FROM a WHERE id = 1');
    expect(await names()).to.not.include.members(['theirs']);
    expect((await names()).filter((name) => !name.startsWith('migrate_safe_'))).to.deep.equal([]);
  });
});
