import { expect } from 'chai';
import fc from 'fast-check';

import { splitStatements } from '#src/dao/dialects/sqlite/sql/split.js';
import { isTrivia, significant } from '#src/dao/dialects/sqlite/sql/token.js';

const split = (script: string): string[] =>
  splitStatements(script)
    .map((statements) => statements.map((statement) => statement.sql))
    ._unsafeUnwrap();

const lines = (script: string): number[] =>
  splitStatements(script)
    .map((statements) => statements.map((statement) => statement.line))
    ._unsafeUnwrap();

const TRIGGER = `CREATE TRIGGER IF NOT EXISTS r AFTER UPDATE OF a, b ON t FOR EACH ROW WHEN new.a > (SELECT 1) BEGIN
  UPDATE t SET a = CASE WHEN a > 1 THEN CASE b WHEN 2 THEN 3 END ELSE 4 END; -- END;
  INSERT INTO log VALUES ('END;', "begin", [end]); /* ; END; */
END`;

describe('splitStatements', () => {
  it('cuts at semicolons and drops empty statements', () => {
    expect(split(';;SELECT 1;\n ; -- nothing;\n;SELECT 2')).to.deep.equal(['SELECT 1', 'SELECT 2']);
    expect(split('')).to.deep.equal([]);
    expect(split('/* only; a comment */ -- and another')).to.deep.equal([]);
  });

  it('keeps semicolons in strings, names and comments', () => {
    const insert = `INSERT INTO "a;b" VALUES ('x;''y', [c;d], \`e;f\` /* ; ' */) -- ; "\n RETURNING *`;
    expect(split(`${insert}; SELECT 1`)).to.deep.equal([insert, 'SELECT 1']);
  });

  it('leaves blanks and comments around a statement out, those inside in', () => {
    expect(split('-- why\nSELECT /* one */ 1 -- it is\n  ;')).to.deep.equal(['SELECT /* one */ 1']);
  });

  it('keeps a trigger whole, with CASE, and BEGIN and END in names, strings and comments', () => {
    expect(split(`${TRIGGER};\nSELECT 1;`)).to.deep.equal([TRIGGER, 'SELECT 1']);
  });

  it('keeps temporary, commented and explained triggers whole', () => {
    const body = 'r INSTEAD OF DELETE ON v BEGIN DELETE FROM t; END';
    const heads = [
      'CREATE TEMP TRIGGER',
      'create temporary trigger',
      'CREATE /* ; */ TRIGGER',
      'EXPLAIN CREATE TRIGGER',
    ];
    for (const head of [...heads, 'EXPLAIN QUERY PLAN CREATE TRIGGER']) {
      expect(split(`${head} ${body};SELECT 1`)).to.deep.equal([`${head} ${body}`, 'SELECT 1']);
    }
  });

  it('keeps a trigger whole whose names are the bare words begin and end', () => {
    const triggers = [
      'CREATE TRIGGER begin AFTER INSERT ON end BEGIN UPDATE end SET end = begin; END',
      'CREATE TRIGGER main.begin AFTER UPDATE OF begin, end ON begin BEGIN SELECT 1, end; SELECT end; END',
      'CREATE TRIGGER r AFTER UPDATE ON of WHEN new.begin = old.end BEGIN SELECT 1; END',
      'CREATE TRIGGER r AFTER UPDATE ON t WHEN (SELECT begin FROM u) BEGIN SELECT 1; END',
    ];
    for (const trigger of triggers) expect(split(`${trigger};SELECT 1`), trigger).to.deep.equal([trigger, 'SELECT 1']);
  });

  it('takes a table called trigger for no trigger', () => {
    expect(split('CREATE TABLE "trigger"(a); CREATE TABLE trigger(begin); SELECT 1')).to.have.length(3);
  });

  it('counts lines by line feeds, with a byte order mark, CRLF and comments before', () => {
    expect(lines("\uFEFF-- one;\r\n\r\nSELECT 'a\r\nb';\r\n/* ;\r\n */ SELECT 2; SELECT 3\r\n")).to.deep.equal([
      3, 6, 6,
    ]);
  });

  it('gives where each statement starts, and its tokens', () => {
    const script = '\uFEFF é; SELECT 1 /* x */ + 2 ; ';
    const statements = splitStatements(script)._unsafeUnwrap();
    expect(statements.map(({ start, sql }) => script.slice(start, start + sql.length) === sql)).to.deep.equal([
      true,
      true,
    ]);
    expect(statements[1]?.tokens.map((token) => token.text).join('')).to.equal('SELECT 1 /* x */ + 2');
    expect(statements[1]?.tokens[0]?.start).to.equal(statements[1]?.start);
  });

  it('accepts a comment that is never closed', () => {
    expect(split('SELECT 1; /* the end; SELECT 2')).to.deep.equal(['SELECT 1']);
  });

  const unterminated: readonly (readonly [script: string, what: string, line: number])[] = [
    ["SELECT 1;\nSELECT '\n;\n", 'string', 2],
    ["SELECT x'00", 'string', 1],
    ['\nSELECT "a;\n', 'identifier', 2],
    ['SELECT [a;', 'identifier', 1],
    ['SELECT 1;\nCREATE TRIGGER r AFTER INSERT ON t\nBEGIN SELECT 1; SELECT 2;\n', 'trigger', 2],
    ['CREATE TRIGGER r AFTER INSERT ON t', 'trigger', 1],
  ];
  for (const [script, what, line] of unterminated) {
    it(`reports the ${what} that is never closed in: ${JSON.stringify(script)}`, () => {
      expect(splitStatements(script)._unsafeUnwrapErr()).to.deep.equal({ kind: 'unterminated', what, line });
    });
  }

  it('refuses a NUL wherever it stands, since SQLite reads no further and would drop the WHERE', () => {
    const scripts = [
      ['DELETE FROM t\n\0 WHERE id = 1', 'nul'],
      ['DELETE FROM t /*\n\0 */ WHERE id = 1', 'nul'],
      ["DELETE FROM t WHERE\nid = 'a\0b'", 'string'],
      ['DELETE FROM\n"t\0"', 'identifier'],
    ] as const;
    for (const [script, what] of scripts) {
      expect(splitStatements(script)._unsafeUnwrapErr()).to.deep.equal({ kind: 'unterminated', what, line: 2 });
    }
  });

  it('leaves out no token but the semicolons between statements, whatever the text', () => {
    const part = fc.oneof(
      fc.constantFrom(
        'CREATE TRIGGER r AFTER INSERT ON t',
        'BEGIN',
        'END',
        ';',
        '; END',
        'CASE',
        'EXPLAIN',
        '(',
        ')',
        'ON',
      ),
      fc.constantFrom("'s;'", '"q;"', '-- ;\n', '/* ; */', '\r\n', '.', ',', 'x', '1', 'é', '[a;b]', 'x', '*/'),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 25 }), (parts) => {
        const script = parts.join(' ');
        const result = splitStatements(script);
        if (result.isErr()) return;
        const kept = result.value.flatMap((statement) => statement.tokens.filter((token) => !isTrivia(token)));
        const starts = new Set(kept.map((token) => token.start));
        const left = significant(script).filter((token) => !starts.has(token.start));
        expect(left.every((token) => token.text === ';')).to.equal(true);
        expect(kept.length + left.length).to.equal(significant(script).length);
      }),
      { numRuns: 2000 },
    );
  });

  it('splits statements joined with any trivia back into the same statements', () => {
    const name = fc.constantFrom('t', '"a;b"', '[begin]', '`e``;`', 'наказ', 'end', '"END"', 'new.begin');
    const value = fc.oneof(
      fc.string().map((text) => `'${text.replaceAll('\0', '').replaceAll("'", "''")}'`),
      fc.constantFrom('1', 'NULL', "x'00'", 'CASE WHEN 1 THEN 2 ELSE CASE 3 WHEN 4 THEN 5 END END', '(SELECT 1)'),
    );
    const command = fc.oneof(
      fc.tuple(name, value).map(([table, text]) => `INSERT INTO ${table} VALUES (${text}, -1)`),
      fc.tuple(name, name, value).map(([table, column, text]) => `UPDATE ${table} SET ${column} = ${text}`),
      fc.tuple(value, name).map(([text, alias]) => `SELECT ${text} AS ${alias}`),
    );
    const trigger = fc
      .tuple(fc.constantFrom('', 'TEMP '), name, name, fc.array(command, { minLength: 1, maxLength: 4 }))
      .map(
        ([temp, own, table, body]) =>
          `CREATE ${temp}TRIGGER ${own} AFTER INSERT ON ${table} BEGIN ${body.join('; ')}; END`,
      );
    const trivia = fc
      .array(fc.constantFrom(' ', '\n', '\r\n', '\t', "-- it's; END;\n", '/* "; BEGIN */', ' \uFEFF', '--\r\n'), {
        maxLength: 4,
      })
      .map((parts) => parts.join(''));
    const statements = fc.array(fc.tuple(trivia, fc.oneof(command, trigger), trivia), { maxLength: 8 });
    fc.assert(
      fc.property(statements, trivia, (joined, rest) => {
        const script = joined.map((parts) => parts.join('')).join(';') + rest;
        expect(split(script)).to.deep.equal(joined.map(([, statement]) => statement));
      }),
      { numRuns: 1000 },
    );
  });
});
