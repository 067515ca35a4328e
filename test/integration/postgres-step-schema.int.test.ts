// The schema after a step on PostgreSQL: only what was touched is read again, and it comes to the same as reading all of it.
import { expect } from 'chai';
import type { StepTransaction } from '#src/core/ports/step-transaction.js';
import { inspectSchema } from '#src/dao/dialects/postgres/inspect/inspector.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const SETUP = `
  CREATE TYPE mood AS ENUM ('ok', 'bad');
  CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text UNIQUE, n int CHECK (n > 0), m mood);
  CREATE TABLE b (id serial PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE, w text);
  CREATE INDEX b_w ON b (w) WHERE w IS NOT NULL;
  CREATE VIEW va AS SELECT id, v FROM a;
  CREATE VIEW vv AS SELECT v FROM va;
  CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n FROM b;
  CREATE SEQUENCE s;
  CREATE TABLE typed (x int); CREATE TABLE c (id int DEFAULT nextval('s'), row typed);
  CREATE TABLE p (at int, v text) PARTITION BY RANGE (at);
  CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
  CREATE TABLE p_next (at int, v text);
  CREATE TABLE i (id int); CREATE TABLE i_child () INHERITS (i);
  CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
  CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();
  CREATE TRIGGER tv INSTEAD OF INSERT ON va FOR EACH ROW EXECUTE FUNCTION f();
  CREATE FUNCTION sly() RETURNS void LANGUAGE sql AS $$ ALTER TABLE a RENAME COLUMN v TO w $$;
  COMMENT ON TABLE a IS 'first'; COMMENT ON SCHEMA public IS 'ours';
  CREATE SCHEMA "Other one"; CREATE TABLE "Other one"."T.x" (id int PRIMARY KEY)`;

const STEPS = [
  'ALTER TABLE a ADD COLUMN more int DEFAULT 3',
  'ALTER TABLE a DROP COLUMN n',
  'ALTER TABLE a ALTER COLUMN n TYPE bigint, ALTER COLUMN v SET NOT NULL',
  'ALTER TABLE a RENAME COLUMN v TO vv',
  'ALTER TABLE a RENAME TO z',
  'ALTER TABLE a SET SCHEMA "Other one"',
  'ALTER TABLE b RENAME CONSTRAINT b_a_fkey TO other',
  'ALTER INDEX b_w RENAME TO b_other',
  'ALTER SEQUENCE s INCREMENT 5',
  'ALTER SEQUENCE s RENAME TO s2',
  `ALTER TYPE mood RENAME TO feeling`,
  `ALTER TYPE mood ADD VALUE 'fine'`,
  'DROP TYPE mood CASCADE',
  'DROP TABLE a CASCADE',
  'DROP TABLE b CASCADE',
  'DROP TABLE typed CASCADE',
  'DROP VIEW va CASCADE',
  'DROP INDEX b_w',
  'DROP SEQUENCE s CASCADE',
  'DROP TRIGGER t ON a',
  'DROP FUNCTION f CASCADE',
  'DROP TABLE p CASCADE',
  'DROP SCHEMA "Other one" CASCADE',
  'CREATE TABLE made (id int PRIMARY KEY, a int REFERENCES a, CHECK (id > 0))',
  'CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (20) TO (30)',
  'ALTER TABLE p ATTACH PARTITION p_next FOR VALUES FROM (10) TO (20)',
  'ALTER TABLE p DETACH PARTITION p1',
  'ALTER TABLE p ADD COLUMN n int',
  'CREATE INDEX ON p (v)',
  'ALTER TABLE i ADD COLUMN more int; ALTER TABLE i ADD CHECK (more > 1)',
  'ALTER TABLE i_child NO INHERIT i',
  'CREATE UNIQUE INDEX a_n ON a (n); ALTER TABLE a ADD CONSTRAINT one UNIQUE USING INDEX a_n',
  'CREATE OR REPLACE VIEW va AS SELECT id, v, n FROM a',
  'CREATE VIEW more AS SELECT * FROM vv',
  'CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$',
  'CREATE TRIGGER t2 BEFORE UPDATE ON b FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE b DISABLE TRIGGER t2',
  'CREATE RULE r AS ON DELETE TO b DO INSTEAD NOTHING',
  'ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON a USING (n > 1)',
  'ALTER TABLE a SET (fillfactor = 70); ALTER VIEW va SET (security_barrier)',
  'ALTER TABLE a REPLICA IDENTITY FULL; ALTER TABLE b SET UNLOGGED',
  'GRANT SELECT ON a TO public; GRANT UPDATE (w) ON b TO public; REVOKE ALL ON c FROM public',
  `COMMENT ON TABLE b IS 'second'; COMMENT ON COLUMN a.v IS 'v'; COMMENT ON TABLE a IS NULL`,
  'TRUNCATE a CASCADE',
  'CREATE TABLE a2 AS SELECT * FROM a; DROP TABLE a CASCADE; ALTER TABLE a2 RENAME TO a',
  'CREATE TABLE gone (id int); DROP TABLE gone',
  'SAVEPOINT x; DROP TABLE b CASCADE; ROLLBACK TO x; ALTER TABLE b ADD COLUMN more int',
  `DO $$ BEGIN EXECUTE 'alter table a rename to y'; END $$`,
  'SELECT sly()',
  'SELECT sly(); ALTER TABLE b ADD COLUMN more int',
  'ALTER TABLE b ADD COLUMN more int; SELECT sly()',
  'CREATE DOMAIN d AS int CHECK (VALUE > 0); ALTER TABLE c ADD COLUMN d d',
];

const QUIET_SETUP = `
  CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text UNIQUE, n int CHECK (n > 0));
  CREATE TABLE b (id serial PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE, w text);
  CREATE INDEX b_w ON b (w) WHERE w IS NOT NULL;
  CREATE VIEW va AS SELECT id, v FROM a;
  CREATE TABLE p (at int, v text) PARTITION BY RANGE (at);
  CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
  CREATE INDEX p_v ON p (v);
  CREATE TABLE i (id int); CREATE TABLE i_child () INHERITS (i);
  CREATE SCHEMA "Other one"; CREATE TABLE "Other one"."T.x" (id int PRIMARY KEY);
  CREATE TABLE t (id int); COMMENT ON TABLE t IS 'here'; GRANT SELECT ON t TO public; GRANT UPDATE (id) ON t TO public;
  CREATE STATISTICS st ON id, a FROM b;
  CREATE PUBLICATION one FOR TABLE a;
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO public;
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO public`;

const MADE = 'CREATE TABLE made (id serial PRIMARY KEY, a int REFERENCES a, v text UNIQUE, CHECK (id > 0))';
/** Of such a database nothing but what was added is read again. */
const ADDING = [
  MADE,
  'CREATE TABLE made (id int GENERATED BY DEFAULT AS IDENTITY, at timestamptz DEFAULT now(), d int GENERATED ALWAYS AS (1 + 1) STORED)',
  'CREATE UNLOGGED TABLE made (id int PRIMARY KEY DEFERRABLE, v text COLLATE "C") WITH (fillfactor = 70)',
  'CREATE TABLE IF NOT EXISTS a (x int)',
  'CREATE TABLE made (at int, v text) PARTITION BY LIST (at)',
  'CREATE TABLE made (EXCLUDE USING btree (id WITH =), id int)',
  'CREATE TABLE "Other one".made (LIKE t INCLUDING ALL)',
  'CREATE TABLE made (LIKE t INCLUDING ALL, "like" int)',
  'CREATE TABLE "Other one"."Made.too" (id serial, a int REFERENCES "Other one"."T.x")',
  'ALTER TABLE a ADD COLUMN more int DEFAULT 3, ADD COLUMN other text NOT NULL DEFAULT $$x$$',
  'ALTER TABLE IF EXISTS i ADD COLUMN more int',
  'ALTER TABLE p ADD COLUMN more int',
  'ALTER TABLE b ADD COLUMN IF NOT EXISTS w text',
  'CREATE INDEX ON a (lower(v), n DESC) INCLUDE (id)',
  'CREATE UNIQUE INDEX made ON b (a) WHERE a > 1',
  'CREATE INDEX made ON p (at)',
  'CREATE INDEX made ON ONLY p (at)',
  `INSERT INTO a (v) VALUES ('1'), ('2')`,
  `INSERT INTO a (v) VALUES ('1'); CREATE TABLE made (id int); INSERT INTO made VALUES (1); CREATE INDEX ON made (id)`,
  `${MADE}; UPDATE b SET w = 'x'; ALTER TABLE made ADD COLUMN more int; INSERT INTO t VALUES (1)`,
  `${MADE}; COMMENT ON TABLE made IS 'made'; CREATE INDEX made_a ON made (a)`,
  `${MADE}; ALTER TABLE a ADD COLUMN made int; DROP TABLE made`,
  `ALTER TABLE a ADD COLUMN made int; ALTER TABLE a RENAME COLUMN made TO other; CREATE TABLE made (id int)`,
  `CREATE FUNCTION f() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE TABLE made (id int DEFAULT f()); INSERT INTO made DEFAULT VALUES`,
  `SAVEPOINT x; CREATE TABLE made (id int); ROLLBACK TO x; ALTER TABLE b ADD COLUMN more int; RELEASE x; CREATE TABLE made (x text)`,
  `DO $$ BEGIN CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; END $$; CREATE TABLE made (id int)`,
  `CREATE TABLE made (id int); DO $$ BEGIN CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; END $$`,
  'CREATE VIEW made AS SELECT * FROM va',
  'CREATE SEQUENCE made; CREATE TABLE other (id int DEFAULT nextval($$made$$))',
];

describe('the schema after a step that only adds on PostgreSQL', () => {
  let bench: StepBench;
  before(async function () {
    bench = await stepBench(this);
    await bench.sql(QUIET_SETUP);
    const version = value(
      await bench.other.query<{ n: number }>(`SELECT current_setting('server_version_num')::int AS n`),
    );
    if ((version.rows[0]?.n ?? 0) >= 150_000)
      await bench.sql('CREATE PUBLICATION whole FOR TABLES IN SCHEMA public, "Other one"');
  });
  afterEach(async () => void value(await bench.work.query('ROLLBACK')));
  after(() => bench.close());

  const whole = async (): Promise<unknown> => {
    value(await bench.work.query(`SET LOCAL search_path = ''`));
    return value(await inspectSchema(bench.work));
  };

  for (const script of ADDING)
    it(`is seen whole after ${script}`, async () => {
      const { step, seen } = await bench.script(script);
      expect(seen.after).to.deep.equal(await whole());
      value(await step.rollback());
    });

  it('is seen whole after each of several steps in one transaction', async () => {
    const scripts = [
      MADE,
      'ALTER TABLE made ADD COLUMN more int',
      'INSERT INTO made (v) VALUES ($$1$$)',
      'CREATE INDEX made_v ON made (v)',
      'CREATE TABLE other (made int REFERENCES made)',
      'UPDATE made SET more = 1',
      'ALTER TABLE made RENAME TO renamed',
      'CREATE TABLE made (id int)',
    ];
    let step: StepTransaction = await bench.begin();
    for (const script of scripts) {
      const seen = value(await bench.run(step, script));
      value(await bench.work.query('SAVEPOINT looking'));
      expect(seen.after, script).to.deep.equal(await whole());
      value(await bench.work.query('ROLLBACK TO looking; RELEASE looking'));
      step = await step.next();
    }
    value(await step.rollback());
  });
});

describe('the schema after a step on PostgreSQL', () => {
  let bench: StepBench;
  before(async function () {
    bench = await stepBench(this);
    await bench.sql(SETUP);
  });
  afterEach(async () => void value(await bench.work.query('ROLLBACK')));
  after(() => bench.close());

  for (const script of STEPS)
    it(`is seen whole after ${script}`, async () => {
      const { step, seen } = await bench.script(script);
      value(await bench.work.query(`SET LOCAL search_path = ''`));
      const whole = value(await inspectSchema(bench.work));
      expect(seen.after).to.deep.equal(whole);
      value(await step.rollback());
    });
});
