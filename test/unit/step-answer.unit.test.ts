// What the answer of a step's own question means, in each form in which a driver gives it.
import { expect } from 'chai';
import { truthy } from '#src/core/manager/step-work.js';

describe('the answer of a step', () => {
  it('is yes for rows that say nothing against it, and for a plain yes', () => {
    for (const yes of [true, 1, [{ n: 1 }], [{ n: 1, done: true }], { command: 'SELECT', rows: [{ n: 1 }] }])
      expect(truthy(yes), JSON.stringify(yes)).to.equal(true);
  });

  it('is no for no rows, for a row with a no in it, and for nothing', () => {
    for (const no of [
      false,
      0,
      null,
      undefined,
      [],
      [{ n: 0 }],
      [{}],
      { command: 'SELECT', rows: [] },
      { rows: [{ n: 0 }] },
    ])
      expect(truthy(no), JSON.stringify(no)).to.equal(false);
  });
});
