// What the manager works with, and the policies it works under.
import type { Actor, RecordedEvent } from '../events/envelope.js';
import type { BackupStore, JournalMirror } from '../ports/backup-store.js';
import type { Clock, IdSource } from '../ports/clock.js';
import type { ContractSource } from '../ports/contract.js';
import type { Database } from '../ports/database.js';
import type { StepSource } from '../ports/step-source.js';
import type { GuardMode } from '../schema/guard.js';
import type { Progress } from './progress.js';

export type FileBackupPolicy = 'each-step' | 'each-run' | 'never';

export interface Policy {
  readonly component: string;
  readonly guard: GuardMode;
  readonly fileBackup: FileBackupPolicy;
  /**
   * `restore-point`: in place of a copy, a name for the moment in the log that the server archives. `template-clone`: a
   * database beside the live one, made while nobody else is connected.
   */
  readonly fileBackupBy: 'dump' | 'restore-point' | 'template-clone';
  /** A server's database above this size is asked about before it is dumped. */
  readonly largeDatabaseBytes: number;
  /** Whether the tables that a step can touch are copied before it, where the database can keep copies of single tables. */
  readonly tableBackup: 'each-step' | 'never';
  /** What happens to the steps that the run had applied before the one that failed. */
  readonly onFailure: 'keep-earlier-steps' | 'undo-run';
  readonly outOfOrder: 'refuse' | 'allow';
  readonly onAhead: 'warn' | 'refuse';
  /** How long to wait for another run, and for another connection's write, in milliseconds. */
  readonly lockWaitMs: number;
  /** Number of runs whose backups are kept. */
  readonly keepRuns: number;
}

export const DEFAULT_POLICY: Policy = {
  component: 'main',
  guard: 'enforce',
  fileBackup: 'each-step',
  fileBackupBy: 'dump',
  largeDatabaseBytes: 10 * 1024 ** 3,
  tableBackup: 'each-step',
  onFailure: 'keep-earlier-steps',
  outOfOrder: 'refuse',
  onAhead: 'warn',
  lockWaitMs: 10 * 60_000,
  keepRuns: 10,
};

export interface Observer {
  /** What is going on, for people; may be called often. */
  progress(progress: Progress): void;
  /** A fact that was recorded, after it was committed. */
  event(event: RecordedEvent): void;
}

export interface ManagerPorts {
  readonly database: Database;
  readonly source: StepSource;
  readonly store: BackupStore;
  readonly mirror: JournalMirror;
  readonly contract: ContractSource;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly actor: Actor;
  readonly observer: Observer;
}
