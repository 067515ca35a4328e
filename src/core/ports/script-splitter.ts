// Splitting a script into statements is dialect work; step files ask for it through this port.
import type { Result } from 'neverthrow';

/** One statement of a script. */
export interface ScriptStatement {
  /** The statement without its final semicolon and without leading or trailing blanks and comments. */
  readonly sql: string;
  /** 1-based line of its first token within the script. */
  readonly line: number;
  /** 1-based number of the statement in the script (a stripped BEGIN does not count). */
  readonly index: number;
  /** By its own words it only adds: it changes and takes away nothing that is there. */
  readonly onlyAdds?: boolean;
}

export interface Script {
  readonly statements: readonly ScriptStatement[];
  /** The file wrapped itself in `BEGIN … COMMIT`, which was taken off: the engine's transaction takes its place. */
  readonly unwrapped: boolean;
}

export type ScriptError =
  | {
      readonly kind: 'unterminated';
      readonly what: 'string' | 'identifier' | 'comment' | 'trigger' | 'function-body' | 'nul';
      readonly line: number;
    }
  | { readonly kind: 'unsupported'; readonly what: 'copy-from-stdin' | 'psql-command'; readonly line: number }
  | { readonly kind: 'transaction-control'; readonly keyword: string; readonly line: number };

/** `keepTransactionControl` leaves BEGIN and COMMIT where they are: for steps that declare themselves non-transactional. */
export interface ScriptSplitter {
  split(script: string, options?: { readonly transactionControl: 'refuse' | 'keep' }): Result<Script, ScriptError>;
}
