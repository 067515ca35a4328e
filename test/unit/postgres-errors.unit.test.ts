// What the driver throws, as the engine tells it.
import { expect } from 'chai';
import { classify } from '#src/dao/dialects/postgres/classify.js';

const thrown = (fields: object): Error => Object.assign(new Error('words'), fields);

describe('an error of PostgreSQL', () => {
  it('says which row broke a constraint, and what the server would try', () => {
    const unique = classify(thrown({ code: '23505', detail: 'Key (id)=(3) already exists.', hint: 'none' }));
    expect(unique).to.include({ kind: 'constraint', message: 'words (Key (id)=(3) already exists)' });
    const missing = classify(thrown({ code: '42703', detail: 'x', hint: 'Perhaps you meant "b".' }));
    expect(missing).to.include({ kind: 'missing-object', message: 'words (Perhaps you meant "b")' });
    expect(classify(thrown({ code: '23505', detail: 'x'.repeat(201) })).message).to.equal('words');
  });

  it('is told from a cancel where a time was over, and knows a password that nobody gave', () => {
    const timeout = 'canceling statement due to statement timeout';
    expect(classify(thrown({ code: '57014' })).kind).to.equal('interrupted');
    expect(classify(Object.assign(new Error(timeout), { code: '57014' })).kind).to.equal('other');
    const sasl = new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string');
    expect(classify(sasl)).to.include({ kind: 'access-denied' });
    expect(classify(sasl).message).to.equal('the server asks for a password, and none is given');
  });
});
