// Steps on PostgreSQL that lose rows or values where nobody else can look any more: each is found before it is committed.
import { expect } from 'chai';
import { describeFinding, judge } from '#src/core/schema/guard.js';
import { KNOWN_BY, stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const NULLED = 'would set t.v to NULL in 10 rows';
const NULLING = 'UPDATE t SET v = NULL';
const called = (body: string): string =>
  `CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN 1; END $$`;
const onInsert = (body: string, when = 'TRIGGER g AFTER INSERT ON other'): string =>
  `CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NULL; END $$;
   CREATE ${when} FOR EACH ROW EXECUTE FUNCTION g()`;
const PARTED = `CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
  INSERT INTO p SELECT i, 'x' FROM generate_series(1, 9) AS i`;

for (const [of, known] of KNOWN_BY)
  describe(`a step on PostgreSQL that hides what it loses of tables${of}`, () => {
    let bench: StepBench;
    beforeEach(async function () {
      bench = await stepBench(this, undefined, known);
      await bench.sql(`
      CREATE TABLE t (id int PRIMARY KEY, v text, w text); INSERT INTO t SELECT i, 'v' || i, 'w' || i FROM generate_series(1, 10) AS i;
      CREATE TABLE other (a int, b text); INSERT INTO other SELECT i, 'b' FROM generate_series(1, 10) AS i`);
    });
    afterEach(() => bench.close());

    const found = async (sql: string): Promise<string> => {
      const { step, seen } = await bench.script(sql);
      value(await step.rollback());
      return judge(seen, {}).map(describeFinding).join('; ');
    };

    const ATTACKS: readonly (readonly [claim: string, setup: string, step: string, finding: string])[] = [
      ['before it changes the table', '', `${NULLING}; ALTER TABLE t ADD x int`, NULLED],
      ['before and after it does', '', `${NULLING}; ALTER TABLE t ADD x int; UPDATE t SET x = 1`, NULLED],
      ['under a new name', '', 'ALTER TABLE t RENAME TO u; UPDATE u SET v = NULL', NULLED],
      [
        'by a conversion, under a new name',
        '',
        'ALTER TABLE t RENAME TO u; ALTER TABLE u ALTER v TYPE int USING NULL',
        NULLED,
      ],
      ['by a conversion, by a name in escapes', '', 'ALTER TABLE U&"\\0074" ALTER v TYPE int USING NULL', NULLED],
      [
        'in a DO block that changes the table too',
        '',
        `DO $$ BEGIN ALTER TABLE t ADD x int; ${NULLING}; END $$`,
        NULLED,
      ],
      [
        'through a view',
        'CREATE VIEW vw AS SELECT * FROM t',
        'ALTER TABLE t ADD x int; UPDATE vw SET v = NULL',
        NULLED,
      ],
      ['through a function', called(NULLING), 'ALTER TABLE t ADD x int; SELECT f()', NULLED],
      [
        'through a function that changes the table too',
        called(`ALTER TABLE t ADD x int; ${NULLING}`),
        'SELECT f()',
        NULLED,
      ],
      ['through a trigger', onInsert(NULLING), 'ALTER TABLE t ADD x int; INSERT INTO other VALUES (1)', NULLED],
      ['through EXPLAIN', '', `ALTER TABLE t ADD x int; EXPLAIN ANALYZE ${NULLING}`, NULLED],
      ['while it gives the rows other keys', '', 'UPDATE t SET id = id + 1000, v = NULL', NULLED],
      [
        'while it gives the table another key',
        '',
        `${NULLING}; ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (w)`,
        NULLED,
      ],
      [
        'in another time zone',
        'CREATE TABLE ev (at timestamptz PRIMARY KEY, v text); INSERT INTO ev VALUES (now(), $$a$$)',
        `SET timezone = 'Asia/Tokyo'; UPDATE ev SET v = NULL`,
        'would set ev.v to NULL in 1 row',
      ],
      [
        'by a foreign key’s action',
        'CREATE TABLE child (id int PRIMARY KEY, tid int REFERENCES t ON UPDATE SET NULL); INSERT INTO child SELECT id, id FROM t',
        'ALTER TABLE child ADD x int; UPDATE t SET id = id + 100',
        'would set child.tid to NULL in 10 rows',
      ],
      [
        'of a table that inherits',
        'CREATE TABLE c () INHERITS (t); INSERT INTO c VALUES (100, $$x$$)',
        `ALTER TABLE t ALTER v TYPE int USING CASE WHEN v <> 'x' THEN 1 END`,
        'would set c.v to NULL in 1 row',
      ],
      [
        'of a partition that it takes out',
        PARTED,
        'ALTER TABLE p DETACH PARTITION p1; UPDATE p1 SET v = NULL',
        'would set p1.v to NULL in 9 rows',
      ],
      [
        'of a partition by its own name',
        PARTED,
        'ALTER TABLE p ADD x int; UPDATE p1 SET v = NULL',
        'would set p.v to NULL in 9 rows',
      ],
      ['by a conversion in a function', called('ALTER TABLE t ALTER v TYPE int USING NULL'), 'SELECT f()', NULLED],
      ['by TRUNCATE in a function', called('TRUNCATE t'), 'SELECT f()', 'would lose 10 rows of t'],
      [
        'by TRUNCATE in a function, where the rows were moved',
        called('TRUNCATE t'),
        'ALTER TABLE t ALTER id TYPE bigint; SELECT f()',
        'would lose 10 rows of t',
      ],
      [
        'by TRUNCATE with rows put back',
        '',
        `DO $$ BEGIN TRUNCATE t; INSERT INTO t SELECT 1, 'v1', 'w1'; END $$`,
        'would lose 9 rows of t',
      ],
      [
        'by a column dropped in a function',
        called('ALTER TABLE t DROP v'),
        'SELECT f()',
        'would drop column t.v, which has a value in 10 rows',
      ],
    ];
    for (const [claim, setup, step, finding] of ATTACKS)
      it(`is found ${claim}`, async () => {
        if (setup !== '') await bench.sql(setup);
        expect(await found(step)).to.include(finding);
      });

    for (const [how, trigger] of [
      ['a trigger', 'TRIGGER g AFTER INSERT ON other'],
      ['a deferred trigger', 'CONSTRAINT TRIGGER g AFTER INSERT ON other DEFERRABLE INITIALLY DEFERRED'],
    ] as const)
      it(`is refused where ${how} takes what nobody could count, unless the table is locked first`, async () => {
        await bench.sql(onInsert('TRUNCATE t', trigger));
        const fault = await bench.fault('INSERT INTO other VALUES (1)');
        expect(fault.kind === 'sql' && fault.error.message).to.include('LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
        const seen = `LOCK TABLE t IN ACCESS EXCLUSIVE MODE; SET CONSTRAINTS ALL IMMEDIATE; INSERT INTO other VALUES (1)`;
        expect(await found(seen)).to.include('would lose 10 rows of t');
      });

    it('is told to lock tables by names that a statement takes', async () => {
      await bench.sql(`CREATE SCHEMA "Other one"; CREATE TABLE "Other one"."T.x" (id int); INSERT INTO "Other one"."T.x" VALUES (1);
      ${onInsert('TRUNCATE "Other one"."T.x"')}`);
      const fault = await bench.fault('INSERT INTO other VALUES (1)');
      expect(fault.kind === 'sql' && fault.error.message).to.include('LOCK TABLE "Other one"."T.x" IN ACCESS');
    });

    it('tells what is deleted from the server’s own tables by hand, and large objects', async () => {
      await bench.sql(`SELECT lo_from_bytea(4242, 'abc'); CREATE TYPE mood AS ENUM ('a', 'b')`);
      expect(await found('SELECT lo_unlink(4242)')).to.include(
        'would lose 1 row of pg_catalog.pg_largeobject_metadata',
      );
      const byHand = `DELETE FROM pg_enum WHERE enumlabel = 'b'`;
      expect(await found(byHand)).to.include('would lose 1 row of pg_catalog.pg_enum');
      expect(await found('DROP TYPE mood; CREATE ROLE migrate_safe_test_x; DROP ROLE migrate_safe_test_x')).to.equal(
        '',
      );
    });

    it('looks after foreign keys where a step has turned that off', async () => {
      await bench.sql(`CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES t);
      CREATE TABLE old (id int PRIMARY KEY, p int REFERENCES t);
      SET session_replication_role = replica; INSERT INTO old VALUES (1, 77); RESET session_replication_role`);
      const broken = 'would leave 1 row of child pointing at rows of t that are not there';
      const wrong = 'INSERT INTO child VALUES (1, 999), (2, 1)';
      expect(await found(`SET session_replication_role = replica; ${wrong}`)).to.equal(broken);
      expect(await found(`SELECT set_config('session_replication_role', 'replica', true); ${wrong}`)).to.equal(broken);
      const off = 'ALTER TABLE child DISABLE TRIGGER ALL';
      expect(await found(`${off}; ${wrong}; ALTER TABLE child ENABLE TRIGGER ALL`)).to.equal(broken);
      expect(await found(`${off}; INSERT INTO child VALUES (1, 1); INSERT INTO old VALUES (2, 1)`)).to.equal('');
    });

    it('runs no cursor that was to run when the step is committed', async () => {
      await bench.sql(called('DELETE FROM t'));
      const { step } = await bench.script('DECLARE c CURSOR WITH HOLD FOR SELECT f()');
      value(await step.commit());
      expect(await bench.rows('SELECT count(*) AS n FROM public.t')).to.deep.equal([{ n: 10 }]);
    });

    it('has its own schemas where they were', async () => {
      await bench.sql('CREATE SCHEMA migrate_safe_backup; CREATE TABLE migrate_safe_backup.copy (id int)');
      const fault = await bench.fault('ALTER SCHEMA migrate_safe_backup RENAME TO gone');
      expect(fault).to.deep.include({ kind: 'forbidden', what: 'journal' });
    });

    for (const [how, statements] of [
      ['in a block', ['DO $$ BEGIN DELETE FROM t; END $$']],
      ['in a function', ['SELECT f()']],
      ['in a transaction of its own', ['BEGIN', 'DELETE FROM t', 'COMMIT']],
    ] as const)
      it(`knows what a step without a transaction lost ${how}`, async () => {
        await bench.sql(called('DELETE FROM t'));
        const step = await bench.begin({ transactional: false });
        const script = statements.map((sql, at) => ({ sql, line: 1, index: at + 1 }));
        value(await step.execute(script, new AbortController().signal));
        const findings = judge(value(await step.observe()), {}).map(describeFinding);
        value(await step.rollback());
        expect(findings.join('; ')).to.include('would lose 10 rows of t');
      });

    it('lets rows move between partitions, also where the table is another one by then', async () => {
      await bench.sql(
        `${PARTED.replaceAll('PRIMARY KEY', 'NOT NULL')}; CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200)`,
      );
      expect(await found('UPDATE p SET id = 150 WHERE id = 1')).to.equal('');
      expect(await found('ALTER TABLE p ADD x int; UPDATE p SET id = 150 WHERE id = 1')).to.equal('');
    });

    it('lets a DO block change a column’s type, and a conversion keep its values', async () => {
      expect(await found('DO $$ BEGIN ALTER TABLE t ALTER id TYPE bigint; END $$')).to.equal('');
      expect(await found('ALTER TABLE t ALTER v TYPE varchar(10) USING v::varchar(10)')).to.equal('');
      expect(
        await found(
          'ALTER TABLE t RENAME TO u; ALTER TABLE u ADD x int; UPDATE u SET x = 1; INSERT INTO u VALUES (11)',
        ),
      ).to.equal('');
    });
  });
