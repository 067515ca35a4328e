// Names and literals of what is generated: whatever a database calls its tables, TypeScript reads it as it was meant.
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import fc from 'fast-check';
import { textsIn } from '#src/dao/generate/live-table.js';
import { fileName, key, list, literal, member, typeName } from '#src/dao/generate/type-script.js';

const read = (text: string): unknown => runInNewContext(`'use strict'; (${text})`) as unknown;

describe('a generated literal', () => {
  it('is read as the text that it was made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(read(literal(text))).to.equal(text);
      }),
    );
    for (const text of [`'`, `"`, `'"`, '\\', '\n\u2028', '`${1}`', '\0'])
      expect(read(literal(text)), JSON.stringify(text)).to.equal(text);
  });

  it('has the quotes that need fewer escapes', () => {
    expect([literal('a'), literal(`it's`), literal(`"a" it's`)]).to.deep.equal([`'a'`, `"it's"`, `'"a" it\\'s'`]);
  });
});

describe('a generated key', () => {
  it('makes a member of that name, and reads it', () => {
    const holds = (name: string): void => {
      const made = read(`({ ${key(name)}: 1 })`) as Record<string, number>;
      expect(Object.keys(made)).to.deep.equal([name]);
      expect(read(`({ ${key(name)}: 1 })${member(name)}`)).to.equal(1);
    };
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), holds));
    for (const name of ['__proto__', 'class', '1st', 'a b', 'Ünï', `na"me`, '']) holds(name);
  });
});

describe('a generated name', () => {
  it('is a name of TypeScript, whatever the table is called', () => {
    const isName = (table: string): void => {
      expect(typeName(table)).to.match(/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u);
      // No separator and no dot; letters that are none by their category, and marks that come with small letters, are both fine.
      expect(fileName(table)).to.match(/^[\p{ID_Continue}-]+$/u);
    };
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), isName));
    for (const table of ['', '1st', '"; DROP', 'Dao']) isName(table);
  });

  it('is the table’s own, in the fashion of TypeScript', () => {
    const names = ['order_lines', 'OrderLines', 'HTTPRequests', 'celestial signs', 'Dao', '2026'].map(typeName);
    expect(names).to.deep.equal([
      'OrderLines',
      'OrderLines',
      'HTTPRequests',
      'CelestialSigns',
      'TableDao',
      'Table2026',
    ]);
    const files = ['order_lines', 'OrderLines', 'HTTPRequests', '../../etc/passwd', '"'].map(fileName);
    expect(files).to.deep.equal(['order-lines', 'order-lines', 'http-requests', 'etc-passwd', 'table']);
  });
});

describe('a generated list', () => {
  it('stands on one line where it fits', () => {
    expect(list('  a: ', [`'x'`, `'y'`], ',')).to.equal(`  a: ['x', 'y'],`);
    const long = Array.from({ length: 30 }, (_, at) => `'value ${at}'`);
    expect(list('  a: ', long, ','))
      .to.match(/^ {2}a: \[\n {4}'value 0',\n/)
      .and.to.match(/,\n {2}\],$/);
  });
});

describe('the values of a check', () => {
  it('are texts and nothing else', () => {
    expect(textsIn(`'a', 'it''s'::text,''`)).to.deep.equal(['a', `it's`, '']);
    expect(textsIn(`'a'::character varying, 'b'::character varying`)).to.deep.equal(['a', 'b']);
    for (const other of ['1, 2', `'a', lower('b')`, `'a' || 'b'`, '', `'a`])
      expect(textsIn(other), other).to.equal(undefined);
  });
});
