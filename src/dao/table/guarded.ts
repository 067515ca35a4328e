// What the guards of an append-only table are made from.

export interface Guarded {
  readonly schema: string | undefined;
  readonly table: string;
  /** The column that numbers the rows. */
  readonly position: string;
}
