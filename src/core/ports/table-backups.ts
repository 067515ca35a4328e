// Copies of single tables that a database keeps within itself: taken in a step's transaction, put back one by one.
import type { ResultAsync } from 'neverthrow';
import type { JournalHead } from '../journal/chain.js';
import type { Declarations, StepWork } from '../steps/migration-step.js';
import type { LiveRestorePort, RowsAtStake } from './backup-source.js';
import type { BackupReason, TableCopy } from './backup-store.js';
import type { SqlError } from './session.js';

/** The tables that were copied at one moment. */
export interface TableBackup {
  readonly id: string;
  readonly databaseId: string;
  /** UTC, ISO 8601. */
  readonly createdAt: string;
  readonly reason: BackupReason;
  readonly journal: JournalHead;
  readonly tables: readonly TableCopy[];
}

export interface KeepTables extends Omit<TableBackup, 'tables'> {
  readonly tables: readonly string[];
  /**
   * `transaction`: in the transaction that is open on the database, the tables are locked against writers until its
   * end, and are copied under that lock. `none`: all copies are of one moment, and others go on writing.
   */
  readonly lock: 'transaction' | 'none';
  /** The copies of a try that was given up: they go as soon as these are there. */
  readonly replaces?: string;
  readonly signal: AbortSignal;
}

export interface TableBackups {
  /** The tables that a step can change, as far as that can be known beforehand: never too few. */
  touchedBy(work: StepWork, declares: Declarations): ResultAsync<readonly string[], SqlError>;
  /** The same by what is there since the tables were locked that were copied last: who they were waited for may have changed it. */
  touchedSince(work: StepWork, declares: Declarations): ResultAsync<readonly string[], SqlError>;
  /** Copies and commits, whatever becomes of the open transaction. */
  keep(request: KeepTables): ResultAsync<TableBackup, SqlError>;
  /** Of this database, oldest first. */
  list(databaseId: string): ResultAsync<readonly TableBackup[], SqlError>;
  discard(ids: readonly string[]): ResultAsync<void, SqlError>;
  atStake(id: string, tables: readonly string[]): ResultAsync<readonly RowsAtStake[], SqlError>;
  readonly fits: NonNullable<LiveRestorePort['fits']>;
  /** Puts tables back from the backup with this id. */
  readonly restoreTables: LiveRestorePort['restoreTables'];
}
