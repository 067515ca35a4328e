// Steps on PostgreSQL behind which rows point at nothing, though the server looks after foreign keys.
import { expect } from 'chai';
import { describeFinding, judge } from '#src/core/schema/guard.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const BROKEN = 'would leave 1 row of child pointing at rows of parent that are not there';
const DELETE = 'DELETE FROM parent WHERE id = 1';
const off = (body: string): string => `CREATE FUNCTION off() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${body}; END $$`;
/** As those do that only mark a row as deleted. */
const keeping = (when: string, result: string): string =>
  `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN ${result}; END $$;
   CREATE TRIGGER keep ${when} ON child FOR EACH ROW EXECUTE FUNCTION keep()`;

describe('a step on PostgreSQL that leaves rows pointing at nothing', () => {
  let bench: StepBench;
  beforeEach(async function () {
    bench = await stepBench(this);
    await bench.sql(`CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent SELECT generate_series(1, 5);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
      INSERT INTO child SELECT i, i FROM generate_series(1, 4) AS i`);
  });
  afterEach(() => bench.close());

  const found = async (sql: string): Promise<readonly string[]> => {
    const { step, seen } = await bench.script(sql);
    value(await step.rollback());
    return judge(seen, { mayLoseRows: ['parent', 'child'] }).map(describeFinding);
  };

  for (const [how, setup, step] of [
    [
      'by a function that turns triggers off',
      off('SET LOCAL session_replication_role = replica'),
      `SELECT off(); ${DELETE}`,
    ],
    [
      'by a setting with a name in parts',
      '',
      `SELECT set_config('session_' || 'replication_role', 'replica', true); ${DELETE}`,
    ],
    [
      'by a function that turns those of a table off',
      off('ALTER TABLE public.parent DISABLE TRIGGER ALL'),
      `SELECT off(); ${DELETE}`,
    ],
    [
      'by a function that turns them on again',
      off(
        `ALTER TABLE public.parent DISABLE TRIGGER ALL; ${DELETE.replace('parent', 'public.parent')}; ALTER TABLE public.parent ENABLE TRIGGER ALL`,
      ),
      `SELECT off()`,
    ],
    ['by hand', '', `UPDATE pg_trigger SET tgenabled = 'D' WHERE tgrelid = 'parent'::regclass; ${DELETE}`],
    ['where a trigger keeps rows that would be deleted with theirs', keeping('BEFORE DELETE', 'NULL'), DELETE],
    [
      'where a trigger keeps what would be changed with theirs',
      keeping('BEFORE UPDATE', 'OLD'),
      'UPDATE parent SET id = 9 WHERE id = 1',
    ],
  ] as const)
    it(`is told ${how}`, async () => {
      if (setup !== '') await bench.sql(setup);
      expect(await found(step)).to.deep.equal([BROKEN]);
    });

  it('is told nothing where a trigger lets them go', async () => {
    await bench.sql(keeping('BEFORE DELETE', 'OLD'));
    expect(await found(DELETE)).to.deep.equal([]);
  });
});
