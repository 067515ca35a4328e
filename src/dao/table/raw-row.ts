// A row before its types are known, or after they were left behind.

export type RawRow = Record<string, unknown>;

/** What an object has by itself: a column may be called as something that every object inherits. */
export const own = (row: object): RawRow => Object.assign(Object.create(null) as RawRow, row);
