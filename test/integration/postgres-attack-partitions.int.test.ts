// Steps on PostgreSQL that do something to one partition of a table, and lose values in another.
import { expect } from 'chai';
import { describeFinding, judge } from '#src/core/schema/guard.js';
import { KNOWN_BY, stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const UNDECLARED = ', which the step does not declare';
const NULLED = `would set p.v to NULL in 10 rows that had a value${UNDECLARED}`;

for (const [how, key, to] of [
  ['with a primary key', 'PRIMARY KEY (id)', ''],
  ['without one', 'CHECK (id >= 0)', ', of which only the numbers of values are known'],
] as const)
  for (const [of, known] of KNOWN_BY)
    describe(`a table ${how} on PostgreSQL, one partition of which a step changes${to}${of}`, () => {
      let bench: StepBench;
      beforeEach(async function () {
        bench = await stepBench(this, undefined, known);
        await bench.sql(`CREATE TABLE p (id int, v text, ${key}) PARTITION BY RANGE (id);
        CREATE TABLE few PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE none PARTITION OF p FOR VALUES FROM (10) TO (20);
        CREATE TABLE most PARTITION OF p FOR VALUES FROM (20) TO (40);
        INSERT INTO p SELECT i, 'x' FROM generate_series(20, 29) AS i; INSERT INTO p VALUES (1, 'few')`);
      });
      afterEach(() => bench.close());

      const found = async (sql: string): Promise<readonly string[]> => {
        const { step, seen } = await bench.script(sql);
        value(await step.rollback());
        // Without the keys of rows, where they are known.
        return judge(seen, {}).map((one) => describeFinding(one).replace(/ \(.*\)$/, ''));
      };

      for (const change of [
        'TRUNCATE none',
        'LOCK TABLE none IN ACCESS EXCLUSIVE MODE',
        `ALTER TABLE none ALTER v SET DEFAULT 'y'`,
        'DROP TABLE none',
        'ALTER TABLE p DETACH PARTITION none',
      ])
        for (const script of [`${change}; UPDATE most SET v = NULL`, `UPDATE p SET v = NULL WHERE id >= 20; ${change}`])
          it(`loses values of another by ${script}`, async () => {
            expect(await found(script)).to.deep.equal([NULLED]);
          });

      for (const [change, finding] of [
        ['TRUNCATE few', [`would lose 1 row of p${UNDECLARED}`]],
        ['DROP TABLE few', [`would drop table few with its 1 row${UNDECLARED}`]],
        ['ALTER TABLE p DETACH PARTITION few', []],
      ] as const)
        for (const script of [
          `${change}; UPDATE p SET v = 'y' WHERE id >= 20`,
          `UPDATE p SET v = 'y' WHERE id >= 20; ${change}`,
        ])
          it(`loses nothing else by ${script}`, async () => {
            expect(await found(script)).to.deep.equal(finding);
          });
    });
