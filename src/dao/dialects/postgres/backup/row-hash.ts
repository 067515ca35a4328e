// 128 bits that stand for the bytes of a row: MurmurHash3 x86-128, which JavaScript computes without a call for each row.
// https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp; it keeps chance apart, not an attacker.

const [C1, C2, C3, C4] = [0x23_9b_96_1b, 0xab_0e_97_89, 0x38_b3_4a_e5, 0xa1_e3_8b_93];

const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

function mixed(hash: number): number {
  const first = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2_b2_ae_35);
  return second ^ (second >>> 16);
}

/** Puts the hash of `bytes` from `start` to `end` into the four words of `into`. */
export function hashRow(bytes: Uint8Array, start: number, end: number, into: Uint32Array): void {
  let [h1, h2, h3, h4] = [0, 0, 0, 0];
  const word = (at: number): number =>
    (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
  const body = end - ((end - start) & 15);
  for (let at = start; at < body; at += 16) {
    h1 ^= Math.imul(rotated(Math.imul(word(at), C1), 15), C2);
    h1 = (Math.imul((rotated(h1, 19) + h2) | 0, 5) + 0x56_1c_cd_1b) | 0;
    h2 ^= Math.imul(rotated(Math.imul(word(at + 4), C2), 16), C3);
    h2 = (Math.imul((rotated(h2, 17) + h3) | 0, 5) + 0x0b_ca_a7_47) | 0;
    h3 ^= Math.imul(rotated(Math.imul(word(at + 8), C3), 17), C4);
    h3 = (Math.imul((rotated(h3, 15) + h4) | 0, 5) + 0x96_cd_1c_35) | 0;
    h4 ^= Math.imul(rotated(Math.imul(word(at + 12), C4), 18), C1);
    h4 = (Math.imul((rotated(h4, 13) + h1) | 0, 5) + 0x32_ac_3b_17) | 0;
  }
  const tail = (at: number): number => {
    let value = 0;
    for (let byte = 0; byte < 4 && at + byte < end; byte += 1) value |= (bytes[at + byte] ?? 0) << (byte * 8);
    return value;
  };
  h4 ^= Math.imul(rotated(Math.imul(tail(body + 12), C4), 18), C1);
  h3 ^= Math.imul(rotated(Math.imul(tail(body + 8), C3), 17), C4);
  h2 ^= Math.imul(rotated(Math.imul(tail(body + 4), C2), 16), C3);
  h1 ^= Math.imul(rotated(Math.imul(tail(body), C1), 15), C2);

  const length = end - start;
  [h1, h2, h3, h4] = [h1 ^ length, h2 ^ length, h3 ^ length, h4 ^ length];
  h1 = (h1 + h2 + h3 + h4) | 0;
  [h2, h3, h4] = [(h2 + h1) | 0, (h3 + h1) | 0, (h4 + h1) | 0];
  [h1, h2, h3, h4] = [mixed(h1), mixed(h2), mixed(h3), mixed(h4)];
  h1 = (h1 + h2 + h3 + h4) | 0;
  into[0] = h1;
  into[1] = h2 + h1;
  into[2] = h3 + h1;
  into[3] = h4 + h1;
}
