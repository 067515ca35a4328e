// `down`: reverts applied steps, highest first, and says of each whether the schema is again what it was.
import { errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { sha256, versionKey } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import { applyOf, type AppliedStep, type ApplyRecord } from '../history/history.js';
import type { StepCandidate } from '../ports/step-source.js';
import type { MigrationStep } from '../steps/migration-step.js';
import { fingerprint } from '../schema/fingerprint.js';
import { currentVersion, planDown } from '../steps/planner.js';
import { fromSource, fromSql } from './as-error.js';
import type { ManagerPorts, Policy } from './ports.js';
import { loadSteps, refuseWithoutBackup } from './preflight.js';
import type { Unproven } from './progress.js';
import { planPruning, removePruned } from './pruning.js';
import { appliedSteps, endRun, startRun, withSession } from './run-session.js';
import type { RunSession } from './session.js';
import { runStep } from './run-step.js';
import type { StepReport } from './step-attempt.js';
import type { StepContext } from './step-context.js';
import { elapsed, ofComponent } from './plan-up.js';
import { checkWayBack, takeWayBack } from './way-back.js';

export interface DownOptions {
  /** How many steps, or the version that stays applied (`base`: none does). */
  readonly target: { readonly count: number } | { readonly to: string };
  readonly signal: AbortSignal;
}

/** What became of a step that was reverted. */
export interface RevertReport extends StepReport {
  /** Why a schema that is not proven to be what it was is not the fault of the revert for certain; null where it is, or all is well. */
  readonly unproven: Unproven | null;
}

/** What was reverted, newest step first; `runId` and `current` are null where there was nothing, and where nothing is left. */
export interface DownReport {
  readonly runId: string | null;
  readonly reverted: readonly RevertReport[];
  readonly current: string | null;
  readonly durationMs: number;
}

export function runDown(
  ports: ManagerPorts,
  policy: Policy,
  options: DownOptions,
): ResultAsync<DownReport, MigrateError> {
  const started = performance.now();
  return safeTry(async function* () {
    const candidates = ofComponent(yield* ports.source.candidates().mapErr(fromSource), policy.component);
    const request = { kind: 'down', ports, policy, signal: options.signal, candidates, open: 'read' } as const;
    return ok(yield* withSession(request, (session) => revertSteps(session, candidates, options, started)));
  });
}

function revertSteps(
  session: RunSession,
  candidates: readonly StepCandidate[],
  options: DownOptions,
  started: number,
): ResultAsync<DownReport, MigrateError> {
  const { ports, recorder } = session;
  return safeTry(async function* () {
    const applied = yield* planDown(appliedSteps(session), options.target).mapErr((facts) => migrateError(facts));
    const report = (runId: string | null, reverted: readonly RevertReport[]): DownReport => ({
      runId,
      reverted,
      current: currentVersion(appliedSteps(session)),
      durationMs: elapsed(started),
    });
    if (applied.length === 0) return ok(report(null, []));
    const steps = yield* loadSteps(yield* candidatesOf(applied, candidates));
    // Known before the first one is reverted: a chain that cannot be walked to its end is not begun.
    const stuck = steps.find((step) => step.definition.revert === undefined);
    if (stuck !== undefined) return errAsync(migrateError({ kind: 'no-revert', version: stuck.version }));
    yield* refuseWithoutBackup(session, steps, 'revert');
    yield* checkWayBack(session, steps.length);
    ports.observer.progress({ kind: 'planned', direction: 'revert', versions: steps.map((step) => step.version) });
    yield* startRun(
      session,
      'down',
      steps.map((step) => step.version),
    );
    const outcome = revertEach(session, steps).andThen((reverted) =>
      planPruning(session).map((pruning) => ({ reverted, pruning })),
    );
    const done = yield* endRun(session, outcome, ({ reverted }) => ({
      steps: reverted.length,
      durationMs: elapsed(started),
    }));
    yield* removePruned(session, done.pruning);
    return ok(report(recorder.runId, done.reverted));
  });
}

function revertEach(session: RunSession, steps: readonly MigrationStep[]): ResultAsync<RevertReport[], MigrateError> {
  const { ports, policy, database, recorder, signal, lease } = session;
  return safeTry(async function* () {
    const reason = { kind: 'before-run', runId: recorder.runId, component: policy.component } as const;
    const perRun = policy.fileBackup === 'each-run' && database.backups.supported;
    const runBackup = perRun ? yield* takeWayBack({ ports, database, recorder, policy, signal }, reason) : undefined;
    const context: StepContext = { ports, database, recorder, policy, signal, runBackup };
    const done: RevertReport[] = [];
    for (const step of steps) {
      if (signal.aborted) return errAsync(migrateError({ kind: 'cancelled' }, { state: 'unchanged' }));
      lease?.announce(`reverting ${step.version} ${step.description}`);
      const record = applyOf(recorder.history, step.component, step.version);
      const doubt = yield* doubtOf(session, record);
      const report = yield* runStep(doubting(context, doubt), step, 'revert', record);
      done.push({ ...report, unproven: report.schemaRestored ? null : (doubt ?? null) });
    }
    return ok(done);
  });
}

/** Why a schema that is not what it was would not show that the revert is to blame. */
function doubtOf(
  { database }: RunSession,
  record: ApplyRecord | undefined,
): ResultAsync<Unproven | undefined, MigrateError> {
  if (record === undefined) return okAsync('stamped');
  return database
    .snapshot()
    .mapErr((error) => fromSql(error, database.info.label, 'reading the schema'))
    .map((now) => (fingerprint(now, sha256) === record.schemaAfter ? undefined : 'changed-since'));
}

/** The same, where what is told of the schema says of whom it is not known. */
function doubting(context: StepContext, doubt: Unproven | undefined): StepContext {
  if (doubt === undefined) return context;
  const { observer } = context.ports;
  const progress: typeof observer.progress = (one) =>
    observer.progress(one.kind === 'validated' && one.schemaRestored === false ? { ...one, unproven: doubt } : one);
  return { ...context, ports: { ...context.ports, observer: { event: (event) => observer.event(event), progress } } };
}

/** A step is reverted only where its apply is what was applied; the down half of a pair of files may have been mended since. */
function candidatesOf(
  applied: readonly AppliedStep[],
  candidates: readonly StepCandidate[],
): ResultAsync<readonly StepCandidate[], MigrateError> {
  const byKey = new Map(candidates.map((candidate) => [versionKey(candidate.version), candidate]));
  const found = applied.map((step) => ({ step, candidate: byKey.get(versionKey(step.version)) }));
  const missing = found.filter(({ candidate }) => candidate === undefined).map(({ step }) => step.version);
  if (missing.length > 0) return errAsync(migrateError({ kind: 'missing-step', versions: missing }));
  const changed = found.filter(({ step, candidate }) => candidate?.checksum !== step.checksum);
  if (changed.length > 0) {
    return errAsync(
      migrateError({
        kind: 'changed-step',
        versions: changed.map(({ step }) => step.version),
        files: changed.map(({ step, candidate }) => candidate?.file ?? step.description),
      }),
    );
  }
  return okAsync(found.flatMap(({ candidate }) => candidate ?? []));
}
