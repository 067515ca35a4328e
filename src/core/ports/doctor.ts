// What a look at the environment finds, each with what mends it.

/** One thing that was looked at. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** The command or the deed that mends it; where all is well, advice; null where nothing needs to be done. */
  readonly fix: string | null;
}

/** What only the dialect knows: its driver, the database itself, whose tables are in it. */
export interface DatabaseDoctor {
  /** Changes nothing. What cannot be looked at is a check that is not ok. */
  examine(): Promise<readonly HealthCheck[]>;
}
