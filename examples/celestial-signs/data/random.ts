// Chance that is the same every time, and the few shapes of it that the made-up data need.

/** Numbers in [0, 1): mulberry32, small, and the same on every machine. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** In [low, high), with `digits` behind the point. */
  between(low: number, high: number, digits = 0): number {
    return rounded(low + this.next() * (high - low), digits);
  }

  /** A whole number from `low` to `high`, both possible. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[Math.floor(this.next() * from.length)] ?? from[0];
  }

  /** True in `share` of the cases. */
  now(share: number): boolean {
    return this.next() < share;
  }
}

export const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

const START = Date.UTC(2023, 0, 1);
const HOUR = 3_600_000;

/** `hours` after the first of January 2023, UTC, ISO 8601. */
export const instant = (hours: number): string => new Date(START + Math.round(hours * HOUR)).toISOString();

/** Hours from the first of January 2023 to the end of the data. */
export const SPAN = 30_000;

/** `count` rows with ids from 1. */
export const rows = <T extends object>(count: number, row: (id: number) => T): ({ readonly id: number } & T)[] =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, ...row(index + 1) }));
