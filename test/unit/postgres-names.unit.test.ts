// Names of tables in PostgreSQL: short for people, whole for statements, and the way back.
import { expect } from 'chai';
import fc from 'fast-check';
import { nameOf, parseName, sqlName } from '#src/dao/dialects/postgres/name.js';

describe('names of PostgreSQL', () => {
  it('leaves the schema public unsaid, and quotes only where a name would be read as another one', () => {
    expect(nameOf({ schema: 'public', name: 'orders' })).to.equal('orders');
    expect(nameOf({ schema: 'public', name: 'Orders 1' })).to.equal('Orders 1');
    expect(nameOf({ schema: 'app', name: 'orders' })).to.equal('app.orders');
    expect(nameOf({ schema: 'public', name: 'app.orders' })).to.equal('"app.orders"');
    expect(sqlName(parseName('public.orders'))).to.equal('"public"."orders"');
  });

  it('finds the way back from every name', () => {
    const text = fc.string({ minLength: 1 }).filter((name) => !name.includes('\0'));
    fc.assert(
      fc.property(text, text, (schema, name) => {
        expect(parseName(nameOf({ schema, name }))).to.deep.equal({ schema, name });
      }),
    );
  });
});
