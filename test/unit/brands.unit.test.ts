// Versions are numbers of any length, and identifiers of backups sort by time.
import { expect } from 'chai';
import fc from 'fast-check';
import {
  compareVersions,
  newBackupId,
  parseBackupId,
  parseSha256,
  parseVersion,
  sha256,
  versionKey,
} from '#src/core/brands.js';

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 30 });
const moment = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});
const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 8, maxLength: 8 });

describe('parseVersion', () => {
  it('takes digits of any length as they were written', () => {
    for (const text of ['0', '4', '0004', '20261120093000', '123456789012345678901234567890'])
      expect(parseVersion(text)._unsafeUnwrap()).to.equal(text);
    expect(parseVersion(4)._unsafeUnwrap()).to.equal('4');
  });

  it('refuses everything that is not made of ASCII digits only', () => {
    for (const text of ['', ' 4', '4 ', '4\n', '-4', '+4', '4.0', '1e3', '0x4', 'v4', '٤', '４', '²'])
      expect(parseVersion(text).isErr(), JSON.stringify(text)).to.equal(true);
  });

  it('refuses numbers that are not whole, negative, or rounded by being numbers', () => {
    for (const number of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e21, 2 ** 53, 20_261_120_093_000_123_456]) {
      expect(parseVersion(number).isErr(), String(number)).to.equal(true);
    }
    expect(parseVersion(Number.MAX_SAFE_INTEGER).isOk()).to.equal(true);
  });
});

describe('compareVersions', () => {
  it('compares as numbers, not as text', () => {
    expect(compareVersions('9', '100')).to.be.lessThan(0);
    expect(compareVersions('2', '10')).to.be.lessThan(0);
    expect(compareVersions('20261120093000', '3')).to.be.greaterThan(0);
  });

  it('tells versions of more than 20 digits apart by their last digit', () => {
    expect(compareVersions('123456789012345678901', '123456789012345678902')).to.be.lessThan(0);
    expect(compareVersions('99999999999999999999', '100000000000000000000')).to.be.lessThan(0);
  });

  it('takes leading zeros for nothing', () => {
    expect(compareVersions('0002', '2')).to.equal(0);
    expect(compareVersions('000', '0')).to.equal(0);
    expect(versionKey('0002')).to.equal('2');
    expect(versionKey('0')).to.equal('0');
  });

  it('orders as the numbers themselves are ordered', () => {
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const [x, y] = [BigInt(a), BigInt(b)];
        expect(Math.sign(compareVersions(a, b))).to.equal(x < y ? -1 : x > y ? 1 : 0);
      }),
    );
  });

  it('is a total order whose equality is that of the keys', () => {
    fc.assert(
      fc.property(digits, digits, digits, (a, b, c) => {
        expect(compareVersions(a, a)).to.equal(0);
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).to.equal(0);
        expect(compareVersions(a, b) === 0).to.equal(versionKey(a) === versionKey(b));
        const [low = '', middle = '', high = ''] = [a, b, c].toSorted(compareVersions);
        expect(compareVersions(low, middle)).to.be.at.most(0);
        expect(compareVersions(middle, high)).to.be.at.most(0);
        expect(compareVersions(low, high)).to.be.at.most(0);
      }),
    );
  });
});

describe('newBackupId', () => {
  it('looks as it is documented', () => {
    expect(newBackupId(new Date('2026-11-20T09:31:12.345Z'), '9c1e04aa')).to.equal('20261120T093112345Z-9c1e04aa');
    expect(newBackupId(new Date('2026-11-20T09:31:12.345Z'), '9c1e04aaffff')).to.equal('20261120T093112345Z-9c1e04aa');
  });

  it('sorts by time, and is taken back by its parser', () => {
    fc.assert(
      fc.property(moment, moment, hex, hex, (a, b, x, y) => {
        const [first, second] = [newBackupId(a, x), newBackupId(b, y)];
        expect(parseBackupId(first)._unsafeUnwrap()).to.equal(first);
        if (a.getTime() !== b.getTime()) expect(first < second).to.equal(a.getTime() < b.getTime());
      }),
    );
  });

  it('is a name that every file system takes, and no path', () => {
    fc.assert(
      fc.property(moment, hex, (now, random) => void expect(newBackupId(now, random)).to.match(/^[0-9A-Za-z-]+$/)),
    );
    for (const text of [
      '',
      '..',
      '20261120T093112345Z-9c1e04aa/..',
      '20261120T093112345Z-9C1E04AA',
      '20261120T093112345Z-9c1e04aa\n',
    ]) {
      expect(parseBackupId(text).isErr(), JSON.stringify(text)).to.equal(true);
    }
  });
});

describe('sha256', () => {
  it('digests text as its UTF-8 bytes', () => {
    expect(sha256('abc')).to.equal('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        (text) => void expect(sha256(text)).to.equal(sha256(Buffer.from(text))),
      ),
    );
  });

  it('is taken back by its parser, which takes nothing else', () => {
    expect(parseSha256(sha256('')).isOk()).to.equal(true);
    for (const text of ['', 'a'.repeat(63), 'A'.repeat(64), `${'a'.repeat(64)}\n`, 'g'.repeat(64)])
      expect(parseSha256(text).isErr()).to.equal(true);
  });
});
