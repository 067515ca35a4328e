// One step from its backup to its record, and the rollback ladder when it fails.
import { err, errAsync, ok, safeTry, type Result, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import { stepKey, type ApplyRecord } from '../history/history.js';
import type { StepTransaction } from '../ports/step-transaction.js';
import type { SqlError } from '../ports/session.js';
import { revertDeclarations, type MigrationStep } from '../steps/migration-step.js';
import { fromSql } from './as-error.js';
import type { Direction } from './progress.js';
import type { Mark } from './recorder.js';
import { climbDown } from './rollback-ladder.js';
import { rollBackSettled } from './settle-commit.js';
import { attemptStep, commitWork, type Attempt, type StepReport } from './step-attempt.js';
import type { StepContext } from './step-context.js';
import { StepErrors } from './step-errors.js';
import { keepTables } from './step-tables.js';
import { takeWayBack, type WayBack } from './way-back.js';

/** Applies or reverts one step. On failure the ladder has been walked and its rung is in the journal. */
export function runStep(
  context: StepContext,
  step: MigrationStep,
  direction: Direction,
  applied?: ApplyRecord,
): ResultAsync<StepReport, MigrateError> {
  const { database } = context;
  const { definition } = step;
  const begun = beginAttempt(context, step, direction, applied);
  if (begun.isErr()) return errAsync(begun.error);
  const attempt = begun.value;

  return safeTry(async function* () {
    const started = performance.now();
    const isTransactional = step.isTransactional(direction);
    const takesBackup = needsBackup(context, step, direction);
    const seen = takesBackup ? yield* foreignWrites(context) : 0;
    let wayBack = takesBackup ? yield* beforeStep(context, step, direction) : undefined;
    attempt.kept.point = wayBack?.backup === undefined ? wayBack?.id : undefined;

    if (!isTransactional) attempt.kept.tables = yield* keepTables(context, attempt, 'none');
    // A step without a transaction is in the journal before it begins: a crash must leave a trace of it.
    const start = (): void => recordStart(context, attempt, (wayBack ?? context.runBackup)?.id);
    if (!isTransactional) {
      start();
      yield* context.recorder.flush(database, `beginning ${step.version}`);
    }
    const opened = await database.begin({
      foreignKeys: definition.foreignKeys ?? 'off',
      transactional: isTransactional,
      repeats: context.recorder.history.interrupted.includes(stepKey(step.component, step.version)),
      comparesWith: wayBack?.backup === undefined ? 'live' : 'backup',
      isLast: context.isLast === true,
    });
    if (opened.isErr()) return err(failedToBegin(context, step, opened.error));
    const transaction = opened.value;

    // Nobody else writes from here on. What was written between the backup and this moment is not in the backup.
    if (isTransactional && wayBack?.backup !== undefined && (yield* foreignWrites(context)) !== seen) {
      const again = await beforeStep(context, step, direction);
      if (again.isErr()) {
        yield* abandon(transaction, context);
        return err(again.error);
      }
      wayBack = again.value;
    }
    const unkept = context.recorder.mark();
    if (isTransactional) {
      const kept = await keepTables(context, attempt, 'transaction');
      if (kept.isErr()) {
        yield* abandon(transaction, context);
        return err(kept.error);
      }
      attempt.kept.tables = kept.value;
      start();
    }
    const backup = wayBack?.backup;
    if (backup !== undefined) transaction.compareWith(backup.file);

    let mark = context.recorder.mark();
    if (isTransactional && attempt.kept.tables !== undefined)
      transaction.whenRestarted?.(() =>
        keepAgain(context, attempt, { unkept, mark }).map(() => {
          start();
          mark = context.recorder.mark();
        }),
      );
    const done = await attemptStep(context, attempt, transaction, backup, started).andThen((report) =>
      commitWork(context, step.version, transaction).map(() => report),
    );
    // What is committed is done: a mirror that could not be written ends the run, but not the step.
    if (done.isOk()) return (await context.recorder.written()).map(() => told(context, done.value));
    context.recorder.rewind(mark);
    const error = yield* climbDown(context, {
      ...attempt,
      transaction,
      backup,
      before: transaction.before,
      foreignWrites: seen,
      error: done.error,
    });
    return err(error);
  });
}

/**
 * What others wrote since is in no copy: where the transaction begins anew, its tables are locked and copied anew, and
 * nothing is left of the copies before. `unkept` and `mark`: what was recorded before they were taken, and after that.
 */
function keepAgain(
  context: StepContext,
  attempt: Attempt,
  { unkept, mark }: { readonly unkept: Mark; readonly mark: Mark },
): ResultAsync<void, SqlError> {
  const { recorder } = context;
  recorder.rewind(unkept);
  return keepTables(context, attempt, 'transaction', attempt.kept.tables)
    .map((tables) => void (attempt.kept.tables = tables))
    .mapErr((error): SqlError => {
      recorder.rewind(mark);
      const fix = error.kind === 'database-busy' ? error.fix : undefined;
      return { kind: 'busy', code: '', message: error.message, cause: error, ...(fix === undefined ? {} : { fix }) };
    });
}

/** Tells that the step begins, and gives the attempt its name. */
export function beginAttempt(
  { database, ports }: StepContext,
  step: MigrationStep,
  direction: Direction,
  applied?: ApplyRecord,
): Result<Attempt, MigrateError> {
  const { definition } = step;
  const errors = new StepErrors(step, direction, database.info.label);
  const work = direction === 'apply' ? definition.apply : definition.revert;
  ports.observer.progress({ kind: 'step-started', direction, version: step.version, description: step.description });
  if (work === undefined)
    return err(migrateError({ kind: 'no-revert', version: step.version }, { step: errors.location }));
  const declares = direction === 'revert' ? revertDeclarations(definition) : (definition.declares ?? {});
  return ok({ step, direction, attempt: ports.ids.hex(16), work, declares, applied, errors, kept: {} });
}

/** Whether the policy asks for a backup before this very step. */
export function needsBackup({ policy, runBackup }: StepContext, step: MigrationStep, direction: Direction): boolean {
  switch (policy.fileBackup) {
    case 'never':
      return false;
    case 'each-run':
      return runBackup === undefined || !(step.isTransactional(direction) || step.losesNothing(direction));
    case 'each-step':
      return true;
  }
}

function told({ ports, recorder }: StepContext, report: StepReport): StepReport {
  ports.observer.progress({ kind: 'recorded', position: recorder.head.position });
  return report;
}

const foreignWrites = ({ database }: StepContext): ResultAsync<number | undefined, MigrateError> =>
  database.foreignWrites().mapErr((error) => fromSql(error, database.info.label, 'looking for other writers'));

const beforeStep = (
  context: StepContext,
  step: MigrationStep,
  direction: Direction,
): ResultAsync<WayBack, MigrateError> =>
  takeWayBack(context, {
    kind: 'before-step',
    runId: context.recorder.runId,
    component: step.component,
    version: step.version,
    ...(direction === 'revert' ? { direction } : {}),
  }).mapErr((error) => {
    context.ports.observer.progress({ kind: 'step-failed', phase: 'backup', error });
    return error;
  });

export function recordStart({ recorder }: StepContext, attempt: Attempt, backupId: string | undefined): void {
  const { step, direction } = attempt;
  recorder.record({
    type: 'start-step',
    version: step.version,
    description: step.description,
    checksum: step.checksum,
    attempt: attempt.attempt,
    direction,
    transactional: step.isTransactional(direction),
    ...(backupId === undefined ? {} : { backupId }),
  });
}

const failedToBegin = (
  context: StepContext,
  step: MigrationStep,
  error: Parameters<typeof fromSql>[0],
): MigrateError => {
  const failed = fromSql(error, context.database.info.label, `beginning ${step.version}`);
  context.ports.observer.progress({ kind: 'step-failed', phase: 'work', error: failed });
  return failed;
};

const abandon = (transaction: StepTransaction, context: StepContext): ResultAsync<void, MigrateError> =>
  rollBackSettled(context.database, transaction, context.recorder.writtenHead)
    .map(() => undefined)
    .mapErr((error) => fromSql(error, context.database.info.label, 'rolling back'));
