// Where the databases of tests come from: one that is filled once, and copies of it. One implementation per dialect.

export interface Copy {
  readonly url: string;
  /** Nothing is connected to it any more. */
  remove(): Promise<void>;
}

/** Rejects with the error of the database or of the file system: it is a test's environment that is at fault. */
export interface Templates {
  /** Removes what runs that died have left, and makes the empty database that is to be filled; its URL. */
  begin(): Promise<string>;
  /** A copy of it, filled by now and with nobody connected. */
  copy(): Promise<Copy>;
  /** Removes all that is left of what it made. */
  close(): Promise<void>;
  /** The same at the end of the process, when nothing can be waited for: as far as that goes. */
  abandon(): void;
}
