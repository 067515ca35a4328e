// What a step did to the rows of each table.

export interface TableEffects {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** Rows that a step changed, per table; tables that it left alone do not appear. */
export interface Effects {
  readonly tables: Readonly<Record<string, TableEffects>>;
}
