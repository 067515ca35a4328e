import { expect } from 'chai';
import fc from 'fast-check';

import {
  asciiLower,
  asciiUpper,
  keywordOf,
  significant,
  tokenize,
  unquote,
} from '#src/dao/dialects/sqlite/sql/token.js';

const cut = (sql: string): string[] => significant(sql).map((token) => `${token.kind} ${token.text}`);

/** Text made of what a lexer may trip over. */
const sqlish = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "'",
        "''",
        '"',
        '`',
        '[',
        ']',
        '--',
        '/*',
        '*/',
        '\n',
        '\r\n',
        ';',
        '-',
        '>',
        '->>',
        '|',
        '(',
        ')',
      ),
      fc.constantFrom(
        '$',
        ':',
        '::',
        '@',
        '#',
        '?',
        '.',
        '1',
        '0x',
        'e',
        '_',
        'x',
        "x'",
        '\uFEFF',
        '\0',
        'é',
        '😀',
        ' ',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));

describe('tokenize', () => {
  it('gives every character of any text to exactly one token', () => {
    fc.assert(
      fc.property(sqlish, (sql) => {
        const tokens = tokenize(sql);
        expect(tokens.map((token) => token.text).join('')).to.equal(sql);
        let end = 0;
        for (const token of tokens) {
          expect(token.start).to.equal(end);
          expect(token.end)
            .to.equal(token.start + token.text.length)
            .and.to.be.above(token.start);
          end = token.end;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves only the last token unterminated', () => {
    fc.assert(
      fc.property(sqlish, (sql) => {
        expect(
          tokenize(sql)
            .slice(0, -1)
            .filter((token) => token.unterminated),
        ).to.deep.equal([]);
      }),
    );
  });

  it('reads strings with doubled quotes, semicolons, line ends and NUL', () => {
    expect(cut(`'it''s' '' ';--' '/*' 'a\r\nb' 'a\0b'`)).to.deep.equal([
      `string 'it''s'`,
      `string ''`,
      `string ';--'`,
      `string '/*'`,
      `string 'a\r\nb'`,
      `string 'a\0b'`,
    ]);
  });

  it('reads the three spellings of a quoted identifier', () => {
    const tokens = significant('"a""b" `c``d` [e "f` g]');
    expect(tokens.map((token) => token.kind)).to.deep.equal(['quoted', 'quoted', 'quoted']);
    expect(tokens.map(unquote)).to.deep.equal(['a"b', 'c`d', 'e "f` g']);
  });

  it('ends a bracketed identifier at its first closing bracket', () => {
    expect(cut('[a]]')).to.deep.equal(['quoted [a]', 'operator ]']);
  });

  it('ends a line comment before its line feed, and only there', () => {
    expect(tokenize('-- it\'s; "\r x\nSELECT').map((token) => [token.kind, token.text])).to.deep.equal([
      ['comment', '-- it\'s; "\r x'],
      ['space', '\n'],
      ['word', 'SELECT'],
    ]);
  });

  it('takes block comments as not nested, and marks one that is never closed', () => {
    expect(tokenize('/* /* */1/**/').map((token) => token.text)).to.deep.equal(['/* /* */', '1', '/**/']);
    expect(tokenize('/*/ x')).to.deep.equal([{ kind: 'comment', text: '/*/ x', start: 0, end: 5, unterminated: true }]);
  });

  it('takes a lone /* at the very end for two operators, as SQLite does', () => {
    expect(cut('1/*')).to.deep.equal(['number 1', 'operator /', 'operator *']);
  });

  it('reads numbers: hexadecimal, with separators, with exponents', () => {
    const numbers = ['0', '0xFf', '0X1_0', '1_000', '.5', '5.', '1.5e10', '1E+2', '1e-2', '3.e1'];
    expect(cut(numbers.join(' '))).to.deep.equal(numbers.map((number) => `number ${number}`));
    expect(cut('1abc 1e 0xg')).to.deep.equal(['number 1abc', 'number 1e', 'number 0xg']);
  });

  it('keeps a dot between names apart', () => {
    expect(cut('a.b main.1')).to.deep.equal(['word a', 'operator .', 'word b', 'word main', 'number .1']);
  });

  it('reads parameters', () => {
    const parameters = ['?', '?12', ':a', '@a', '$a', '#1', '$a::b(c)', '$a::b', ':ключ'];
    expect(cut(parameters.join(' '))).to.deep.equal(parameters.map((parameter) => `parameter ${parameter}`));
    expect(cut(': $')).to.deep.equal(['operator :', 'operator $']);
  });

  it('reads operators of several characters as one', () => {
    const operators = ['||', '->', '->>', '<=', '<>', '!=', '==', '<<', '>>', '>=', '<', '>', '=', '|', '-', '!'];
    expect(cut(operators.join(' '))).to.deep.equal(operators.map((operator) => `operator ${operator}`));
  });

  it('reads blobs, and an x that is no blob as a word', () => {
    expect(cut("x'00ff' X'' x 'a' xx'a'")).to.deep.equal([
      "blob x'00ff'",
      "blob X''",
      'word x',
      "string 'a'",
      'word xx',
      "string 'a'",
    ]);
  });

  it('takes every character beyond ASCII, digits and $ into words', () => {
    expect(cut('naïve таблица 表_1 a$b 😀 \u00A0')).to.deep.equal([
      'word naïve',
      'word таблица',
      'word 表_1',
      'word a$b',
      'word 😀',
      'word \u00A0',
    ]);
  });

  it('takes a byte order mark for white space where a token begins, and for a letter inside a word', () => {
    expect(tokenize('\uFEFFa\uFEFF').map((token) => token.kind)).to.deep.equal(['space', 'word']);
  });

  it('marks strings, identifiers and blobs that are never closed', () => {
    for (const sql of ["'a''", '"a', '`', '[a', "x'0"]) {
      expect(tokenize(sql)).to.have.length(1);
      expect(tokenize(sql)[0]?.unterminated, sql).to.equal(true);
    }
    expect(tokenize('"a').map(unquote)).to.deep.equal(['a']);
  });

  it('stays linear on a long string and on many quotes', () => {
    const long = `'${"''".repeat(500_000)}'`;
    expect(tokenize(long)).to.have.length(1);
  });
});

describe('letters', () => {
  it('folds ASCII letters only', () => {
    expect([asciiLower('ÄAB'), asciiUpper('äabß')]).to.deep.equal(['Äab', 'äABß']);
  });

  it('sees no keyword in a quoted word or in a word with a look-alike letter', () => {
    expect(significant('select "select" \u017Felect').map(keywordOf)).to.deep.equal(['SELECT', '', '\u017FELECT']);
  });
});
