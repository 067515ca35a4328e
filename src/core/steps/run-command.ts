// What a run asks to have recorded: the data of the events that it leads to, less what the history knows.
import type * as Events from '../events/event.js';

type Asks<T extends string, E extends Events.DomainEvent, Known extends keyof E['data'] = never> = {
  readonly type: T;
} & Omit<E['data'], Known>;

interface StepResult extends Events.StepOutcomeData {
  readonly validated: Omit<Events.SchemaValidated['data'], 'version' | 'fingerprint'>;
}

export type Command =
  | (Asks<'start-run', Events.RunStarted> & { readonly drift?: Events.DriftDetected['data'] })
  | (Asks<'record-backup', Events.BackupTaken, 'kind'> & { readonly kind?: 'tables' | 'restore-point' | 'clone' })
  | Asks<'record-verification', Events.BackupVerified>
  | Asks<'start-step', Events.StepStarted>
  | (Asks<'finish-apply', Events.StepApplied> & StepResult)
  | (Asks<'finish-revert', Events.StepReverted> & StepResult)
  | Asks<'fail-step', Events.StepFailed, 'version' | 'direction'>
  | Asks<'roll-back-step', Events.StepRolledBack, 'version'>
  | Asks<'stamp', Events.StepStamped>
  | Asks<'start-restore', Events.RestoreStarted>
  | Asks<'finish-restore', Events.BackupRestored>
  | Asks<'record-pruning', Events.BackupPruned>
  | Asks<'complete-run', Events.RunCompleted>
  | Asks<'fail-run', Events.RunFailed>
  | Asks<'recover-run', Events.RunRecovered, 'interruptedRunId'>;
