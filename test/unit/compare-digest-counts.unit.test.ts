// Counts by digest in typed arrays behave as a Map does, also when many digests want the same slot.
import { expect } from 'chai';
import fc from 'fast-check';
import { DigestCounts } from '#src/dao/digest-counts.js';

describe('DigestCounts', () => {
  it('counts as a Map does', () => {
    // A small first word makes runs of collisions; enough digests make the table grow.
    const action = fc.record({
      home: fc.constantFrom(0, 1, 2, 1022, 1023, 2047),
      rest: fc.nat(400),
      amount: fc.constantFrom(1, -1),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 3000, size: 'max' }), fc.nat(3), (actions, modulus) => {
        const [counts, model] = [new DigestCounts(), new Map<string, number>()];
        for (const { home, rest, amount } of actions) {
          counts.add(Uint32Array.of(home, rest, 0, 0xffffffff), amount);
          const name = `${home}/${rest}`;
          const count = (model.get(name) ?? 0) + amount;
          if (count === 0) model.delete(name);
          else model.set(name, count);
        }
        const check = (): void => {
          const left = [...model.values()];
          expect(counts.size).to.equal(left.length);
          const positive = left.filter((n) => n > 0).reduce((sum, n) => sum + n, 0);
          expect(counts.totals()).to.deep.equal({ positive, negative: positive - left.reduce((sum, n) => sum + n, 0) });
        };
        check();
        counts.retain((digest) => (digest[1] ?? 0) % 4 === modulus);
        for (const name of model.keys()) if (Number(name.split('/')[1]) % 4 !== modulus) model.delete(name);
        check();
      }),
      { numRuns: 100 },
    );
  });
});
