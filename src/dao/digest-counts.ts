// A table of counts by 128-bit digest, in typed arrays: a Map of a million strings would take five times the memory.

const WORDS = 4;
const FIRST_SLOTS = 1024;
const FULLEST = 0.7;

/** Four 32-bit words that stand for a content; the caller makes them evenly spread, as a cryptographic hash is. */
export type Digest128 = Uint32Array;

/** Counts that are never 0: a digest whose count comes to 0 is forgotten. Open addressing with linear probing. */
export class DigestCounts {
  #words = new Uint32Array(FIRST_SLOTS * WORDS);
  #counts = new Int32Array(FIRST_SLOTS);
  #size = 0;

  /** The number of digests with a count. */
  get size(): number {
    return this.#size;
  }

  add(digest: Digest128, amount: number): void {
    const slot = this.#slotOf(digest);
    const count = this.#countAt(slot);
    if (count === 0) {
      this.#words.set(digest, slot * WORDS);
      this.#size += 1;
    }
    this.#counts[slot] = count + amount;
    if (count + amount === 0) this.#empty(slot);
    else if (this.#size > this.#counts.length * FULLEST) this.#refill(this.#counts.length * 2, () => true);
  }

  /** Forgets the digests that do not pass. */
  retain(passes: (digest: Digest128) => boolean): void {
    this.#refill(this.#counts.length, passes);
  }

  /** The sum of the positive counts, and of the negative ones without their sign. */
  totals(): { readonly positive: number; readonly negative: number } {
    let [positive, negative] = [0, 0];
    for (const count of this.#counts) {
      if (count > 0) positive += count;
      else negative -= count;
    }
    return { positive, negative };
  }

  #countAt(slot: number): number {
    return this.#counts[slot] ?? 0;
  }

  #homeOf(digest: Digest128): number {
    return (digest[0] ?? 0) & (this.#counts.length - 1);
  }

  #digestAt(slot: number): Digest128 {
    return this.#words.subarray(slot * WORDS, (slot + 1) * WORDS);
  }

  /** The slot of the digest, or the free one where it belongs. */
  #slotOf(digest: Digest128): number {
    const mask = this.#counts.length - 1;
    let slot = this.#homeOf(digest);
    while (this.#countAt(slot) !== 0 && !this.#isAt(slot, digest)) slot = (slot + 1) & mask;
    return slot;
  }

  #isAt(slot: number, digest: Digest128): boolean {
    const start = slot * WORDS;
    for (let word = 0; word < WORDS; word += 1) if (this.#words[start + word] !== digest[word]) return false;
    return true;
  }

  /** Moves later entries of the same run back, so that no search ends early at the hole. */
  #empty(slot: number): void {
    const mask = this.#counts.length - 1;
    this.#size -= 1;
    let hole = slot;
    for (let next = (hole + 1) & mask; this.#countAt(next) !== 0; next = (next + 1) & mask) {
      const fromHome = (next - this.#homeOf(this.#digestAt(next))) & mask;
      if (fromHome < ((next - hole) & mask)) continue;
      this.#words.copyWithin(hole * WORDS, next * WORDS, (next + 1) * WORDS);
      this.#counts[hole] = this.#countAt(next);
      hole = next;
    }
    this.#counts[hole] = 0;
  }

  #refill(slots: number, passes: (digest: Digest128) => boolean): void {
    const [words, counts] = [this.#words, this.#counts];
    this.#words = new Uint32Array(slots * WORDS);
    this.#counts = new Int32Array(slots);
    this.#size = 0;
    for (const [i, count] of counts.entries()) {
      if (count === 0) continue;
      const digest = words.subarray(i * WORDS, (i + 1) * WORDS);
      if (!passes(digest)) continue;
      const slot = this.#slotOf(digest);
      this.#words.set(digest, slot * WORDS);
      this.#counts[slot] = count;
      this.#size += 1;
    }
  }
}
