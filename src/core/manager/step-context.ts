// What one step of a run works with.
import type { ContractWatch } from './contract-watch.js';
import type { Policy } from './ports.js';
import type { BackupContext } from './step-backup.js';
import type { WayBack } from './way-back.js';

export interface StepContext extends BackupContext {
  readonly policy: Policy;
  readonly signal: AbortSignal;
  /** What this run has taken already, where one per run is enough. */
  readonly runBackup: WayBack | undefined;
  /** What the program declares, where it does and steps are applied. */
  readonly contract?: ContractWatch | undefined;
  /** No step of the run follows. */
  readonly isLast?: boolean;
}
