// Directives of SQL steps: what they allow, and that one which is not understood is refused at its line.
import { expect } from 'chai';
import fc from 'fast-check';
import { parseDirectives, type Directives } from '#src/steps/sql-directives.js';

const parsed = (...lines: readonly string[]): Directives => parseDirectives(lines.join('\n'))._unsafeUnwrap();
const NONE = { mayLoseRows: [], mayDrop: [], mayNull: [] };

describe('parseDirectives', () => {
  it('finds nothing in plain SQL and in other comments', () => {
    const expected = { transaction: 'own', foreignKeys: 'off', doneWhen: undefined, declares: NONE };
    expect(
      parsed('select 1; -- migrate-safe: no-transaction', '-- a note', '/* x */', '-- migrate-safe is nice'),
    ).to.deep.equal(expected);
    expect(parsed('-- migrate-safe:up', '-- migrate-safe: DOWN', '')).to.deep.equal(expected);
  });

  it('reads what a step may do', () => {
    const { declares } = parsed(
      '-- migrate-safe: touches table=orders table=customers',
      '--migrate-safe:may-lose-rows table=orders,items',
      '  --  MIGRATE-SAFE:  May-Drop  table=a column=b.c index=d view=e trigger=f check=g.h  ',
      '-- migrate-safe: may-null column=orders.note',
      '-- migrate-safe: may-lose-rows table="two words"',
    );
    expect(declares).to.deep.equal({
      touches: ['orders', 'customers'],
      mayLoseRows: ['orders', 'items', 'two words'],
      mayDrop: ['a', 'b.c', 'd', 'e', 'f', 'g.h'],
      mayNull: ['orders.note'],
    });
  });

  it('reads how a step runs', () => {
    expect(parsed('-- migrate-safe: no-transaction').transaction).to.equal('none');
    expect(parsed('-- migrate-safe: foreign-keys ON').foreignKeys).to.equal('on');
    expect(parsed('-- migrate-safe: foreign-keys off').foreignKeys).to.equal('off');
    expect(parsed("-- migrate-safe: done-when SELECT count(*) FROM t WHERE x = 'a;b';  ").doneWhen).to.equal(
      "SELECT count(*) FROM t WHERE x = 'a;b'",
    );
    expect(parsed('-- migrate-safe: done-when with a as (select 1) select * from a').doneWhen).to.contain('with a');
  });

  it('reads CRLF files as it reads LF files', () => {
    expect(parsed('-- migrate-safe: may-lose-rows table=orders\r').declares.mayLoseRows).to.deep.equal(['orders']);
  });

  it('refuses what it does not understand, at its line', () => {
    const wrong = [
      'may-loose-rows table=orders',
      'may-lose-rows',
      'may-lose-rows orders',
      'may-lose-rows column=orders',
      'may-lose-rows table=orders, items',
      'may-lose-rows table=orders because',
      'may-lose-rows table="orders',
      'may-lose-rows table=',
      'may-drop orders',
      'may-drop rows=orders',
      'may-null table=orders',
      'touches orders',
      'no-transaction please',
      'foreign-keys',
      'foreign-keys yes',
      'done-when',
      'done-when delete from t',
      'up now',
    ];
    for (const text of wrong) {
      const refused = parseDirectives(`select 1;\n\n-- migrate-safe: ${text}\n`)._unsafeUnwrapErr();
      expect(refused, text).to.include({ line: 3, text });
      expect(refused.reason, text).not.to.equal('');
    }
  });

  it('reads a quoted name as it was, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(parsed(`-- migrate-safe: may-drop table=${JSON.stringify(name)}`).declares.mayDrop).to.deep.equal([
          name,
        ]);
      }),
      { numRuns: 300 },
    );
  });

  it('never throws and never allows what does not stand in the text', () => {
    const piece = fc.constantFrom(
      '-- migrate-safe:',
      'may-drop',
      'may-null',
      ' ',
      '\n',
      'table=',
      'column=',
      '"',
      '\\',
      'orders',
      ',',
      '=',
      'é',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join('');
        const result = parseDirectives(text);
        if (result.isErr()) expect(text).to.contain(result.error.text);
        else if (result.value.declares.mayDrop?.length !== 0) expect(text).to.contain('may-drop');
      }),
    );
  });
});
