// Time and chance, as ports: the only things besides faults that tests may fake.
export interface Clock {
  now(): Date;
}
export const systemClock: Clock = { now: () => new Date() };

/** Random lower-case hexadecimal text of the given length. */
export interface IdSource {
  hex(length: number): string;
}
