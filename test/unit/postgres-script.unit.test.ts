// Scripts for PostgreSQL: where they are cut, what of them is taken off, and what is refused.
import { expect } from 'chai';
import fc from 'fast-check';
import type { Script, ScriptError } from '#src/core/ports/script-splitter.js';
import { PostgresScriptSplitter } from '#src/dao/dialects/postgres/sql/script.js';
import { tokenize } from '#src/dao/dialects/postgres/sql/token.js';

const splitter = new PostgresScriptSplitter();
const split = (script: string): Script => splitter.split(script)._unsafeUnwrap();
const refusal = (script: string): ScriptError => splitter.split(script)._unsafeUnwrapErr();
const sqls = (script: string): string[] => split(script).statements.map(({ sql }) => sql);

describe('the tokens of PostgreSQL', () => {
  it('are the whole text, whatever it is', () => {
    const piece = fc.constantFrom(
      "'",
      '"',
      '$',
      '$$',
      '$a$',
      '/*',
      '*/',
      '--',
      '\n',
      "E'",
      "U&'",
      '\\',
      ';',
      '1.',
      '.5',
      'a$',
      'é',
      ' ',
      '(',
      'end',
      "''",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 20 }), (pieces) => {
        const sql = pieces.join('');
        const tokens = tokenize(sql);
        expect(tokens.map(({ text }) => text).join('')).to.equal(sql);
        expect(tokens.every(({ start, end }) => end > start)).to.equal(true);
      }),
    );
  });
});

describe('PostgresScriptSplitter', () => {
  const cuts: readonly (readonly [why: string, script: string, statements: readonly string[]])[] = [
    ['at semicolons', 'SELECT 1; SELECT 2 ;;\n', ['SELECT 1', 'SELECT 2']],
    [
      'not in strings',
      `SELECT 'a;''b'; SELECT E'a\\';b'; SELECT U&'\\0041;'`,
      [`SELECT 'a;''b'`, `SELECT E'a\\';b'`, `SELECT U&'\\0041;'`],
    ],
    ['not after a backslash that means nothing', `SELECT 'a\\'; SELECT 2`, [`SELECT 'a\\'`, 'SELECT 2']],
    ['not in names', `SELECT ";" FROM U&"a;b"; SELECT 2`, [`SELECT ";" FROM U&"a;b"`, 'SELECT 2']],
    [
      'not in dollar quotes',
      'DO $$ BEGIN NULL; END $$; SELECT $a$ $$; $b$; $a$',
      ['DO $$ BEGIN NULL; END $$', 'SELECT $a$ $$; $b$; $a$'],
    ],
    [
      'at a dollar that is part of a name',
      'SELECT a$1; SELECT b$ FROM t$; SELECT $1',
      ['SELECT a$1', 'SELECT b$ FROM t$', 'SELECT $1'],
    ],
    ['not in comments, which nest', '/* a; /* b; */ c; */ SELECT 1; -- d; e\nSELECT 2', ['SELECT 1', 'SELECT 2']],
    [
      'not in parentheses',
      'CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2); SELECT 3',
      ['CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)', 'SELECT 3'],
    ],
    [
      'not in the body of a routine',
      `CREATE OR REPLACE FUNCTION f(a int) RETURNS int BEGIN ATOMIC SELECT CASE a WHEN 1 THEN 2 ELSE (CASE WHEN true THEN 1 END) END; SELECT 1 AS end; END; SELECT 2`,
      [
        `CREATE OR REPLACE FUNCTION f(a int) RETURNS int BEGIN ATOMIC SELECT CASE a WHEN 1 THEN 2 ELSE (CASE WHEN true THEN 1 END) END; SELECT 1 AS end; END`,
        'SELECT 2',
      ],
    ],
  ];
  for (const [why, script, statements] of cuts) {
    it(`cuts ${why}`, () => {
      expect(sqls(script)).to.deep.equal(statements);
    });
  }

  it('numbers the statements and gives their lines', () => {
    expect(split('-- head\nSELECT 1;\r\n\r\n/* c */ SELECT\n2').statements).to.deep.equal([
      { sql: 'SELECT 1', line: 2, index: 1, onlyAdds: false },
      { sql: 'SELECT\n2', line: 4, index: 2, onlyAdds: false },
    ]);
  });

  for (const [begin, end] of [
    ['BEGIN', 'COMMIT'],
    ['begin work', 'end work'],
    ['START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE', 'COMMIT AND NO CHAIN'],
    ['BEGIN /* ; */ TRANSACTION', 'end transaction'],
  ] as const) {
    it(`takes '${begin}' and '${end}' around a script off`, () => {
      const script = split(`SET client_min_messages = warning;\n${begin};\nSELECT 1;\n${end};`);
      expect(script.unwrapped).to.equal(true);
      expect(script.statements.map(({ sql }) => sql)).to.deep.equal(['SET client_min_messages = warning', 'SELECT 1']);
    });
  }

  it('allows savepoints', () => {
    const script = 'SAVEPOINT a; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a; RELEASE SAVEPOINT a';
    expect(sqls(script)).to.deep.equal(script.split('; '));
  });

  const refused: readonly (readonly [why: string, script: string, error: ScriptError])[] = [
    [
      'a COMMIT half-way',
      'DELETE FROM t;\ncommit;\nSELECT 1',
      { kind: 'transaction-control', keyword: 'COMMIT', line: 2 },
    ],
    ['a BEGIN that is never committed', 'BEGIN;\nSELECT 1', { kind: 'transaction-control', keyword: 'BEGIN', line: 1 }],
    [
      'a chained COMMIT',
      'BEGIN;\nSELECT 1;\nCOMMIT AND CHAIN',
      { kind: 'transaction-control', keyword: 'BEGIN', line: 1 },
    ],
    ['an ABORT', 'SELECT 1;\nABORT', { kind: 'transaction-control', keyword: 'ABORT', line: 2 }],
    ['a ROLLBACK', 'ROLLBACK', { kind: 'transaction-control', keyword: 'ROLLBACK', line: 1 }],
    ['PREPARE TRANSACTION', `PREPARE TRANSACTION 'x'`, { kind: 'transaction-control', keyword: 'PREPARE', line: 1 }],
    [
      'rows for COPY',
      'SELECT 1;\nCOPY t (a)\nFROM stdin;\n1\n\\.\n',
      { kind: 'unsupported', what: 'copy-from-stdin', line: 2 },
    ],
    [
      'a command of psql',
      'SELECT 1;\n\\connect other\nSELECT 2;',
      { kind: 'unsupported', what: 'psql-command', line: 2 },
    ],
    ['a string without its end', `SELECT 1;\nSELECT 'a\n`, { kind: 'unterminated', what: 'string', line: 2 }],
    ['a dollar quote without its end', 'DO $x$ $y$\n$', { kind: 'unterminated', what: 'string', line: 1 }],
    ['a name without its end', 'SELECT "a', { kind: 'unterminated', what: 'identifier', line: 1 }],
    ['a comment without its end', '/* /* */ SELECT 1', { kind: 'unterminated', what: 'comment', line: 1 }],
    [
      'a routine without its end',
      'CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1;',
      { kind: 'unterminated', what: 'function-body', line: 1 },
    ],
    ['a NUL', 'SELECT 1;\nSELECT "a\0"', { kind: 'unterminated', what: 'nul', line: 2 }],
  ];
  for (const [why, script, error] of refused) {
    it(`refuses ${why}`, () => {
      expect(refusal(script)).to.deep.equal(error);
    });
  }

  it('keeps transaction control where it is asked to', () => {
    const kept = splitter.split('BEGIN; SELECT 1; COMMIT', { transactionControl: 'keep' })._unsafeUnwrap();
    expect(kept.statements.map(({ sql }) => sql)).to.deep.equal(['BEGIN', 'SELECT 1', 'COMMIT']);
  });
});
