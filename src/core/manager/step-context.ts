// What one step of a run works with.
import type { StoredBackup } from '../ports/backup-store.js';
import type { Policy } from './ports.js';
import type { BackupContext } from './step-backup.js';

export interface StepContext extends BackupContext {
  readonly policy: Policy;
  readonly signal: AbortSignal;
  /** Backup that this run has taken already, where one per run is enough. */
  readonly runBackup: StoredBackup | undefined;
}
