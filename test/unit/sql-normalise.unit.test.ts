import { expect } from 'chai';
import fc from 'fast-check';

import { normaliseSql } from '#src/dao/dialects/sqlite/sql/normalise.js';

const sqlish = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'a',
        '"a b"',
        '[x]',
        '`select`',
        "'s'",
        "x'0F'",
        '1',
        '.5',
        '.',
        ',',
        '(',
        ')',
        ';',
        '=',
        '-',
        '>',
      ),
      fc.constantFrom(
        ' ',
        '\n',
        '--c\n',
        '/* c */',
        '$a',
        '::',
        ':',
        '?',
        '|',
        '/',
        '*',
        'default',
        '"',
        '\uFEFF',
        'É',
      ),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

describe('normaliseSql', () => {
  it('makes spellings of one statement equal', () => {
    const spellings = [
      'create table a(x int, y text)',
      'CREATE TABLE "A" ( x  INT , Y text ) ;',
      'CREATE -- why; "not"\r\nTABLE [a] (\r\n\t`X` int, /* ; */ "y" TEXT)',
    ];
    expect(new Set(spellings.map(normaliseSql))).to.deep.equal(new Set(['create table a(x int,y text)']));
  });

  it('keeps literals as they are', () => {
    expect(normaliseSql("select 'A  --b', X'0a', 1E5, :Name")).to.equal("select 'A  --b',X'0a',1E5,:Name");
    expect(normaliseSql("select 'A'")).not.to.equal(normaliseSql("select 'a'"));
  });

  it('keeps a name quoted where it would not be the same bare', () => {
    expect(normaliseSql('select "A b", [1x], "", `select`, "Null", "a""b", "ok"')).to.equal(
      'select "a b","1x","","select","null","a""b",ok',
    );
  });

  it('keeps the case of a quoted default, which is a string', () => {
    expect(normaliseSql('create table t(a default "New")')).to.equal('create table t(a default "New")');
  });

  it('folds ASCII letters only', () => {
    expect(normaliseSql('create table "ÄB"(x)')).to.equal('create table Äb(x)');
  });

  it('keeps operators apart that would become another token', () => {
    expect(normaliseSql('select 1 - -1, a || b, - - 2, main . t')).to.equal('select 1 - - 1,a || b,- - 2,main.t');
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(sqlish, (sql) => {
        const once = normaliseSql(sql);
        expect(normaliseSql(once)).to.equal(once);
      }),
      { numRuns: 3000 },
    );
  });
});
