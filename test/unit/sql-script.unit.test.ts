import { expect } from 'chai';

import type { Script, ScriptError } from '#src/core/ports/script-splitter.js';
import { SqliteScriptSplitter } from '#src/dao/dialects/sqlite/sql/script.js';

const splitter = new SqliteScriptSplitter();
const split = (script: string): Script => splitter.split(script)._unsafeUnwrap();
const refusal = (script: string): ScriptError => splitter.split(script)._unsafeUnwrapErr();
const sqls = (script: Script): string[] => script.statements.map((statement) => statement.sql);

const REBUILD = `-- sqlite.org/lang_altertable.html, section 7
PRAGMA foreign_keys=OFF;
BEGIN IMMEDIATE TRANSACTION;
CREATE TABLE new_t(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT '');
INSERT INTO new_t SELECT id, a FROM t;
DROP TABLE t;
ALTER TABLE new_t RENAME TO t;
PRAGMA foreign_key_check;
COMMIT;
PRAGMA foreign_keys=ON;
`;

describe('SqliteScriptSplitter', () => {
  it('numbers the statements and gives their lines', () => {
    expect(split('CREATE TABLE a(x);\n\n-- second\nCREATE TABLE b(x)')).to.deep.equal({
      statements: [
        { sql: 'CREATE TABLE a(x)', line: 1, index: 1, onlyAdds: true },
        { sql: 'CREATE TABLE b(x)', line: 4, index: 2, onlyAdds: true },
      ],
      unwrapped: false,
    });
  });

  for (const [begin, end] of [
    ['BEGIN', 'COMMIT'],
    ['begin transaction', 'end'],
    ['BEGIN /* ; */ EXCLUSIVE', 'END TRANSACTION'],
    ['BEGIN DEFERRED TRANSACTION', 'commit transaction'],
    ['BEGIN TRANSACTION up', 'COMMIT TRANSACTION up'],
  ] as const) {
    it(`takes '${begin}' and '${end}' around a script off, and does not count them`, () => {
      expect(split(`-- head\n${begin};\nSELECT 1;\n${end};\n`)).to.deep.equal({
        statements: [{ sql: 'SELECT 1', line: 3, index: 1, onlyAdds: false }],
        unwrapped: true,
      });
    });
  }

  it("unwraps SQLite's recipe for a table rebuild and keeps its pragmas", () => {
    const script = split(REBUILD);
    expect(script.unwrapped).to.equal(true);
    expect(sqls(script).map((sql) => sql.split(/[ =(]/, 2).join(' '))).to.deep.equal([
      'PRAGMA foreign_keys',
      'CREATE TABLE',
      'INSERT INTO',
      'DROP TABLE',
      'ALTER TABLE',
      'PRAGMA foreign_key_check',
      'PRAGMA foreign_keys',
    ]);
    expect(script.statements.map(({ line }) => line)).to.deep.equal([2, 4, 5, 6, 7, 8, 10]);
  });

  it('unwraps an empty transaction', () => {
    expect(split('BEGIN;COMMIT;')).to.deep.equal({ statements: [], unwrapped: true });
  });

  it('takes the BEGIN and END of a trigger for no transaction', () => {
    const trigger = 'CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 1); END';
    expect(split(`${trigger};`)).to.deep.equal({
      statements: [{ sql: trigger, line: 1, index: 1, onlyAdds: true }],
      unwrapped: false,
    });
  });

  it('allows savepoints', () => {
    const script = 'SAVEPOINT a; ROLLBACK TO a; ROLLBACK TRANSACTION TO SAVEPOINT a; RELEASE a';
    expect(sqls(split(script))).to.deep.equal(script.split('; '));
  });

  const refused: readonly (readonly [why: string, script: string, keyword: string, line: number])[] = [
    ['a BEGIN without its COMMIT', 'SELECT 1;\nBEGIN;', 'BEGIN', 2],
    ['a wrapping that is never committed', 'BEGIN;\nSELECT 1;', 'BEGIN', 1],
    ['a COMMIT that ends the transaction of the step', 'DELETE FROM t;\ncommit;\nSELECT 1', 'COMMIT', 2],
    ['an END', 'SELECT 1;\nEND', 'END', 2],
    ['a ROLLBACK', 'SELECT 1;\n\nROLLBACK;', 'ROLLBACK', 3],
    ['a ROLLBACK inside a wrapping', 'BEGIN;\nROLLBACK;\nCOMMIT;', 'ROLLBACK', 2],
    ['a second transaction', 'BEGIN;\nCOMMIT;\nBEGIN;\nCOMMIT;', 'COMMIT', 2],
    ['a statement before BEGIN', 'SELECT 1;\nBEGIN;\nCOMMIT;', 'BEGIN', 2],
    ['a statement after COMMIT', 'BEGIN;\nCOMMIT;\nSELECT 1;', 'BEGIN', 1],
    [
      'a BEGIN whose semicolon is missing, with the statement it would swallow',
      'BEGIN DELETE FROM t;\nCOMMIT',
      'BEGIN',
      1,
    ],
  ];
  for (const [why, script, keyword, line] of refused) {
    it(`refuses ${why}`, () => {
      expect(refusal(script)).to.deep.equal({ kind: 'transaction-control', keyword, line });
    });
  }

  it('keeps everything as it stands if asked to', () => {
    const kept = splitter.split(REBUILD, { transactionControl: 'keep' })._unsafeUnwrap();
    expect(kept.unwrapped).to.equal(false);
    expect(kept.statements).to.have.length(9);
    expect(kept.statements[1]).to.deep.equal({
      sql: 'BEGIN IMMEDIATE TRANSACTION',
      line: 3,
      index: 2,
      onlyAdds: false,
    });
  });

  it('reports what is never closed', () => {
    expect(refusal("SELECT 1;\nSELECT 'it;\n")).to.deep.equal({ kind: 'unterminated', what: 'string', line: 2 });
  });
});
