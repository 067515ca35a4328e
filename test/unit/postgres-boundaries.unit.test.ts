// The splitter and PostgreSQL's own parser see the same statements in a script, and the same kind of each.
import { expect } from 'chai';
import fc from 'fast-check';
import { loadModule, parseSync } from 'libpg-query';
import { classifyText } from '#src/dao/dialects/postgres/sql/classify-statement.js';
import { loadParser, type Parse } from '#src/dao/dialects/postgres/sql/parser.js';
import { splitStatements } from '#src/dao/dialects/postgres/sql/split.js';
import { isTrivia, tokenize } from '#src/dao/dialects/postgres/sql/token.js';
import { STATEMENTS } from '../support/postgres-statements.js';

/** Statements with a semicolon, or what looks like an end, where it means nothing. */
const TRICKY: readonly string[] = [
  `SELECT 'a;b''c;', E'it\\'s;', U&'\\0041;', B'01', x'ff', $$;$$, $a$ $$; $b$ ; $a$`,
  `SELECT ";" FROM "a""b;", U&"d\\0061t;a"`,
  `CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END; $f$`,
  `CREATE FUNCTION f(a int) RETURNS int BEGIN ATOMIC SELECT CASE a WHEN 1 THEN 2 ELSE 3 END; SELECT 1; END`,
  `CREATE OR REPLACE PROCEDURE p(x int) LANGUAGE sql BEGIN ATOMIC INSERT INTO t VALUES (1); DELETE FROM t WHERE id = x; END`,
  `CREATE FUNCTION begin(atomic int) RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  `CREATE FUNCTION f() RETURNS int RETURN (SELECT 1)`,
  `CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; DELETE FROM u; SELECT ';')`,
  `DO $$ BEGIN PERFORM 1; COMMIT; END $$`,
  `/* a; /* b; */ ; */ SELECT /* ; */ 1 -- ; x`,
  `SELECT 1 AS begin, 2 AS "end", 3 AS atomic`,
  `INSERT INTO t VALUES ('é;', '☃', '𝄞;')`,
  `SELECT a$1 FROM t$ WHERE x = $1`,
  `SELECT 1::int, 2 :: text, (ARRAY[1,2])[1:2], '{}'::jsonb -> 'a' ->> 'b', 1 <> 2, 5 !~ 'x'`,
  `SELECT 1.5e-3, .5, 1., 0xFF, 1_000`,
  `SELECT 'a'\n'b;'`,
  `BEGIN`,
  `COMMIT AND CHAIN`,
  `ROLLBACK TO SAVEPOINT a`,
  `COPY t TO STDOUT WITH (FORMAT csv, DELIMITER ';')`,
  `CREATE TRIGGER g AFTER UPDATE OF a ON t FOR EACH ROW WHEN (OLD.a IS DISTINCT FROM NEW.a) EXECUTE FUNCTION f(';')`,
];

const TRIVIA = ['', ' ', '\n', '\r\n', '\t', ' -- c; d\n', '/* ; */', '/* /* ; */ -- */', '-- \\c x\n'] as const;

describe('the splitter and the parser', () => {
  let parse: Parse | undefined;
  before(async () => {
    await loadModule();
    parse = await loadParser();
  });

  /** A statement without the blanks and comments around it. */
  const bare = (sql: string): string => {
    const tokens = tokenize(sql).filter((token) => !isTrivia(token));
    return sql.slice(tokens.at(0)?.start ?? 0, tokens.at(-1)?.end ?? 0);
  };
  /** The parser counts bytes; a last statement without a semicolon has no length. */
  const byParser = (script: string): string[] => {
    // It refuses to look at nothing.
    const bytes = Buffer.from(script === '' ? ' ' : script);
    return (parseSync(bytes.toString()).stmts ?? []).map(({ stmt_location: at = 0, stmt_len: length = 0 }) =>
      bare(bytes.subarray(at, length === 0 ? undefined : at + length).toString()),
    );
  };
  const bySplitter = (script: string): string[] =>
    splitStatements(script)
      ._unsafeUnwrap()
      .map(({ sql }) => sql);

  for (const sql of TRICKY)
    it(`see one statement: ${sql}`, () => {
      expect(byParser(sql)).to.deep.equal([bare(sql)]);
      expect(bySplitter(sql)).to.deep.equal([bare(sql)]);
    });

  it('cut every script at the same places', () => {
    const statement = fc.constantFrom(...TRICKY, ...STATEMENTS.map(({ sql }) => sql));
    const trivia = fc.constantFrom(...TRIVIA);
    const end = fc.constantFrom('\n;', '\n;;', '\n; ;\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(trivia, statement, end, trivia), { maxLength: 8 }), trivia, (parts, last) => {
        const script = parts.flat().join('') + last;
        expect(bySplitter(script)).to.deep.equal(byParser(script));
      }),
      { numRuns: 300 },
    );
  });

  it('cut a script at the same places, whatever stands in it, as long as it is one', () => {
    const head = fc.constantFrom(
      'SELECT 1',
      'SELECT a',
      'SELECT (SELECT 1)',
      'SELECT CASE WHEN true THEN 1 END',
      'VALUES (1)',
      'COMMIT',
      'BEGIN',
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1',
      'CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1',
    );
    const tail = fc.constantFrom(
      '',
      '',
      `AS "b;"`,
      `, ';'`,
      `, E'\\';'`,
      ', $$;$$',
      ', $x$;$$;$x$',
      '-- ;\n',
      '/* ; */',
      '/* /*;*/ */',
      ')',
      'END',
      '; END',
      '; SELECT 2)',
      'AS "end"',
      ', $1',
      '::é',
      'FROM t',
      ', CASE 1 WHEN 2 THEN 3 END',
    );
    const end = fc.constantFrom(';', ';', ';', ' ; ;', '');
    const pieces = fc.array(fc.tuple(head, tail, tail, end), { maxLength: 4 });
    let scripts = 0;
    fc.assert(
      fc.property(pieces, (parts) => {
        const script = parts.flat().join(' ');
        let expected: string[];
        try {
          expected = byParser(script);
        } catch {
          return;
        }
        scripts += expected.length > 1 ? 1 : 0;
        expect(bySplitter(script)).to.deep.equal(expected);
      }),
      { numRuns: 5000 },
    );
    expect(scripts).to.be.greaterThan(100);
  });

  it('agree on what begins or ends a transaction, in any case and with any blanks', () => {
    const gap = fc.constantFrom(' ', '\n', ' /* c */ ', ' -- c\n');
    const word = fc.constantFrom(
      'BEGIN',
      'start transaction',
      'COMMIT',
      'END',
      'ABORT',
      'Rollback',
      'SAVEPOINT a',
      'RELEASE a',

      'WORK',
      'TRANSACTION',
      'TO',
      'SAVEPOINT',
      'a',
      'AND NO CHAIN',
      'AND CHAIN',
      'PREPARE',
      "PREPARED 'x'",
      'READ ONLY',
    );
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), gap, (words, between) => {
        const sql = words.join(between);
        if (parse?.(sql)?.length !== 1) return;
        const { control, outside } = classifyText(sql, parse);
        const byWords = classifyText(sql, undefined);
        expect([byWords.control, byWords.outside]).to.deep.equal([control, outside]);
      }),
      { numRuns: 3000 },
    );
  });
});
