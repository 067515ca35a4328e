// The splitter against the server it imitates: it must cut where the server, given the whole text, cuts.
import { expect } from 'chai';
import fc from 'fast-check';
import pg from 'pg';
import { PostgresScriptSplitter } from '#src/dao/dialects/postgres/sql/script.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { needsVersion } from '../support/postgres-version.js';

const splitter = new PostgresScriptSplitter();
const cut = (script: string): readonly string[] =>
  splitter
    .split(script, { transactionControl: 'keep' })
    ._unsafeUnwrap()
    .statements.map(({ sql }) => sql);

describe('scripts for PostgreSQL', () => {
  let database: TestDatabase;
  let client: pg.Client;
  before(async function () {
    database = await freshDatabase(this);
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  after(async () => {
    await client.end();
    await database.drop();
  });

  /** What the server makes of a text: one result for each statement, or its refusal. */
  const results = async (sql: string): Promise<readonly unknown[] | 'refused'> => {
    const read = (result: pg.QueryResult): unknown => [result.command, result.rows];
    try {
      const answer = (await client.query({ text: sql, rowMode: 'array' })) as unknown as
        | pg.QueryResult
        | pg.QueryResult[];
      return [answer]
        .flat()
        .filter(({ command }) => command !== null)
        .map(read);
    } catch {
      await client.query('ROLLBACK');
      return 'refused';
    }
  };

  it('give the same results one by one as at once', async () => {
    const value = fc.constantFrom(
      `'a;b'`,
      `'it''s;'`,
      `E'\\';'`,
      `E'\\\\'`,
      `'\\'`,
      `U&'\\0041;'`,
      `$$;'$$`,
      `$x$ $$; $y$ $x$`,
      `B'01'`,
      `X'1F'`,
      `N'n;'`,
      '1',
      '.5',
      '1.',
      '1e3',
      '(1)',
      `(CASE WHEN true THEN ';' END)`,
      '"t"."a;b"',
      't.b$',
      'ARRAY[1, 2]',
      `'a'\n'b;'`,
      '1 -- ;\n',
      '/* ; /* ; */ */ 2',
    );
    const between = fc.constantFrom(';', ' ; ', ';;', ';\n-- c;\n', '; /* ; */ ', ';\r\n\t');
    const part = fc
      .tuple(value, between)
      .map(([one, after]) => `SELECT ${one} AS "x;" FROM (SELECT 1 AS "a;b", 2 AS b$) AS t${after}`);
    let several = 0;
    const property = fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
      const script = parts.join('');
      const whole = await results(script);
      expect(whole).not.to.equal('refused');
      const single: unknown[] = [];
      for (const sql of cut(script)) single.push(...(await results(sql)));
      expect(single).to.deep.equal(whole);
      several += single.length > 1 ? 1 : 0;
    });
    await fc.assert(property, { numRuns: 150, interruptAfterTimeLimit: 6000, markInterruptAsFailure: false });
    expect(several).to.be.greaterThan(20);
  });

  const SCRIPTS: Readonly<Record<string, string>> = {
    'functions of every kind': `
      CREATE TABLE t (id int PRIMARY KEY, v text);
      CREATE FUNCTION plain(a int) RETURNS int LANGUAGE sql AS 'SELECT a; SELECT a + 1;';
      CREATE FUNCTION body(a int) RETURNS int LANGUAGE plpgsql AS $body$ BEGIN IF a > 1 THEN RETURN 1; END IF; RETURN 2; END; $body$;
      CREATE FUNCTION atomic(a int) RETURNS int BEGIN ATOMIC SELECT CASE a WHEN 1 THEN 2 ELSE 3 END; SELECT a + 1; END;
      CREATE PROCEDURE fill() BEGIN ATOMIC INSERT INTO t VALUES (1, 'a;b'); INSERT INTO t VALUES (2, NULL); END;
      CALL fill(); SELECT plain(1), body(2), atomic(3), (SELECT count(*) FROM t);`,
    'rules and triggers': `
      CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int);
      CREATE RULE twice AS ON INSERT TO a DO ALSO (INSERT INTO b VALUES (NEW.id); INSERT INTO c VALUES (NEW.id));
      INSERT INTO a VALUES (1); SELECT (SELECT count(*) FROM b), (SELECT count(*) FROM c);`,
    'words that are names': `
      CREATE TABLE "begin" ("end" int, atomic int, "case" int); CREATE FUNCTION begin(atomic int) RETURNS int LANGUAGE sql AS 'SELECT 1';
      SELECT b."end" AS end, 1 AS begin, 2 AS case FROM "begin" AS b; SELECT begin(1);`,
  };
  for (const [what, script] of Object.entries(SCRIPTS)) {
    it(`are cut as the server cuts them: ${what}`, async function () {
      if (script.includes('BEGIN ATOMIC')) await needsVersion(this, 14, 'BEGIN ATOMIC');
      await client.query('BEGIN');
      const whole = await results(script);
      await client.query('ROLLBACK');
      expect(whole).not.to.equal('refused');
      await client.query('BEGIN');
      const single: unknown[] = [];
      for (const sql of cut(script)) single.push(...(await results(sql)));
      await client.query('ROLLBACK');
      expect(single).to.deep.equal(whole);
    });
  }
});
