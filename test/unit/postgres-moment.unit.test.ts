import { expect } from 'chai';
import { isSameBut, momentOf } from '#src/dao/dialects/postgres/inspect/moment.js';

describe('whose work can be seen at a moment', () => {
  const NOBODY: ReadonlySet<number> = new Set();
  const isSame = (before: string, after: string, own = NOBODY): boolean =>
    isSameBut(own, momentOf(before), momentOf(after));

  it('is what it was while nobody’s transaction ends', () => {
    expect(isSame('100:100:', '100:100:')).to.equal(true);
    expect(isSame('100:104:100,102', '100:104:100,102')).to.equal(true);
    // Another one has begun, and its savepoint has ended.
    expect(isSame('100:100:', '100:101:100')).to.equal(true);
  });

  it('is another one as soon as a transaction has ended, whether it had begun before or after', () => {
    expect(isSame('100:104:100,102', '102:104:102')).to.equal(false);
    expect(isSame('100:100:', '101:101:')).to.equal(false);
    expect(isSame('100:100:', '100:102:100')).to.equal(false);
  });

  it('is what it was where only own transactions have ended', () => {
    expect(isSame('100:104:100,102', '102:106:102', new Set([100, 104, 105]))).to.equal(true);
    expect(isSame('100:104:100,102', '102:106:102', new Set([100, 104]))).to.equal(false);
  });

  it('knows own transactions without their epoch', () => {
    const epoch = 3 * 2 ** 32;
    expect(isSame(`${epoch + 7}:${epoch + 7}:`, `${epoch + 8}:${epoch + 8}:`, new Set([7]))).to.equal(true);
  });

  it('is not believed where it cannot be read, or is too far away', () => {
    expect(isSame('', '100:100:')).to.equal(false);
    expect(isSame('100:100:', '')).to.equal(false);
    expect(isSame('100:100:', '9000000:9000000:')).to.equal(false);
  });
});
