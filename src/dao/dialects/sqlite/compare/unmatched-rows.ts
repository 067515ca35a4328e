// Holds the rows of two walks that have not met their twin yet, for one share of all rows, within a bound.
import { hash } from 'node:crypto';
import { type Digest128, DigestCounts } from '../../../digest-counts.js';

/** A share of all rows: those whose digest has `value` in the lowest `bits` bits of its last word. */
export interface Share {
  readonly bits: number;
  readonly value: number;
}

/** Every row. */
export const WHOLE: Share = { bits: 0, value: 0 };

/** Rows of one side count +1 and of the other -1; past `most` distinct rows half of the share is let go. */
export class UnmatchedRows {
  readonly #most: number;
  readonly #counts = new DigestCounts();
  readonly #givenUp: Share[] = [];
  #share: Share;

  constructor(share: Share, most: number) {
    this.#share = share;
    this.#most = most;
  }

  /** Shares of the rows seen that must be counted by a walk of their own. */
  get givenUp(): readonly Share[] {
    return this.#givenUp;
  }

  /** Adds a row of one side, or lets it cancel a row of the other. */
  add(content: Buffer, sign: 1 | -1): void {
    const digest = digestOf(content);
    if (!isIn(this.#share, digest)) return;
    this.#counts.add(digest, sign);
    // With 31 bits a share is a two-billionth of the rows: more cannot be held apart, nor need be.
    while (this.#counts.size > this.#most && this.#share.bits < 31) this.#split();
  }

  /** The number of rows left over on either side. */
  totals(): { readonly positive: number; readonly negative: number } {
    return this.#counts.totals();
  }

  #split(): void {
    const { bits, value } = this.#share;
    this.#share = { bits: bits + 1, value };
    this.#givenUp.push({ bits: bits + 1, value: value + 2 ** bits });
    this.#counts.retain((digest) => isIn(this.#share, digest));
  }
}

/** The first 128 bits of the sha256. */
function digestOf(content: Buffer): Digest128 {
  const whole = hash('sha256', content, 'buffer');
  return Uint32Array.of(whole.readUInt32LE(0), whole.readUInt32LE(4), whole.readUInt32LE(8), whole.readUInt32LE(12));
}

function isIn(share: Share, digest: Digest128): boolean {
  return (digest[3] ?? 0) % 2 ** share.bits === share.value;
}
