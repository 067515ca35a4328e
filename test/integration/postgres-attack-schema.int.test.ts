// Random steps in one transaction on PostgreSQL: what each tells of the schema behind it is all that is there.
import { expect } from 'chai';
import type { StepTransaction } from '#src/core/ports/step-transaction.js';
import { inspectSchema } from '#src/dao/dialects/postgres/inspect/inspector.js';
import { FUNCTIONS, LOUD_SETUP, QUIET_SETUP, RandomDdl } from '../support/random-ddl.js';
import { Random } from '../support/random.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const SEED = Number(process.env['MIGRATE_SAFE_SEED'] ?? 20_261_121);

/** What changes more than what it touches, or the schema behind the words of a statement that changes rows. */
const ALSO = [
  'ALTER TABLE t1 ADD COLUMN c0 int',
  `CREATE TABLE n (id int); COMMENT ON TABLE n IS 'new'; ALTER TABLE parts ADD COLUMN d0 int, ADD COLUMN c1 int`,
  `UPDATE pg_enum SET enumlabel = 'fine' WHERE enumlabel = 'ok'`,
  'CREATE TEMP TABLE pg_class AS SELECT * FROM pg_catalog.pg_class LIMIT 0; ALTER TABLE t1 ADD COLUMN c0 int',
  'CREATE TEMP TABLE pg_constraint AS SELECT conname FROM pg_catalog.pg_constraint LIMIT 0; ALTER TABLE t1 ADD COLUMN c0 int CHECK (c0 > 0)',
  `INSERT INTO pg_catalog.pg_enum VALUES (999999, (SELECT oid FROM pg_type WHERE typname = 'mood'), 9, 'fine')`,
];

for (const [what, setup, functions] of [
  ['nothing runs behind statements', QUIET_SETUP, []],
  ['functions and triggers do', LOUD_SETUP, FUNCTIONS],
] as const)
  describe(`the schema behind random steps on PostgreSQL, where ${what}`, () => {
    let bench: StepBench;
    before(async function () {
      bench = await stepBench(this);
      await bench.sql(setup);
    });
    afterEach(async () => void (await bench.work.query('ROLLBACK')));
    after(() => bench.close());

    const whole = async (): Promise<unknown> => {
      value(await bench.work.query(`SAVEPOINT looking; SET LOCAL search_path = pg_catalog, pg_temp`));
      const schema = value(await inspectSchema(bench.work));
      value(await bench.work.query('ROLLBACK TO looking; RELEASE looking'));
      return schema;
    };

    /** Steps in one transaction; gives how many there were before one that could not be done. */
    async function compare(seed: number, scripts: Iterable<string>): Promise<number> {
      const done: string[] = [];
      let step: StepTransaction = await bench.begin();
      for (const script of scripts) {
        done.push(script);
        const seen = await bench.run(step, script);
        if (seen.isErr()) {
          value(await step.rollback());
          return done.length - 1;
        }
        expect(seen.value.after, `seed ${seed}: ${done.join('\n')}`).to.deep.equal(await whole());
        step = await step.next();
      }
      value(await step.rollback());
      return done.length;
    }

    const behind = functions.filter((name) => name !== 'swaps').map((name) => `UPDATE t1 SET d0 = ${name}()`);
    for (const script of [...ALSO, ...behind, ...functions.map((name) => `SELECT ${name}()`)])
      it(`is all that is there behind ${script}`, async () => {
        expect(await compare(0, [script])).to.equal(1);
      });

    it('is all that is there behind a column that a function’s body is told with', async function () {
      const atomic = 'BEGIN ATOMIC SELECT count(*) FROM t0 JOIN t1 USING (id) JOIN t2 USING (c0); END';
      const asked = await bench.other.query<{ n: number }>(`SELECT current_setting('server_version_num')::int AS n`);
      if ((value(asked).rows[0]?.n ?? 0) < 140_000) return this.skip();
      await bench.sql(`CREATE FUNCTION counts() RETURNS bigint ${atomic}`);
      expect(await compare(0, ['ALTER TABLE t1 ADD COLUMN c0 int', 'ALTER TABLE t1 ADD COLUMN c9 int'])).to.equal(2);
      return bench.sql('DROP FUNCTION counts');
    });

    it('is all that is there, where several that only add share a transaction', async () => {
      let compared = 0;
      for (let seed = SEED; seed < SEED + 20; seed++) {
        const ddl = new RandomDdl(new Random(seed), functions);
        compared += await compare(
          seed,
          Array.from({ length: 6 }, () => ddl.adding()),
        );
      }
      expect(compared).to.be.greaterThan(100);
    });

    it('is all that is there, where one does anything', async () => {
      let compared = 0;
      for (let seed = SEED; seed < SEED + 60; seed++)
        compared += await compare(seed, [new RandomDdl(new Random(seed), functions).any()]);
      expect(compared).to.be.greaterThan(50);
    });
  });
