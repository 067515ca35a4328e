// Recovery: what a run that did not end left behind, and how the next one goes on from it by itself.
import { errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { sha256, versionKey } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { RunRecovered } from '../events/event.js';
import { stepKey, type OpenRun, type StepUnderWay } from '../history/history.js';
import { waysBack } from '../history/ways-back.js';
import type { StepCandidate } from '../ports/step-source.js';
import { fingerprint } from '../schema/fingerprint.js';
import { fromSource, fromSql, fromStore } from './as-error.js';
import type { RunSession } from './session.js';
import { pointsOf } from './restore-points.js';
import { writtenIn } from './stakes.js';
import { StepErrors } from './step-errors.js';
import { ask, truthy } from './step-work.js';

type Finding = RunRecovered['data']['finding'];

/** Ends the interrupted run in the journal, if there is one; refuses (exit 5) where only a person can tell. */
export function recoverInterrupted(
  session: RunSession,
  candidates: readonly StepCandidate[],
): ResultAsync<void, MigrateError> {
  const { recorder, ports, database } = session;
  const { run } = recorder.history;
  if (run === undefined) return okAsync(undefined);
  const version = run.step?.version ?? nextOf(session, run);
  return findingFor(session, run, candidates).andThen((finding) => {
    ports.observer.progress({
      kind: 'recovered',
      startedAt: run.startedAt,
      pid: run.actor.pid,
      host: run.actor.host,
      version,
      finding,
    });
    recorder.record({ type: 'recover-run', version, finding });
    return recorder.flush(database, 'recording the recovery');
  });
}

/** A step in a transaction is recorded with its commit: one that is not recorded did not happen. */
function findingFor(
  session: RunSession,
  run: OpenRun,
  candidates: readonly StepCandidate[],
): ResultAsync<Finding, MigrateError> {
  const { step } = run;
  // Also where its backup was being put back: what is half-done is still half-done.
  if (step !== undefined && !step.transactional) return findingOutside(session, run.component, step, candidates);
  if (run.restoring !== undefined) return okAsync('restore-undone');
  if (step === undefined) return okAsync(nextOf(session, run) === null ? 'between-steps' : 'nothing-of-it-committed');
  return okAsync('nothing-of-it-committed');
}

/** The step of the plan that was next: it may have been under way. */
function nextOf({ recorder }: RunSession, run: OpenRun): string | null {
  const applied = new Set(recorder.history.steps.map((step) => stepKey(step.component, step.version)));
  const isLeft = (version: string): boolean => applied.has(stepKey(run.component, version)) === (run.kind === 'down');
  return run.plan.find(isLeft) ?? null;
}

/** A step without a transaction: it can be run again, its own probe knows, or the backup shows that nothing has happened. */
function findingOutside(
  session: RunSession,
  component: string,
  under: StepUnderWay,
  candidates: readonly StepCandidate[],
): ResultAsync<Finding, MigrateError> {
  const { database, ports, recorder, signal } = session;
  return safeTry(async function* () {
    // Steps of another component have versions of their own: only the step itself can be asked.
    const candidate = candidates.find(
      (one) => one.component === component && versionKey(one.version) === versionKey(under.version),
    );
    const step = candidate === undefined ? undefined : yield* candidate.load().mapErr(fromSource);
    const errors = step && new StepErrors(step, under.direction, database.info.label);
    if (step?.definition.isDone !== undefined && errors !== undefined) {
      const failed = (error: Parameters<typeof fromSql>[0]): MigrateError =>
        fromSql(error, database.info.label, 'asking the step');
      const transaction = yield* database
        .begin({ foreignKeys: 'off', transactional: true, comparesWith: 'live' })
        .mapErr(failed);
      const answer = await ask(step.definition.isDone, step, transaction, errors, signal);
      yield* transaction.rollback().mapErr(failed);
      if (truthy(yield* answer) === (under.direction === 'apply')) return ok<Finding>('step-was-done');
    }
    // As it was begun, not as its file may stand now.
    if (step?.isRepeatable(under.direction) === true && step.checksum === under.checksum)
      return ok<Finding>('can-be-repeated');
    const listing = yield* ports.store.list(recorder.history.databaseId ?? '').mapErr(fromStore);
    const backup = listing.backups.find(({ manifest }) => manifest.id === under.backupId);
    const point = pointsOf(session.loaded.events, ports, '').some(({ manifest }) => manifest.id === under.backupId);
    const wayBack = backup?.manifest.id ?? (point ? under.backupId : undefined);
    const why = under.failure === undefined ? '' : ` (${under.failure})`;
    const reason = `step ${under.version}, which runs without a transaction, was interrupted half-way${why}`;
    const ways = { command: 'migrate-safe status', ...waysBack(under, wayBack, recorder.history.run?.copied) };
    const stop = (rowsAtStake: number | undefined): MigrateError =>
      migrateError(
        { kind: 'needs-person', version: under.version, reason, rowsAtStake, ...ways },
        errors === undefined ? {} : { step: errors.location },
      );
    if (backup === undefined) return errAsync(stop(undefined));
    const stakes = yield* database.backups
      .atStake(backup.file, 'all')
      .mapErr((error) => fromSql(error, database.info.label, 'comparing with the backup'));
    const snapshot = yield* database
      .snapshot()
      .mapErr((error) => fromSql(error, database.info.label, 'reading the schema'));
    const then = yield* ports.database.copies().mapErr(() => stop(undefined));
    const { snapshot: was } = yield* then
      .contentOf(backup.file)
      .mapErr((error) => fromSql(error, database.info.label, 'reading the backup'));
    if (stakes.length === 0 && was !== undefined && fingerprint(snapshot, sha256) === fingerprint(was, sha256))
      return ok<Finding>('nothing-of-it-committed');
    return errAsync(stop(writtenIn(stakes)));
  });
}
