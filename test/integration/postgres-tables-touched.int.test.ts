// Which tables a step can change, asked of a real catalog: each way in which one table hangs on another.
import { expect } from 'chai';
import { PostgresScriptSplitter } from '#src/dao/dialects/postgres/sql/script.js';
import { tablesFixture, type TablesFixture } from '../support/postgres-tables.js';
import { testVersion } from '../support/postgres-version.js';
import { value } from '../support/project.js';

const SCHEMA = `
  CREATE EXTENSION citext; CREATE EXTENSION pgcrypto;
  CREATE TABLE a (id int PRIMARY KEY, mail citext); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE);
  CREATE TABLE c (id int, b int REFERENCES b ON UPDATE SET NULL); CREATE TABLE refuses (a int REFERENCES a);
  CREATE TABLE audit (what text); CREATE TABLE deep (what text); CREATE TABLE counter (n int); CREATE TABLE alone (id int);
  CREATE FUNCTION deeper() RETURNS void LANGUAGE sql AS $$ INSERT INTO deep VALUES ('x') $$;
  CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (TG_OP); PERFORM deeper(); RETURN NULL; END $$;
  CREATE TABLE watched (id int); CREATE TRIGGER t AFTER INSERT ON watched FOR EACH STATEMENT EXECUTE FUNCTION tell();
  CREATE FUNCTION next_no() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE counter SET n = n + 1; RETURN 1; END $$;
  CREATE TABLE invoice (no int DEFAULT next_no(), v int);
  CREATE TABLE checked (v int CHECK (next_no() > 0));
  CREATE VIEW shown AS SELECT a.id FROM a JOIN alone USING (id);
  CREATE VIEW counting AS SELECT next_no() AS no;
  CREATE VIEW nested AS SELECT * FROM counting;
  CREATE TABLE ruled (id int); CREATE RULE r AS ON INSERT TO ruled DO ALSO DELETE FROM deep;
  CREATE TABLE parts (at int) PARTITION BY RANGE (at); CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM (0) TO (9);
  CREATE TABLE sub PARTITION OF parts DEFAULT PARTITION BY RANGE (at); CREATE TABLE p2 PARTITION OF sub DEFAULT;
  CREATE TABLE elder (id int); CREATE TABLE younger () INHERITS (elder);
  CREATE TABLE holder (whole alone, many alone[]);
  CREATE FUNCTION any_sql(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM ' || t; END $$;
  CREATE FUNCTION standard() RETURNS void LANGUAGE sql BEGIN ATOMIC INSERT INTO counter VALUES (1); END;
  CREATE AGGREGATE odd (int) (sfunc = int4pl, stype = int);
  CREATE SCHEMA other; CREATE TABLE other.a (id int); CREATE TABLE other."Ä B" (id int);
  CREATE MATERIALIZED VIEW mat AS SELECT * FROM a;
  CREATE TABLE flyway_schema_history (id int); CREATE TEMP TABLE passing (id int);
`;
const ALL = [
  'a',
  'alone',
  'audit',
  'b',
  'c',
  'checked',
  'counter',
  'deep',
  'elder',
  'holder',
  'invoice',
  'other.a',
  'other.Ä B',
  'p1',
  'p2',
  'refuses',
  'ruled',
  'watched',
  'younger',
];

const STEPS: readonly (readonly [script: string, touched: readonly string[]])[] = [
  ['CREATE TABLE fresh (id int PRIMARY KEY, a int REFERENCES a, mail citext DEFAULT gen_random_uuid())', []],
  ['CREATE INDEX i ON a (id); COMMENT ON TABLE a IS $$x$$; CREATE VIEW v AS SELECT * FROM a', []],
  ['UPDATE alone SET id = 1', ['alone', 'holder']],
  ['DELETE FROM a', ['a', 'b', 'c', 'other.a']],
  ['TRUNCATE public.a CASCADE', ['a', 'b', 'c', 'other.a', 'refuses']],
  ['INSERT INTO watched VALUES (1)', ['audit', 'deep', 'watched']],
  ['INSERT INTO invoice (v) VALUES (1)', ['counter', 'invoice']],
  ['INSERT INTO checked VALUES (1)', ['checked', 'counter']],
  ['DELETE FROM shown', ['a', 'alone', 'b', 'c', 'holder']],
  ['SELECT * FROM nested', ['counter']],
  ['SELECT id FROM shown', []],
  ['INSERT INTO ruled VALUES (1)', ['deep', 'ruled']],
  ['UPDATE parts SET at = 3', ['p1', 'p2']],
  ['DELETE FROM sub', ['p2']],
  ['DELETE FROM elder', ['elder', 'younger']],
  ['SELECT standard(), odd(1), gen_random_uuid(), gen_salt($$bf$$)', ['counter']],
  [`SELECT any_sql('b')`, ALL],
  ['DELETE FROM other."Ä B"; DELETE FROM "Ä b"', ['other.Ä B']],
  ['REFRESH MATERIALIZED VIEW mat', []],
  ['DROP TABLE mat', ['a', 'b', 'c']],
  ['DELETE FROM flyway_schema_history', ['flyway_schema_history']],
  ['DROP TABLE nobody_knows', []],
  ['DELETE FROM passing', []],
  ['CREATE TRIGGER t2 AFTER DELETE ON alone FOR EACH STATEMENT EXECUTE FUNCTION tell()', ['audit', 'deep']],
  ['DO $$ BEGIN PERFORM next_no(); END $$', ['counter']],
];

describe('what a step touches on PostgreSQL', () => {
  let f: TablesFixture;
  before(async function () {
    f = await tablesFixture(this);
    // Before version 14 a function's body is a text.
    const hasBodies = (await testVersion()) >= 140_000;
    await f.sql(hasBodies ? SCHEMA : SCHEMA.replace(/BEGIN ATOMIC (.*?); END/, `AS '$1'`));
  });
  after(() => f?.close());

  for (const [script, expected] of STEPS) {
    it(script, async () => {
      const { statements } = new PostgresScriptSplitter().split(script)._unsafeUnwrap();
      expect(value(await f.tables.touchedBy(statements, {}))).to.deep.equal(expected);
    });
  }

  it('is all of the application for code, and what follows from what it names for code that says so', async () => {
    const code = (): undefined => undefined;
    expect(value(await f.tables.touchedBy(code, {}))).to.deep.equal(ALL);
    expect(value(await f.tables.touchedBy(code, { touches: ['WATCHED', 'other.a'] }))).to.deep.equal([
      'audit',
      'deep',
      'other.a',
      'watched',
    ]);
    const { statements } = new PostgresScriptSplitter().split(`SELECT any_sql('c')`)._unsafeUnwrap();
    expect(value(await f.tables.touchedBy(statements, { touches: ['alone'] }))).to.deep.equal(['alone', 'holder']);
  });
});
