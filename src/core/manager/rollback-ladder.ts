// The rollback ladder: abort the transaction; for a step without one, its revert, then its file backup; then a person.
import { errAsync, okAsync, safeTry, ok, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { Rung } from '../events/event.js';
import { describeChange } from '../schema/change.js';
import { waysBack } from '../history/ways-back.js';
import { diffSchemas } from '../schema/diff.js';
import { fingerprint } from '../schema/fingerprint.js';
import type { SchemaSnapshot } from '../schema/snapshot.js';
import { fromSql } from './as-error.js';
import type { FailedAttempt } from './failed-attempt.js';
import { restoreFile } from './restore-rung.js';
import { stakesOf, writtenIn } from './stakes.js';
import type { StepContext } from './step-context.js';
import { rollBackSettled } from './settle-commit.js';
import { runWork } from './step-work.js';

/** Brings the database back to before the step and records the rung that held. Gives the error to report. */
export function climbDown(context: StepContext, failed: FailedAttempt): ResultAsync<MigrateError, MigrateError> {
  if (failed.step.isTransactional(failed.direction)) return abortTransaction(context, failed);
  // Whatever hinders the undoing, the step stays half-done: no later run may go on over it.
  return undoWithoutTransaction(context, failed).orElse((error) =>
    okAsync(
      needsPerson(
        context,
        failed,
        `step ${failed.step.version} failed half-way without a transaction, and could not be undone: ${error.message}`,
        undefined,
      ),
    ),
  );
}

function abortTransaction(context: StepContext, failed: FailedAttempt): ResultAsync<MigrateError, MigrateError> {
  const { database } = context;
  return safeTry(async function* () {
    const stale = yield* rollBackSettled(database, failed.transaction, context.recorder.writtenHead).mapErr((error) =>
      fromSql(error, database.info.label, 'rolling the step back', 'needs-attention'),
    );
    // Another run has found what this one left, and recorded it: the schema may be as it made it.
    if (stale !== undefined) return ok(failed.error);
    const now = yield* snapshotNow(context);
    const was = fingerprint(failed.before, sha256);
    if (fingerprint(now, sha256) !== was) {
      if (failed.error.kind === 'step-ended-transaction' || !(yield* othersMayWrite(context)))
        return ok(needsPerson(context, failed, 'after the rollback the schema is not what it was', undefined));
      const changes = diffSchemas(failed.before, now).map(describeChange).join(', ');
      context.ports.observer.progress({
        kind: 'warning',
        message: `another session changed the schema while step ${failed.step.version} ran (${changes}): where that is why it failed, run it again`,
      });
    }
    // What others changed is no part of it: the next run finds that as drift.
    yield* recordRung(context, failed, 'transaction', was);
    return ok({ ...failed.error, state: 'rolled-back' as const });
  });
}

function undoWithoutTransaction(context: StepContext, failed: FailedAttempt): ResultAsync<MigrateError, MigrateError> {
  const { database } = context;
  const { step, direction, backup } = failed;
  return safeTry(async function* () {
    const stale = yield* rollBackSettled(database, failed.transaction, context.recorder.writtenHead).mapErr((error) =>
      fromSql(error, database.info.label, 'ending the step', 'needs-attention'),
    );
    if (stale !== undefined) return ok(failed.error);
    if (backup === undefined && failed.kept.tables === undefined && !step.losesNothing(direction))
      return ok(
        needsPerson(
          context,
          failed,
          `step ${step.version} runs without a transaction and has ${failed.kept.point === undefined ? 'no backup' : 'only a restore point'}`,
          undefined,
        ),
      );
    if (yield* isAsBefore(context, failed)) {
      yield* recordRung(context, failed, 'transaction', yield* schemaNow(context));
      return ok({ ...failed.error, state: 'rolled-back' as const });
    }
    if (step.definition.revert !== undefined) {
      // A revert that fails half-way is only one rung lost: the next one puts everything back.
      await revertNow(context, failed).match(
        () => undefined,
        () => undefined,
      );
      if (yield* isAsBefore(context, failed)) {
        yield* recordRung(context, failed, 'revert', yield* schemaNow(context));
        return ok({ ...failed.error, state: 'rolled-back' as const });
      }
    }
    if (backup === undefined) {
      const rows = failed.kept.tables && writtenIn(yield* stakesOf(context, failed));
      return ok(needsPerson(context, failed, `step ${step.version} failed half-way without a transaction`, rows));
    }
    const others = yield* database
      .foreignWrites()
      .mapErr((error) => fromSql(error, database.info.label, 'looking for other writers'));
    const hold = database.hold?.bind(database);
    // Of a server nobody can tell whether others wrote: there the whole is never put back without a person's word.
    if (others === undefined || hold === undefined)
      return ok(yield* stopForAPerson(context, failed, 'may have written'));
    if (others !== failed.foreignWrites) return ok(yield* stopForAPerson(context, failed, 'wrote'));
    const restored = await restoreFile(context, failed, backup, hold);
    if (restored.isOk()) return ok({ ...failed.error, state: 'restored' as const });
    if (restored.error !== 'others-wrote') return errAsync(restored.error);
    return ok(yield* stopForAPerson(context, failed, 'wrote'));
  });
}

/** Only a way back is left that would discard what others wrote. */
function stopForAPerson(
  context: StepContext,
  failed: FailedAttempt,
  others: 'wrote' | 'may have written',
): ResultAsync<MigrateError, MigrateError> {
  return stakesOf(context, failed).map((stakes) =>
    needsPerson(
      context,
      failed,
      `step ${failed.step.version} failed half-way without a transaction, and others ${others} to the database meanwhile`,
      writtenIn(stakes),
    ),
  );
}

/** Of a server nobody can tell whether others wrote; it rolls a transaction back whole all the same. */
const othersMayWrite = ({ database }: StepContext): ResultAsync<boolean, MigrateError> =>
  database
    .foreignWrites()
    .map((mark) => mark === undefined)
    .mapErr((error) => fromSql(error, database.info.label, 'looking for other writers'));

const snapshotNow = ({ database }: StepContext): ResultAsync<SchemaSnapshot, MigrateError> =>
  database.snapshot().mapErr((error) => fromSql(error, database.info.label, 'reading the schema'));

const schemaNow = (context: StepContext): ResultAsync<string, MigrateError> =>
  snapshotNow(context).map((snapshot) => fingerprint(snapshot, sha256));

/** Schema and every row are what the backup holds. Without one the step was let run because it can take no row away. */
function isAsBefore(context: StepContext, failed: FailedAttempt): ResultAsync<boolean, MigrateError> {
  return schemaNow(context).andThen((now) =>
    now === fingerprint(failed.before, sha256)
      ? stakesOf(context, failed).map((stakes) => stakes.length === 0)
      : okAsync(false),
  );
}

function revertNow(context: StepContext, { step, errors }: FailedAttempt): ResultAsync<void, MigrateError> {
  const { revert, foreignKeys } = step.definition;
  if (revert === undefined) return okAsync(undefined);
  const fail = (error: Parameters<typeof fromSql>[0]): MigrateError =>
    fromSql(error, context.database.info.label, 'reverting the step');
  return context.database
    .begin({ foreignKeys: foreignKeys ?? 'off', transactional: false, comparesWith: 'live' })
    .mapErr(fail)
    .andThen((transaction) =>
      runWork(revert, step, transaction, errors, new AbortController().signal)
        .andThen(() => transaction.commit().mapErr(fail))
        .orElse((error) =>
          transaction
            .rollback()
            .mapErr(fail)
            .andThen(() => errAsync(error)),
        ),
    );
}

function recordRung(
  { recorder, database }: StepContext,
  failed: FailedAttempt,
  rung: Rung,
  schema: string,
): ResultAsync<void, MigrateError> {
  const { code, kind, message } = failed.error;
  recorder.record({ type: 'fail-step', attempt: failed.attempt, error: { code, kind, message } });
  recorder.record({ type: 'roll-back-step', attempt: failed.attempt, rung, schema });
  // Where it cannot be recorded, what failed in the first place is to be told all the same.
  return recorder.flush(database, `recording the failure (${message})`);
}

/** The run stops here: the step stays under way in the journal until a person has looked. */
function needsPerson(
  { database, recorder }: StepContext,
  failed: FailedAttempt,
  reason: string,
  rowsAtStake: number | undefined,
): MigrateError {
  const { step, backup, kept, error } = failed;
  const { code, kind, message } = error;
  const { tables } = kept;
  const copied = tables && { id: tables.id, version: step.version, tables: tables.tables.map(({ table }) => table) };
  const ways = waysBack(
    { version: step.version, direction: failed.direction },
    backup?.manifest.id ?? (tables === undefined ? kept.point : undefined),
    copied,
  );
  if (recorder.history.run?.step?.failed === false)
    recorder.record({ type: 'fail-step', attempt: failed.attempt, error: { code, kind, message } });
  const again = step.isRepeatable(failed.direction) ? 'migrate-safe up' : 'migrate-safe status';
  return migrateError(
    {
      kind: 'needs-person',
      version: step.version,
      reason: `${reason} (${database.info.label}: ${message})`,
      rowsAtStake,
      command: again,
      ...ways,
      ...('near' in error && error.near !== undefined ? { near: error.near } : {}),
    },
    { step: error.step ?? failed.errors.location, cause: error.cause },
  );
}
