// Placeholders: counted, or a bug is told.
import { expect } from 'chai';
import { numbered } from '#src/dao/dialects/postgres/placeholders.js';

describe('placeholders for PostgreSQL', () => {
  it('are numbered in their order', () => {
    expect(numbered('INSERT INTO t VALUES (?, ?), (?, ?)', 4)).to.equal('INSERT INTO t VALUES ($1, $2), ($3, $4)');
    expect(numbered(`SELECT 'a ? b'`, 0)).to.equal(`SELECT 'a ? b'`);
  });

  it('are as many as there are values', () => {
    expect(() => numbered('SELECT ?', 2)).to.throw('1 placeholders for 2 values');
  });
});
