// What two lists do not share, whatever their ends have in common.
import { expect } from 'chai';
import fc from 'fast-check';
import { unlike } from '#src/core/schema/unlike.js';

const objects = Array.from({ length: 8 }, (_, at) => ({ at }));
const list = fc.shuffledSubarray(objects);

describe('unlike', () => {
  it('leaves out exactly the objects that are in both lists, and keeps the order of the others', () => {
    fc.assert(
      fc.property(list, list, list, list, (head, before, after, tail) => {
        const whole = (middle: typeof objects): typeof objects => [...new Set([...head, ...middle, ...tail])];
        const [old, now] = [whole(before), whole(after)];
        expect(unlike(old, now)).to.deep.equal([
          old.filter((one) => !now.includes(one)),
          now.filter((one) => !old.includes(one)),
        ]);
      }),
    );
  });

  it('takes two objects of the same content for two', () => {
    const [before, after] = [{ at: 0 }, { at: 0 }];
    const [gone, fresh] = unlike([before], [after]);
    expect(gone[0]).to.equal(before);
    expect(fresh[0]).to.equal(after);
  });
});
