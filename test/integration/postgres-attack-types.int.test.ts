// Steps on PostgreSQL that lose values through the types of columns: each is found before it is committed.
import { expect } from 'chai';
import { declarationsFor, describeFinding, judge } from '#src/core/schema/guard.js';
import { parseDirectives } from '#src/steps/sql-directives.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

describe('a type on PostgreSQL that a step changes', () => {
  let bench: StepBench;
  beforeEach(async function () {
    bench = await stepBench(this);
    await bench.sql(`CREATE TYPE comp AS (a int, "B b" text); CREATE TYPE outer_comp AS (c comp); CREATE DOMAIN dom AS comp;
      CREATE TABLE t (id int PRIMARY KEY, c comp); INSERT INTO t VALUES (1, ROW(1, 'x')), (2, ROW(2, NULL)), (3, NULL)`);
  });
  afterEach(() => bench.close());

  /** Says what is found, and that the lines which are advised allow it. */
  const found = async (sql: string): Promise<string> => {
    const { step, seen } = await bench.script(sql);
    value(await step.rollback());
    const findings = judge(seen, {});
    const lines = declarationsFor(findings, 'sql').join('\n');
    expect(judge(seen, parseDirectives(lines)._unsafeUnwrap().declares), lines).to.deep.equal([]);
    return findings.map(describeFinding).join('; ');
  };

  const DROP = 'ALTER TYPE comp DROP ATTRIBUTE "B b"';
  const LOSSES: readonly (readonly [what: string, setup: string, step: string, finding: string])[] = [
    ['a column is of it', '', DROP, 'would drop column t.c.B b, which has a value in 1 row'],
    ['a block drops it', '', `DO $$ BEGIN ${DROP}; END $$`, 'would drop column t.c.B b, which has a value in 1 row'],
    [
      'a function drops it',
      `CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ${DROP}; RETURN 1; END $$`,
      'SELECT f()',
      'would drop column t.c.B b, which has a value in 1 row',
    ],
    [
      'a column is an array of it',
      'CREATE TABLE u (c comp[]); INSERT INTO u VALUES (ARRAY[ROW(1, $$x$$)::comp]), (NULL)',
      DROP,
      'would drop column u.c.B b, which has a value in 1 row',
    ],
    [
      'a column is of a type or a domain of it',
      'CREATE TABLE u (c outer_comp, d dom); INSERT INTO u VALUES (ROW(ROW(1, $$x$$)), NULL)',
      DROP,
      'would drop column u.c.B b, which has a value in 1 row',
    ],
    [
      'the table is the step’s alone by then',
      '',
      `ALTER TABLE t ADD x int; ${DROP}`,
      'would drop column t.c.B b, which has a value in',
    ],
    [
      'it is the type of a table’s rows',
      'CREATE TABLE r (x int, y int); CREATE TABLE u (h r); INSERT INTO u VALUES (ROW(1, 2))',
      'ALTER TABLE r DROP COLUMN y',
      'would drop column u.h.y, which has a value in 1 row',
    ],
    [
      'a partitioned table has it',
      'CREATE TABLE p (id int, c comp) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); INSERT INTO p VALUES (1, ROW(1, $$x$$))',
      DROP,
      'would drop column p.c.B b, which has a value in 1 row',
    ],
  ];
  for (const [what, setup, step, finding] of LOSSES)
    it(`is told to lose an attribute’s values where ${what}`, async () => {
      if (setup !== '') await bench.sql(setup);
      expect(await found(step)).to.include(finding);
    });

  it('may lose what no column has a value for, and grow', async () => {
    await bench.sql('CREATE TYPE free AS (a int, b int); CREATE TABLE e (c free); INSERT INTO e VALUES (ROW(1, NULL))');
    expect(await found('ALTER TYPE free DROP ATTRIBUTE b; ALTER TYPE comp ADD ATTRIBUTE n int')).to.equal('');
    const moved = `ALTER TABLE t ADD a int, ADD b text; UPDATE t SET a = (c).a, b = (c)."B b"; UPDATE t SET c = NULL; ALTER TABLE t DROP c; ${DROP}`;
    expect(await found(moved)).not.to.include('B b');
  });
});
