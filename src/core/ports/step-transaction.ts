// One step's transaction on a database: what is run in it, what it did, and how it ends.
import type { ResultAsync } from 'neverthrow';
import type { Effects } from '../events/effects.js';
import type { RecordedEvent } from '../events/envelope.js';
import type { AppliedStep } from '../history/history.js';
import type { SchemaSnapshot } from '../schema/snapshot.js';
import type { StepHandle } from '../steps/migration-step.js';
import type { ScriptStatement } from './script-splitter.js';
import type { Preparing } from './contract.js';
import type { SqlError } from './session.js';

/** Rows that something happened to, with a few of their keys as readable text. */
export interface RowFinding {
  readonly table: string;
  readonly rows: number;
  readonly keys: readonly string[];
}
export interface ColumnFinding extends RowFinding {
  readonly column: string;
}
export interface LostObject {
  /**
   * `constraint`: a primary key, a foreign key or an exclusion. `privileges`, `comment`: all of a table that another one
   * took the place of, and of its columns.
   */
  readonly type:
    | 'trigger'
    | 'view'
    | 'index'
    | 'check'
    | 'unique'
    | 'constraint'
    | 'default'
    | 'policy'
    | 'rule'
    | 'privileges'
    | 'comment';
  readonly name: string;
  readonly table?: string;
  /** Why it could not be kept, in the database's words. */
  readonly reason?: string;
}
/** Rows whose parent is missing, and were not before. */
export interface ForeignKeyFinding extends RowFinding {
  readonly parent: string;
}

/** What a step did, observed inside its transaction. Facts only: the guard judges them. */
export interface StepObservation {
  readonly before: SchemaSnapshot;
  readonly after: SchemaSnapshot;
  readonly effects: Effects;
  readonly deletedRows: readonly RowFinding[];
  readonly droppedTables: readonly RowFinding[];
  readonly droppedColumns: readonly ColumnFinding[];
  readonly nulledValues: readonly ColumnFinding[];
  readonly brokenForeignKeys: readonly ForeignKeyFinding[];
  /** What was there before under another name: its own is new, what is in it is not. */
  readonly renamed?: readonly { readonly table: string; readonly from: string; readonly column?: string }[];
  /** Lost without having been named by the step. */
  readonly lostObjects: readonly LostObject[];
  /** Lost by a rebuild and made again from their stored SQL. */
  readonly reinstated: readonly { readonly type: string; readonly name: string }[];
}

/** A statement failed, or the step did what a step must not do. */
export type StepFault =
  | { readonly kind: 'sql'; readonly error: SqlError; readonly statement?: ScriptStatement }
  | {
      readonly kind: 'forbidden';
      readonly what: 'transaction-control' | 'attach' | 'closed' | 'write-in-check' | 'journal';
      readonly sql: string;
      readonly statement?: ScriptStatement;
    }
  | { readonly kind: 'ended-transaction' }
  | { readonly kind: 'foreign-write' };

/** Open from `begin` until `commit` or `rollback`; statements given to it after that are refused. */
export interface StepTransaction extends Preparing {
  /** The schema as the step found it. */
  readonly before: SchemaSnapshot;
  /** Runs statements of a script one by one. */
  execute(statements: readonly ScriptStatement[], signal: AbortSignal): ResultAsync<void, StepFault>;
  /** The handle for a step written in code: a knex instance on this transaction's connection; to `read` only for its questions. */
  handle(signal: AbortSignal, access: 'work' | 'read'): ResultAsync<StepHandle, StepFault>;
  /** From now on handles for work are refused: what is observed is all that is committed. */
  endWork(): ResultAsync<void, never>;
  /** What a step's code did wrong with its handle, if it did. */
  fault(): StepFault | undefined;
  /** The last statement that failed: what a step's code is thrown carries other words. */
  lastError(): SqlError | undefined;
  /** Reads what was done, and makes again what a rebuild lost on the way. */
  observe(): ResultAsync<StepObservation, StepFault>;
  /** Names the backup that holds the state before the step; without one, what was committed is read instead. */
  compareWith(backupFile: string): void;
  /** Writes events and the projection they lead to into the journal, inside the transaction. */
  append(events: readonly RecordedEvent[], steps: readonly AppliedStep[]): ResultAsync<void, SqlError>;
  /**
   * The transaction of the next step, where it shares this one: it begins with what was observed, and all of it is
   * committed or rolled back through the last. It has no before-image: a step that needs one fails, and wants its own.
   */
  next(): Promise<StepTransaction>;
  commit(): ResultAsync<void, SqlError>;
  rollback(): ResultAsync<void, SqlError>;
  /**
   * Takes back all that was done, holds nothing for `pauseMs` and begins anew: after an error that is `transient`. Only
   * where more than one connection can write at a time.
   */
  restart?(pauseMs: number): ResultAsync<void, SqlError>;
  /** Has `again` done first thing wherever the transaction begins anew: what was locked before is free then. */
  whenRestarted?(again: () => ResultAsync<void, SqlError>): void;
  /** Stops the statement that is running, where the driver can. */
  interrupt(): void;
}
