// Steps on PostgreSQL that empty what they drop: it is told by what was in it before.
import { expect } from 'chai';
import { describeFinding, judge } from '#src/core/schema/guard.js';
import { KNOWN_BY, stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const TABLE = 'would drop table t with its 10 rows';
const COLUMN = 'would drop column t.v, which has a value in 10 rows';
const MORE = `INSERT INTO t SELECT i, 'new' FROM generate_series(11, 20) AS i`;

for (const [how, key] of [
  ['with a primary key', 'PRIMARY KEY'],
  ['without one', 'NOT NULL'],
] as const)
  for (const [of, known] of KNOWN_BY)
    describe(`a step on PostgreSQL that empties what it drops of a table ${how}${of}`, () => {
      let bench: StepBench;
      beforeEach(async function () {
        bench = await stepBench(this, undefined, known);
        await bench.sql(`CREATE TABLE t (id int ${key}, v text); INSERT INTO t SELECT i, 'value' FROM generate_series(1, 10) AS i;
        CREATE TABLE none (id int ${key}); CREATE TABLE p (id int ${key}, v text) PARTITION BY RANGE (id);
        CREATE TABLE half PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE rest PARTITION OF p FOR VALUES FROM (10) TO (20);
        INSERT INTO p SELECT i, 'x' FROM generate_series(1, 19) AS i`);
      });
      afterEach(() => bench.close());

      for (const [script, finding] of [
        ['DELETE FROM t; DROP TABLE t', TABLE],
        ['DELETE FROM t WHERE id < 5; DROP TABLE t', TABLE],
        ['TRUNCATE t; DROP TABLE t', TABLE],
        [`${MORE}; DELETE FROM t WHERE id < 11; DROP TABLE t`, TABLE],
        [`TRUNCATE t; ${MORE}; DROP TABLE t`, TABLE],
        ['DELETE FROM p; DROP TABLE p', 'would drop table p with its 19 rows'],
        ['DELETE FROM half; DROP TABLE half', 'would lose 9 rows of p'],
        ['ALTER TABLE p DETACH PARTITION half; DELETE FROM half; DROP TABLE half', 'would lose 9 rows of p'],
        ['UPDATE t SET v = NULL; ALTER TABLE t DROP COLUMN v', COLUMN],
        ['UPDATE t SET v = NULL WHERE id < 5; ALTER TABLE t DROP COLUMN v', COLUMN],
        ['ALTER TABLE t ALTER v TYPE int USING NULL, ADD COLUMN w int; ALTER TABLE t DROP COLUMN v', COLUMN],
        ['UPDATE p SET v = NULL; ALTER TABLE p DROP COLUMN v', 'would drop column p.v, which has a value in 19 rows'],
      ] as const)
        it(`is told by ${script}`, async () => {
          const { step, seen } = await bench.script(script);
          value(await step.rollback());
          const told = judge(seen, {}).map((one) => describeFinding(one).replace(/,(?: which| and) the step .*$/, ''));
          expect(told).to.deep.equal([finding]);
        });

      for (const script of [
        'INSERT INTO none VALUES (1), (2); DELETE FROM none WHERE id = 1; DROP TABLE none',
        'ALTER TABLE t ADD COLUMN w text; UPDATE t SET w = v; UPDATE t SET w = NULL; ALTER TABLE t DROP COLUMN w',
      ])
        it(`is told nothing by ${script}`, async () => {
          const { step, seen } = await bench.script(script);
          value(await step.rollback());
          expect(judge(seen, {})).to.deep.equal([]);
        });
    });
