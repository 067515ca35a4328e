// Steps on PostgreSQL that take keys, policies, rules, defaults and triggers away by something else: each is told.
import { expect } from 'chai';
import { declarationsFor, describeFinding, judge } from '#src/core/schema/guard.js';
import { parseDirectives } from '#src/steps/sql-directives.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const CHILD = 'CREATE TABLE par (id int PRIMARY KEY); CREATE TABLE chi (id int, p int REFERENCES par)';
const FOREIGN =
  'would lose constraint chi_p_fkey of table chi, which the step does not name: FOREIGN KEY (p) REFERENCES par (id)';

describe('what goes with something else on PostgreSQL', () => {
  let bench: StepBench;
  beforeEach(async function () {
    bench = await stepBench(this);
    await bench.sql('CREATE TABLE t (id int PRIMARY KEY, v text); CREATE SCHEMA s');
  });
  afterEach(() => bench.close());

  /** Says what is found, and that the lines which are advised allow it. */
  const found = async (sql: string): Promise<string> => {
    const { step, seen } = await bench.script(sql);
    value(await step.rollback());
    const findings = judge(seen, {});
    const lines = declarationsFor(findings, 'sql').join('\n');
    const { declares } = parseDirectives(lines)._unsafeUnwrap();
    expect(judge(seen, declares), lines).to.deep.equal([]);
    return findings.map(describeFinding).join('; ');
  };

  const LOST: readonly (readonly [what: string, setup: string, step: string, finding: string])[] = [
    ['a foreign key goes with the table that it points at', CHILD, 'DROP TABLE par CASCADE', FOREIGN],
    [
      'a foreign key goes with the key that it points at',
      CHILD,
      'ALTER TABLE par DROP CONSTRAINT par_pkey CASCADE',
      FOREIGN,
    ],
    [
      'a foreign key goes with one of its columns',
      'CREATE TABLE par (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE chi (a int, b int, FOREIGN KEY (a, b) REFERENCES par)',
      'ALTER TABLE chi DROP COLUMN a',
      'would lose constraint chi_a_b_fkey of table chi',
    ],
    [
      'a primary key goes with one of its columns',
      'CREATE TABLE m (a int, b int, PRIMARY KEY (a, b))',
      'ALTER TABLE m DROP COLUMN a',
      'would lose constraint m_pkey of table m, which the step does not name: PRIMARY KEY (a, b)',
    ],
    [
      'an exclusion goes with one of its columns',
      'CREATE TABLE m (a int4range, b int4range, EXCLUDE USING gist (a WITH &&, b WITH &&))',
      'ALTER TABLE m DROP COLUMN a',
      'would lose constraint m_a_b_excl of table m',
    ],
    [
      'a policy goes with its function',
      `CREATE FUNCTION ok() RETURNS bool LANGUAGE sql AS 'SELECT true'; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY "my.own" ON t USING (ok())`,
      'DROP FUNCTION ok() CASCADE',
      'would lose policy "my.own" of table t',
    ],
    [
      'a default goes with its function',
      `CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER TABLE t ADD z int DEFAULT one()`,
      'DROP FUNCTION one() CASCADE',
      'would lose default z of table t, which the step does not name: DEFAULT public.one()',
    ],
    [
      'a default goes with its sequence',
      'CREATE SEQUENCE q; ALTER TABLE t ADD z int DEFAULT nextval($$q$$)',
      'DROP SEQUENCE q CASCADE',
      'would lose default z of table t',
    ],
    [
      'a rule goes with the table that it writes to',
      'CREATE TABLE log (x int); CREATE RULE r AS ON INSERT TO t DO ALSO INSERT INTO log VALUES (1)',
      'DROP TABLE log CASCADE',
      'would lose rule r of table t',
    ],
    [
      'a trigger goes with a view that is made again',
      `CREATE VIEW vw AS SELECT * FROM t; CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
       CREATE TRIGGER io INSTEAD OF INSERT ON vw FOR EACH ROW EXECUTE FUNCTION g()`,
      'DROP VIEW vw; CREATE VIEW vw AS SELECT id FROM t',
      'would lose trigger vw.io of table vw',
    ],
  ];
  for (const [what, setup, step, finding] of LOST)
    it(`is told where ${what}`, async () => {
      await bench.sql(setup);
      expect(await found(step)).to.include(finding);
    });

  describe('in a rebuild by hand', () => {
    const RICH = `CREATE TABLE par (id int PRIMARY KEY); CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE TABLE rich (id int PRIMARY KEY, v text DEFAULT 'x', w int, p int CONSTRAINT to_par REFERENCES par, CONSTRAINT positive CHECK (w > 0), CONSTRAINT one_w UNIQUE (w));
      CREATE INDEX rich_v ON rich (v); CREATE TRIGGER watch BEFORE UPDATE ON rich FOR EACH ROW EXECUTE FUNCTION g();
      CREATE RULE quiet AS ON DELETE TO rich WHERE old.id = 0 DO INSTEAD NOTHING; ALTER TABLE rich ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON rich USING (true);
      GRANT SELECT ON rich TO PUBLIC; GRANT UPDATE (v) ON rich TO PUBLIC; COMMENT ON TABLE rich IS 'a'; COMMENT ON COLUMN rich.v IS 'b';
      INSERT INTO rich VALUES (1, 'a', 1, NULL)`;
    const into = (columns: string): string =>
      `CREATE TABLE rich_new (${columns}); INSERT INTO rich_new SELECT id, v, w, p FROM rich; DROP TABLE rich; ALTER TABLE rich_new RENAME TO rich`;
    const all = [
      'would drop table rich with its 1 row',
      'trigger rich.watch',
      'index rich_v',
      'check positive',
      'unique one_w',
      'constraint rich_pkey',
      'constraint to_par',
      'default v',
      'policy mine',
      'rule quiet',
      'would lose privileges of table rich',
      'would lose comment of table rich',
    ];

    it('is told what the table has not any more, whatever takes its place', async () => {
      await bench.sql(RICH);
      for (const step of [
        into('id int, v text, w int, p int'),
        `${into('id int, v text, w int, p int')}; CREATE INDEX other ON rich (w); COMMENT ON TABLE rich IS 'a'; GRANT SELECT ON rich TO PUBLIC`,
        'DROP TABLE rich; CREATE TABLE rich (id int, v text, w int, p int)',
        'DROP TABLE rich; CREATE TABLE rich (id int, v text, w int, p int) PARTITION BY LIST (id)',
      ]) {
        const told = await found(step);
        for (const one of all) expect(told, step).to.include(one);
      }
    });

    it('is nothing that the new table has too, or that is named', async () => {
      await bench.sql(RICH);
      const whole = `${into(`id int CONSTRAINT new_pkey PRIMARY KEY, v text DEFAULT 'y', w int CONSTRAINT other_w UNIQUE, p int REFERENCES par, CHECK (w > 0)`)};
        CREATE INDEX rich_v_new ON rich (v); CREATE TRIGGER watch BEFORE UPDATE ON rich FOR EACH ROW EXECUTE FUNCTION g();
        CREATE RULE quiet AS ON DELETE TO rich WHERE old.id = 0 DO INSTEAD NOTHING; ALTER TABLE rich ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON rich USING (true);
        GRANT SELECT ON rich TO PUBLIC; GRANT UPDATE (v) ON rich TO PUBLIC; COMMENT ON TABLE rich IS 'a'; COMMENT ON COLUMN rich.v IS 'b'`;
      const rows = 'would drop table rich with its 1 row, which the step does not declare';
      expect(await found(whole)).to.equal(rows);
      const named = `DROP TRIGGER watch ON rich; DROP INDEX rich_v; DROP RULE quiet ON rich; DROP POLICY mine ON rich`;
      const kept = await found(`${named}; ${into('id int PRIMARY KEY, v text, w int, p int')}`);
      for (const one of ['watch', 'rich_v', 'quiet', 'mine', 'rich_pkey']) expect(kept).not.to.include(one);
      const other = await found('DROP TABLE rich; CREATE TABLE rich (z int)');
      for (const one of ['trigger rich.watch', 'policy mine', 'rule quiet']) expect(other).to.include(one);
      for (const one of ['rich_v', 'one_w', 'to_par', 'rich_pkey', 'default']) expect(other).not.to.include(one);
    });
  });

  it('does not take a word of some other statement for a name', async () => {
    await bench.sql('CREATE TABLE w (m int); CREATE VIEW v AS SELECT m FROM w');
    const step = `UPDATE t SET v = replace(v, 'x', 'y');`;
    expect(await found(`${step} ALTER TABLE w DROP COLUMN m CASCADE`)).to.include('would lose view v');
  });

  const KEPT: readonly (readonly [what: string, setup: string, step: string])[] = [
    ['a foreign key is named', CHILD, 'ALTER TABLE chi DROP CONSTRAINT chi_p_fkey; DROP TABLE par'],
    ['a foreign key goes with its only column', CHILD, 'ALTER TABLE chi DROP COLUMN p'],
    [
      'a block drops by name what is there',
      'ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)',
      `DO $$ BEGIN IF EXISTS (SELECT FROM pg_constraint WHERE conname = 'c') THEN ALTER TABLE t DROP CONSTRAINT c; END IF; END $$`,
    ],
    ['a block drops by a text', 'CREATE VIEW vw AS SELECT 1 AS one', `DO $$ BEGIN EXECUTE 'DROP VIEW vw'; END $$`],
    [
      'a serial becomes an identity',
      'CREATE TABLE m (id serial PRIMARY KEY)',
      'ALTER TABLE m ALTER id DROP DEFAULT; DROP SEQUENCE m_id_seq; ALTER TABLE m ALTER id ADD GENERATED BY DEFAULT AS IDENTITY',
    ],
    [
      'a key is another one',
      'CREATE TABLE m (a int, b int, PRIMARY KEY (a, b))',
      'ALTER TABLE m DROP CONSTRAINT m_pkey, ADD PRIMARY KEY (a)',
    ],
    [
      'a policy is written anew',
      'ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true)',
      'DROP POLICY p ON t; CREATE POLICY p ON t USING (id > 1)',
    ],
    [
      'all of it has other names',
      `CREATE TABLE chi (id int PRIMARY KEY, p int REFERENCES t, d int DEFAULT 1); ALTER TABLE chi ENABLE ROW LEVEL SECURITY;
       CREATE POLICY po ON chi USING (true); CREATE RULE r AS ON INSERT TO chi DO ALSO NOTHING`,
      'ALTER TABLE chi RENAME TO "Kid"; ALTER TABLE "Kid" RENAME p TO q; ALTER TABLE "Kid" RENAME d TO dd; ALTER TABLE t SET SCHEMA s',
    ],
    [
      'a table becomes a partition',
      `CREATE TABLE p (id int PRIMARY KEY, k int REFERENCES t, CONSTRAINT c CHECK (id > 0)) PARTITION BY RANGE (id);
       CREATE TABLE q (id int PRIMARY KEY, k int REFERENCES t, CONSTRAINT c CHECK (id > 0))`,
      'ALTER TABLE p ATTACH PARTITION q FOR VALUES FROM (0) TO (10)',
    ],
  ];
  for (const [what, setup, step] of KEPT)
    it(`is nothing where ${what}`, async () => {
      await bench.sql(setup);
      expect(await found(step)).to.equal('');
    });
});
