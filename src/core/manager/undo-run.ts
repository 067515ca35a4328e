// The policy `undo-run`: when a step fails, those that the run had applied before it are reverted too.
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import { versionKey } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import { applyOf } from '../history/history.js';
import type { MigrationStep } from '../steps/migration-step.js';
import { runStep } from './run-step.js';
import type { StepReport } from './step-attempt.js';
import type { StepContext } from './step-context.js';

/** Reverts `done`, last first. A step that cannot be reverted leaves the rest to a person. */
export function undoRun(
  context: StepContext,
  steps: readonly MigrationStep[],
  done: readonly StepReport[],
  cause: MigrateError,
): ResultAsync<void, MigrateError> {
  // A cancelled run is undone all the same: its own signal would stop the reverts at once.
  const undoing: StepContext = { ...context, signal: new AbortController().signal };
  return new ResultAsync(revertAll(undoing, steps, done, cause));
}

async function revertAll(
  context: StepContext,
  steps: readonly MigrationStep[],
  done: readonly StepReport[],
  cause: MigrateError,
): Promise<Result<void, MigrateError>> {
  for (const report of done.toReversed()) {
    const step = steps.find((one) => versionKey(one.version) === versionKey(report.version));
    if (step === undefined) throw new Error(`the run applied ${report.version}, which it did not plan`);
    const applied = applyOf(context.recorder.history, report.component, report.version);
    const reverted = await runStep(context, step, 'revert', applied);
    if (reverted.isErr()) return err(leftToAPerson(report, cause, reverted.error));
  }
  return ok(undefined);
}

function leftToAPerson(report: StepReport, cause: MigrateError, failed: MigrateError): MigrateError {
  const [backup] = report.backups;
  return migrateError({
    kind: 'needs-person',
    version: report.version,
    reason: `${cause.message}; the run was to be undone, but step ${report.version} could not be reverted: ${failed.message}`,
    rowsAtStake: undefined,
    command: backup === undefined ? 'migrate-safe status' : `migrate-safe restore ${backup}`,
  });
}
