// What a step did to the rows of each table.

/** How many rows of one table. */
export interface TableEffects {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** The strongest lock on a table that was there before the step, where it keeps others from writing or reading. */
export interface LockEffect {
  readonly table: string;
  /** As the database names it: `ShareRowExclusive`, `AccessExclusive`. */
  readonly mode: string;
  /** From the statement that took it to the end of the step's work. */
  readonly heldMs: number;
}

/** A foreign key that no index serves: deletes from the other table had to read all of this one. */
export interface UnindexedForeignKey {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rowsRead: number;
}

/**
 * Rows that a step changed, per table; tables that it left alone do not appear. What only some databases tell is absent
 * where there is nothing of it.
 */
export interface Effects {
  readonly tables: Readonly<Record<string, TableEffects>>;
  readonly locks?: readonly LockEffect[];
  /** Tables whose rows were all written anew. */
  readonly rewritten?: readonly string[];
  readonly truncated?: readonly string[];
  /** Sequences that gave numbers or were set: that stays, also when the step is rolled back. */
  readonly sequences?: readonly string[];
  readonly unindexedForeignKeys?: readonly UnindexedForeignKey[];
}
