import { expect } from 'chai';

import { countStatements, namesIn, statementFacts } from '#src/dao/dialects/sqlite/sql/statement.js';

describe('statementFacts', () => {
  const verbs: readonly (readonly [sql: string, verb: string])[] = [
    ['select 1', 'SELECT'],
    ['/* c */ -- d\n insert into t values (1)', 'INSERT'],
    ['REPLACE INTO t VALUES (1)', 'REPLACE'],
    ['EXPLAIN QUERY PLAN DELETE FROM t', 'DELETE'],
    ['EXPLAIN UPDATE t SET a = 1', 'UPDATE'],
    ['WITH a(x) AS (SELECT 1), b AS MATERIALIZED (SELECT 2) UPDATE t SET a = 1', 'UPDATE'],
    ['WITH RECURSIVE replace AS (VALUES (1)) DELETE FROM t', 'DELETE'],
    ['WITH a AS (SELECT (1)) SELECT * FROM a', 'SELECT'],
    ['', ''],
    [';', ''],
    ['(', ''],
  ];
  for (const [sql, verb] of verbs) {
    it(`finds the verb '${verb}' of: ${sql}`, () => {
      expect(statementFacts(sql).verb).to.equal(verb);
    });
  }

  const controls: readonly (readonly [sql: string, control: string | undefined])[] = [
    ['BEGIN IMMEDIATE', 'begin'],
    ['COMMIT', 'commit'],
    ['END TRANSACTION', 'commit'],
    ['ROLLBACK', 'rollback'],
    ['ROLLBACK TRANSACTION TO SAVEPOINT a', 'rollback-to'],
    ['rollback to a', 'rollback-to'],
    ['SAVEPOINT a', 'savepoint'],
    ['RELEASE a', 'release'],
    ["ATTACH 'x.db' AS x", 'attach'],
    ['DETACH x', 'detach'],
    ["VACUUM INTO 'x.db'", 'vacuum'],
    ['PRAGMA user_version', 'pragma'],
    ['EXPLAIN PRAGMA foreign_keys = OFF', 'pragma'],
    ['EXPLAIN COMMIT', undefined],
    ['SELECT 1', undefined],
  ];
  for (const [sql, control] of controls) {
    it(`says that '${sql}' steers ${control ?? 'nothing'}`, () => {
      expect(statementFacts(sql).control).to.equal(control);
    });
  }

  const created: readonly (readonly [sql: string, type: string, name: string])[] = [
    ['CREATE TABLE t(a)', 'table', 't'],
    ['CREATE TEMP TABLE IF NOT EXISTS main."My t"(a)', 'table', 'My t'],
    ['CREATE TABLE if(a)', 'table', 'if'],
    ["CREATE TABLE 'quoted by a string' (a)", 'table', 'quoted by a string'],
    ['CREATE VIRTUAL TABLE [s] USING fts5(body)', 'table', 's'],
    ['CREATE UNIQUE INDEX IF NOT EXISTS i ON t(a)', 'index', 'i'],
    ['CREATE TEMPORARY VIEW v AS SELECT 1', 'view', 'v'],
    ['CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; END', 'trigger', 'r'],
  ];
  for (const [sql, type, name] of created) {
    it(`reads what is created by: ${sql}`, () => {
      expect(statementFacts(sql)).to.deep.include({ creates: [{ type, name }], drops: [], isSchemaChange: true });
    });
  }

  it('reads what is dropped', () => {
    const drops = ['DROP TABLE a', 'DROP INDEX IF EXISTS main.[b]', 'DROP VIEW `c`', 'DROP TRIGGER IF EXISTS "d""e";'];
    expect(drops.flatMap((sql) => statementFacts(sql).drops)).to.deep.equal([
      { type: 'table', name: 'a' },
      { type: 'index', name: 'b' },
      { type: 'view', name: 'c' },
      { type: 'trigger', name: 'd"e' },
    ]);
  });

  it('takes a dropped column for a schema change and not for a dropped object', () => {
    expect(statementFacts('ALTER TABLE t DROP COLUMN a')).to.deep.include({ drops: [], isSchemaChange: true });
  });

  it('sees a write into the schema table as a schema change, and a read of it not', () => {
    expect(statementFacts("UPDATE main.sqlite_master SET sql = ''").isSchemaChange).to.equal(true);
    expect(statementFacts("DELETE FROM 'SQLITE_SCHEMA'").isSchemaChange).to.equal(true);
    expect(statementFacts('INSERT INTO log SELECT name FROM sqlite_schema').isSchemaChange).to.equal(false);
  });

  it('sees no change in an EXPLAIN', () => {
    expect(statementFacts('EXPLAIN DROP TABLE t')).to.deep.include({ drops: [], isSchemaChange: false });
  });

  const adding = [
    'CREATE TABLE t(a)',
    'CREATE TABLE IF NOT EXISTS t AS SELECT 1',
    'CREATE UNIQUE INDEX i ON t(a)',
    'CREATE VIEW v AS SELECT 1',
    'CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; END',
    'ALTER TABLE t ADD COLUMN a',
    'alter table main.[my t] add a TEXT',
    'ALTER TABLE "add" ADD "column"',
    'INSERT INTO t VALUES (1)',
    'WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a ON CONFLICT DO NOTHING',
  ];
  for (const sql of adding) {
    it(`takes for one that only adds: ${sql}`, () => {
      expect(statementFacts(sql).onlyAdds).to.equal(true);
    });
  }

  const changing = [
    'ALTER TABLE t RENAME TO u',
    'ALTER TABLE "add" RENAME TO "drop"',
    'ALTER TABLE t RENAME a TO "add"',
    'ALTER TABLE t DROP COLUMN a',
    'CREATE TEMP TABLE t(a)',
    'CREATE VIRTUAL TABLE t USING fts5(a)',
    'INSERT OR REPLACE INTO t VALUES (1)',
    'REPLACE INTO t VALUES (1)',
    'INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2',
    'INSERT INTO sqlite_schema VALUES (1)',
    'EXPLAIN CREATE TABLE t(a)',
    'CREATE TABLE temp.t(a)',
    'CREATE TABLE IF NOT EXISTS "Temp" . t(a)',
    'CREATE VIEW [temp].v AS SELECT 1',
    'UPDATE t SET a = 1',
    'DELETE FROM t',
    'DROP TABLE t',
    'PRAGMA user_version = 3',
    'SELECT 1',
    'SAVEPOINT a',
    '',
  ];
  for (const sql of changing) {
    it(`does not take for one that only adds: ${sql}`, () => {
      expect(statementFacts(sql).onlyAdds).to.equal(false);
    });
  }

  it('tells a pragma that sets from one that asks', () => {
    const pragmas = [
      'PRAGMA foreign_keys=OFF',
      'PRAGMA main.User_Version = 3',
      'PRAGMA foreign_keys(0)',
      'PRAGMA user_version',
      'PRAGMA table_info(t)',
      'PRAGMA main.foreign_key_check;',
    ];
    expect(pragmas.map((sql) => statementFacts(sql).pragma)).to.deep.equal([
      { name: 'foreign_keys', sets: true },
      { name: 'user_version', sets: true },
      { name: 'foreign_keys', sets: true },
      { name: 'user_version', sets: false },
      { name: 'table_info', sets: false },
      { name: 'foreign_key_check', sets: false },
    ]);
    expect(statementFacts('SELECT 1')).not.to.have.property('pragma');
  });
});

describe('namesIn', () => {
  it('lists every possible name once, whatever its case and quotes', () => {
    expect(
      namesIn(`DELETE FROM 'orders' WHERE "Orders".id IN (SELECT [order id] FROM main.Lines) -- users`),
    ).to.deep.equal(['orders', 'id', 'order id', 'main', 'Lines']);
  });

  it('finds tables named by words that SQLite lets be names', () => {
    expect(namesIn('UPDATE key SET abort = 1')).to.deep.equal(['key', 'abort']);
  });

  it('finds the tables in a trigger that is created', () => {
    expect(namesIn('CREATE TRIGGER r AFTER INSERT ON a BEGIN INSERT INTO b SELECT * FROM c; END')).to.include.members([
      'a',
      'b',
      'c',
    ]);
  });
});

describe('countStatements', () => {
  it('counts statements, not semicolons', () => {
    expect(countStatements(';; -- nothing\n')).to.equal(0);
    expect(countStatements("SELECT ';'; SELECT 2")).to.equal(2);
    expect(countStatements('CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END; SELECT 3;')).to.equal(2);
    expect(countStatements("SELECT 1; SELECT 'open; SELECT 2")).to.equal(2);
  });
});
