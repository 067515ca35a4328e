// The run decider: from the history and a command to the facts to record, or a refusal. Every invariant of a run lives here.
import { err, ok, type Result } from 'neverthrow';
import { versionKey } from '../brands.js';
import type { DomainEvent } from '../events/event.js';
import { stepsOf, type History, type OpenRun } from '../history/history.js';
import type { Command } from './run-command.js';

/** Why a command is refused. Each is a bug of the caller or a stale view of the history, never a user's mistake. */
export type Refusal =
  | { readonly kind: 'run-in-progress'; readonly runId: string }
  | { readonly kind: 'no-run' }
  | { readonly kind: 'step-under-way'; readonly version: string }
  | { readonly kind: 'no-step-under-way' }
  | { readonly kind: 'other-attempt'; readonly attempt: string }
  | { readonly kind: 'step-failed'; readonly version: string }
  | { readonly kind: 'backup-required'; readonly version: string }
  | { readonly kind: 'backup-unknown'; readonly backupId: string }
  | { readonly kind: 'out-of-turn'; readonly version: string; readonly expected: string | undefined }
  | { readonly kind: 'already-applied'; readonly version: string }
  | { readonly kind: 'not-applied'; readonly version: string }
  | { readonly kind: 'restore-under-way'; readonly backupId: string }
  | { readonly kind: 'no-restore-under-way'; readonly backupId: string }
  | { readonly kind: 'nothing-to-recover' };

/** The facts that a command leads to. `component` is that of the run. */
export function decide(history: History, command: Command, component: string): Result<readonly DomainEvent[], Refusal> {
  const { run } = history;
  if (command.type === 'start-run') return startRun(history, command);
  if (command.type === 'recover-run') return recover(run, command);
  if (run === undefined) return err({ kind: 'no-run' });

  switch (command.type) {
    case 'record-backup': {
      const { type: _, ...data } = command;
      return ok([{ type: 'BackupTaken', data: { ...data, kind: command.kind ?? 'file' } }]);
    }
    case 'record-verification':
      if (!run.taken.includes(command.backupId)) return err({ kind: 'backup-unknown', backupId: command.backupId });
      return ok([{ type: 'BackupVerified', data: { backupId: command.backupId, checks: command.checks } }]);
    case 'start-step':
      return startStep(history, run, command, component);
    case 'finish-apply':
    case 'finish-revert':
      return finishStep(run, command);
    case 'fail-step': {
      const { step } = run;
      if (step === undefined) return err({ kind: 'no-step-under-way' });
      if (step.attempt !== command.attempt) return err({ kind: 'other-attempt', attempt: step.attempt });
      const { version, attempt, direction } = step;
      return ok([{ type: 'StepFailed', data: { version, attempt, direction, error: command.error } }]);
    }
    case 'roll-back-step': {
      const { step } = run;
      if (step === undefined) return err({ kind: 'no-step-under-way' });
      if (step.attempt !== command.attempt) return err({ kind: 'other-attempt', attempt: step.attempt });
      const { attempt, rung, schema } = command;
      return ok([{ type: 'StepRolledBack', data: { version: step.version, attempt, rung, schema } }]);
    }
    case 'stamp':
      if (run.step) return err({ kind: 'step-under-way', version: run.step.version });
      return ok([
        { type: 'StepStamped', data: { target: command.target, steps: command.steps, schema: command.schema } },
      ]);
    case 'start-restore': {
      if (run.restoring !== undefined) return err({ kind: 'restore-under-way', backupId: run.restoring });
      const { type: _, ...data } = command;
      return ok([{ type: 'RestoreStarted', data }]);
    }
    case 'finish-restore': {
      if (run.restoring !== command.backupId) return err({ kind: 'no-restore-under-way', backupId: command.backupId });
      const { type: _, ...data } = command;
      return ok([{ type: 'BackupRestored', data }]);
    }
    case 'record-pruning':
      return ok([{ type: 'BackupPruned', data: { backupId: command.backupId, reason: command.reason } }]);
    case 'complete-run': {
      if (run.step) return err({ kind: 'step-under-way', version: run.step.version });
      if (run.restoring !== undefined) return err({ kind: 'restore-under-way', backupId: run.restoring });
      const { steps, durationMs, schema } = command;
      return ok([{ type: 'RunCompleted', data: { steps, durationMs, schema } }]);
    }
    case 'fail-run': {
      const { type: _, ...data } = command;
      return ok([{ type: 'RunFailed', data }]);
    }
  }
}

function startRun(
  history: History,
  command: Extract<Command, { type: 'start-run' }>,
): Result<readonly DomainEvent[], Refusal> {
  if (history.run) return err({ kind: 'run-in-progress', runId: history.run.runId });
  const { type: _, drift, ...data } = command;
  const started: DomainEvent = { type: 'RunStarted', data };
  return ok(drift === undefined ? [started] : [started, { type: 'DriftDetected', data: drift }]);
}

function recover(
  run: OpenRun | undefined,
  command: Extract<Command, { type: 'recover-run' }>,
): Result<readonly DomainEvent[], Refusal> {
  if (run === undefined) return err({ kind: 'nothing-to-recover' });
  const data = { interruptedRunId: run.runId, version: command.version, finding: command.finding };
  return ok([{ type: 'RunRecovered', data }]);
}

function startStep(
  history: History,
  run: OpenRun,
  command: Extract<Command, { type: 'start-step' }>,
  component: string,
): Result<readonly DomainEvent[], Refusal> {
  const { version, direction, backupId } = command;
  if (run.step) return err({ kind: 'step-under-way', version: run.step.version });
  if (run.restoring !== undefined) return err({ kind: 'restore-under-way', backupId: run.restoring });
  const applied = new Set(stepsOf(history, component).map((step) => versionKey(step.version)));
  const isApplied = (v: string): boolean => applied.has(versionKey(v));
  if (direction === 'apply' && isApplied(version)) return err({ kind: 'already-applied', version });
  if (direction === 'revert' && !isApplied(version)) return err({ kind: 'not-applied', version });
  // The next of the plan is the first that has not reached the state the run is to bring it to; a step that an
  // undone run reverts again is of the plan too, and its turn is the highest that is applied.
  if (run.kind === 'up' && direction === 'apply') {
    const expected = run.plan.find((planned) => !isApplied(planned));
    if (expected === undefined || versionKey(expected) !== versionKey(version))
      return err({ kind: 'out-of-turn', version, expected });
  } else {
    const order = run.kind === 'down' ? run.plan : run.plan.toReversed();
    const expected = order.find((planned) => isApplied(planned));
    if (expected === undefined || versionKey(expected) !== versionKey(version))
      return err({ kind: 'out-of-turn', version, expected });
  }
  if (!hasBackup(run)) return err({ kind: 'backup-required', version });
  if (backupId !== undefined && !run.verified.includes(backupId)) return err({ kind: 'backup-unknown', backupId });
  const { type: _, ...data } = command;
  return ok([{ type: 'StepStarted', data }]);
}

/** Whether the run's policy is met for the step that is to start now. */
function hasBackup(run: OpenRun): boolean {
  if (run.fileBackup === 'each-step') return run.fresh.some((id) => run.verified.includes(id));
  if (run.fileBackup === 'each-run') return run.verified.length > 0;
  return true;
}

function finishStep(
  run: OpenRun,
  command: Extract<Command, { type: 'finish-apply' | 'finish-revert' }>,
): Result<readonly DomainEvent[], Refusal> {
  const { step } = run;
  if (step === undefined) return err({ kind: 'no-step-under-way' });
  if (step.attempt !== command.attempt) return err({ kind: 'other-attempt', attempt: step.attempt });
  if (step.failed) return err({ kind: 'step-failed', version: step.version });
  // What ends is the step that was begun: a command cannot put another in its place.
  const { version, description, checksum, attempt } = step;
  const { durationMs, effects, schemaBefore, schemaAfter } = command;
  const outcome = { version, description, checksum, attempt, durationMs, effects, schemaBefore, schemaAfter };
  const validated: DomainEvent = {
    type: 'SchemaValidated',
    data: { version, fingerprint: schemaAfter, ...command.validated },
  };
  if (command.type === 'finish-apply') {
    if (step.direction !== 'apply') return err({ kind: 'no-step-under-way' });
    return ok([
      validated,
      { type: 'StepApplied', data: { ...outcome, backups: command.backups, created: command.created } },
    ]);
  }
  if (step.direction !== 'revert') return err({ kind: 'no-step-under-way' });
  return ok([validated, { type: 'StepReverted', data: { ...outcome, schemaRestored: command.schemaRestored } }]);
}
