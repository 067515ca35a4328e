// One value has one text, and it is the text that RFC 8785 prescribes.
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalJson } from '#src/core/events/canonical-json.js';

/** RFC 8785, appendix B: IEEE 754 bits and the text of the number. */
const NUMBERS: readonly (readonly [bits: string, text: string])[] = [
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
];
const double = (bits: string): number => Buffer.from(bits, 'hex').readDoubleBE();
const json = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' });

/** The same value with the members of every object in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, shuffled(member)]),
  );
}

describe('canonicalJson', () => {
  it('writes every number of RFC 8785, appendix B, as it stands there', () => {
    for (const [bits, text] of NUMBERS) expect(canonicalJson(double(bits)), bits).to.equal(text);
  });

  it('refuses the numbers that JSON cannot carry', () => {
    for (const bits of ['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000']) {
      expect(() => canonicalJson({ deep: [double(bits)] }), bits).to.throw(TypeError);
    }
  });

  it('refuses what is no JSON at all instead of writing something else for it', () => {
    for (const value of [undefined, 1n, Symbol('s'), () => 1, [undefined]])
      expect(() => canonicalJson(value)).to.throw(TypeError);
  });

  it('writes the example of section 3.2.2 byte by byte', () => {
    const text = String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`;
    expect(canonicalJson(JSON.parse(text))).to.equal(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('orders keys by UTF-16 code units, as the example of section 3.2.3 does', () => {
    const keys = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew',
      '1': 'One',
      '\u{1f600}': 'Smiley',
      '\u0080': 'Control',
      '\u00f6': 'o',
    };
    expect(
      Object.values(
        JSON.parse(
          `[${canonicalJson(keys)
            .slice(1, -1)
            .replaceAll(/"[^"]*":/g, '')}]`,
        ),
      ),
    ).to.deep.equal(['Carriage Return', 'One', 'Control', 'o', 'Euro Sign', 'Smiley', 'Hebrew']);
  });

  it('leaves members out that are undefined', () => {
    expect(canonicalJson({ b: undefined, a: { c: undefined } })).to.equal('{"a":{}}');
  });

  it('keeps a member that is called __proto__', () => {
    const value: unknown = JSON.parse('{"b":1,"__proto__":{"a":2}}');
    expect(canonicalJson(value)).to.equal('{"__proto__":{"a":2},"b":1}');
  });

  it('writes the same text for what it wrote and read back', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).to.equal(text);
      }),
    );
  });

  it('writes the same text whatever the order of the keys', () => {
    fc.assert(fc.property(json, (value) => void expect(canonicalJson(shuffled(value))).to.equal(canonicalJson(value))));
  });

  it('writes two texts for two values', () => {
    const wellFormed = fc.jsonValue({ maxDepth: 2 });
    fc.assert(
      fc.property(wellFormed, wellFormed, (a, b) => {
        expect(canonicalJson(a) === canonicalJson(b)).to.equal(isDeepStrictEqual(asRead(a), asRead(b)));
      }),
    );
  });

  it('replaces a lone surrogate, and leaves a pair', () => {
    expect(canonicalJson('a\ud83d')).to.equal('"a\ufffd"');
    expect(canonicalJson('\ude00b')).to.equal('"\ufffdb"');
    expect(canonicalJson('\ude00\ud83d')).to.equal('"\ufffd\ufffd"');
    expect(canonicalJson('\ud83d\ude00')).to.equal('"\u{1f600}"');
  });

  it('survives UTF-8, whatever is in strings and keys', () => {
    const unit = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });
    fc.assert(
      fc.property(fc.dictionary(unit, unit), (value) => {
        const text = canonicalJson(value);
        expect(Buffer.from(text, 'utf8').toString('utf8')).to.equal(text);
        expect(canonicalJson(JSON.parse(text))).to.equal(text);
      }),
    );
  });
});

/** As a reader of JSON gets it: without the sign of zero. */
const asRead = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
