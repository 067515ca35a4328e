// Splitting a script into statements is dialect work; step files ask for it through this port.
import type { Result } from 'neverthrow';

/** How a statement stands to a transaction that is not like any other. */
export interface OutsideTransaction {
  /** `must`: the database refuses it inside of one. `may`: it comes to the same on either side. */
  readonly needed: 'must' | 'may';
  /** It takes no row away, however far it gets. */
  readonly losesNothing: boolean;
  /** Interrupted anywhere, or done already, it can be run again, and comes to the same. */
  readonly repeatable: boolean;
}

/** What an UPDATE of one table sets, or an ALTER of it makes, by names as the database folds them. */
export interface SetColumns {
  readonly table: string;
  readonly columns: readonly string[];
  /** They are made, and were not there before. */
  readonly makes?: true;
}

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
  /** Of an UPDATE, or an ALTER, that does nothing else by its own words; left out where that is not known. */
  readonly sets?: SetColumns;
  /** Left out for a statement that belongs into the step's transaction. */
  readonly outside?: OutsideTransaction;
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
  /** The script uses a value that it adds to an enum, which is only possible behind a commit. */
  | { readonly kind: 'uncommitted-value'; readonly value: string; readonly added: number; readonly line: number }
  | { readonly kind: 'transaction-control'; readonly keyword: string; readonly line: number };

/** `keepTransactionControl` leaves BEGIN and COMMIT where they are: for steps that declare themselves non-transactional. */
export interface ScriptSplitter {
  /** Loads what it takes to judge statements; to be awaited before `split`. Left out where nothing has to be loaded. */
  prepare?(): Promise<void>;
  split(script: string, options?: { readonly transactionControl: 'refuse' | 'keep' }): Result<Script, ScriptError>;
}
