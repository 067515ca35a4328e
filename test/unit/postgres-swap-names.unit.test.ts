// The names of the databases that a restore by a swap makes and leaves.
import { expect } from 'chai';
import { keptName, keptNamePrefix, newName, newNamePrefix } from '#src/dao/dialects/postgres/restore/swap/names.js';

const AT = new Date('2026-11-21T12:34:56.789Z');

describe('the names of a swap', () => {
  it('say when a database was live, and of which name', () =>
    expect(keptName('shop', AT)).to.equal('shop_before_20261121123456'));

  it('fit what the server keeps of a name, and cut no character in two', () => {
    for (const name of ['x'.repeat(63), 'é'.repeat(31), '🦊'.repeat(15), `a${'é'.repeat(31)}`]) {
      const kept = keptName(name, AT);
      expect(Buffer.byteLength(kept), kept).to.be.within(60, 63);
      expect(kept.startsWith(keptNamePrefix(name))).to.equal(true);
      expect(name.startsWith(kept.split('_before_')[0] ?? '?')).to.equal(true);
    }
  });

  it('are of one live database, without a character that would need care', () => {
    const odd = newName(`Shop "of" 'é`, 'ab'.repeat(16));
    expect(odd).to.match(/^migrate_safe_restore_[0-9a-f]{12}_(?:ab){6}$/);
    expect(newNamePrefix('shop')).not.to.equal(newNamePrefix('shop2'));
  });
});
