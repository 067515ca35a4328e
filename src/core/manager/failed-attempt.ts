// A step that failed, with all that the way back from it needs.
import type { MigrateError } from '../errors/migrate-error.js';
import type { StoredBackup } from '../ports/backup-store.js';
import type { StepTransaction } from '../ports/step-transaction.js';
import type { SchemaSnapshot } from '../schema/snapshot.js';
import type { MigrationStep } from '../steps/migration-step.js';
import type { Direction } from './progress.js';
import type { KeptTables } from './step-attempt.js';
import type { StepErrors } from './step-errors.js';

export interface FailedAttempt {
  readonly step: MigrationStep;
  readonly direction: Direction;
  readonly attempt: string;
  readonly errors: StepErrors;
  readonly transaction: StepTransaction;
  readonly backup: StoredBackup | undefined;
  readonly kept: KeptTables;
  /** The schema before the step. */
  readonly before: SchemaSnapshot;
  /** The mark of foreign writes before the step's backup; undefined where the database cannot tell. */
  readonly foreignWrites: number | undefined;
  readonly error: MigrateError;
}
