// `up`: the fast path that reads and leaves, and the run that applies what is pending.
import { errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { StepCandidate } from '../ports/step-source.js';
import type { MigrationStep } from '../steps/migration-step.js';
import { currentVersion, planUp, type Plan } from '../steps/planner.js';
import { fromSource } from './as-error.js';
import { glanceAt, RUN_ENDINGS } from './glance.js';
import type { ManagerPorts, Policy } from './ports.js';
import { checkDisk, loadSteps, refuseForeign, refuseLost, refuseWithoutBackup } from './preflight.js';
import { planPruning, removePruned } from './pruning.js';
import { appliedSteps, endRun, startRun, withSession } from './run-session.js';
import type { RunSession } from './session.js';
import { groupAtHead, runGroup } from './run-group.js';
import { runStep } from './run-step.js';
import type { StepReport } from './step-attempt.js';
import type { StepContext } from './step-context.js';
import { takeBackup } from './step-backup.js';
import { undoRun } from './undo-run.js';

export interface UpOptions {
  /** Last version to apply; all by default. */
  readonly to?: string | undefined;
  readonly signal: AbortSignal;
}

/** What `up` did. `runId` is null when there was nothing to do. */
export interface UpReport {
  readonly runId: string | null;
  readonly applied: readonly StepReport[];
  readonly current: string | null;
  /** Applied versions that no step here has. */
  readonly ahead: readonly string[];
  readonly durationMs: number;
}

/** Applies the pending steps. With nothing to do it has read two rows and written nothing. */
export function runUp(ports: ManagerPorts, policy: Policy, options: UpOptions): ResultAsync<UpReport, MigrateError> {
  const started = performance.now();
  return safeTry(async function* () {
    // The database is read while the files are hashed.
    const glanced = glanceAt(ports);
    const candidates = ofComponent(yield* ports.source.candidates().mapErr(fromSource), policy.component);
    const glance = yield* glanced;
    if (glance !== undefined && RUN_ENDINGS.has(glance.headType)) {
      const applied = glance.steps.filter((step) => step.component === policy.component);
      const planned = await planFor(candidates, applied, policy, options);
      // What speaks against it may be the table of applied steps only: the run asks the journal itself.
      if (planned.isOk() && planned.value.steps.length === 0) {
        warnAhead(ports, planned.value);
        return ok({
          runId: null,
          applied: [],
          current: currentVersion(applied),
          ahead: planned.value.ahead,
          durationMs: elapsed(started),
        });
      }
    }
    // Without a step there is nothing to make a database for.
    if (glance === undefined && candidates.length === 0)
      return ok({ runId: null, applied: [], current: null, ahead: [], durationMs: elapsed(started) });
    if (glance === undefined) yield* refuseLost(ports);
    const request = { kind: 'up', ports, policy, signal: options.signal, candidates, open: 'create' } as const;
    return ok(yield* withSession(request, (session) => applyPending(session, candidates, options, started)));
  });
}

function applyPending(
  session: RunSession,
  candidates: readonly StepCandidate[],
  options: UpOptions,
  started: number,
): ResultAsync<UpReport, MigrateError> {
  const { ports, policy, recorder } = session;
  return safeTry(async function* () {
    const plan = yield* planFor(candidates, appliedSteps(session), policy, options);
    warnAhead(ports, plan);
    const report = (applied: readonly StepReport[]): UpReport => ({
      runId: applied.length === 0 ? null : session.runId,
      applied,
      current: currentVersion(appliedSteps(session)),
      ahead: plan.ahead,
      durationMs: elapsed(started),
    });
    if (plan.steps.length === 0) return ok(report([]));
    yield* refuseForeign(session.database, recorder.history);
    const steps = yield* loadSteps(plan.steps);
    yield* refuseWithoutBackup(session, steps);
    yield* checkDisk(session, steps.length);
    ports.observer.progress({ kind: 'planned', direction: 'apply', versions: steps.map((step) => step.version) });
    yield* startRun(
      session,
      'up',
      steps.map((step) => step.version),
      { outOfOrder: plan.outOfOrder },
    );
    const pruned: { done: () => ResultAsync<void, MigrateError> } = { done: () => okAsync(undefined) };
    const outcome = applySteps(session, steps).andThen((applied) =>
      planPruning(session).map((pruning) => {
        pruned.done = () => removePruned(session, pruning);
        return applied;
      }),
    );
    const applied = yield* endRun(session, outcome, (done) => ({ steps: done.length, durationMs: elapsed(started) }));
    yield* pruned.done();
    return ok({ ...report(applied), runId: recorder.runId });
  });
}

/** Each step in turn; the first that fails ends it, and the policy says what becomes of those before it. */
function applySteps(session: RunSession, steps: readonly MigrationStep[]): ResultAsync<StepReport[], MigrateError> {
  const { policy, lease, signal, ports, database, recorder } = session;
  return safeTry(async function* () {
    const done: StepReport[] = [];
    const perRun = policy.fileBackup === 'each-run' && database.backups.supported;
    const runBackup = perRun
      ? yield* takeBackup(
          { ports, database, recorder },
          { kind: 'before-run', runId: recorder.runId, component: policy.component },
          'quick',
        )
      : undefined;
    const context: StepContext = { ports, database, recorder, policy, signal, runBackup };
    let left = steps;
    // How many of them were tried together in vain: each takes its turn by itself.
    let alone = 0;
    for (let [step] = left; step !== undefined; [step] = left) {
      if (signal.aborted) return errAsync(migrateError({ kind: 'cancelled' }, { state: 'unchanged' }));
      lease?.announce(`applying ${step.version} ${step.description}`);
      const group = alone > 0 ? undefined : groupAtHead(context, left);
      if (group !== undefined) {
        const { applied, tried } = yield* runGroup(context, group);
        done.push(...applied);
        left = left.slice(applied.length);
        alone = tried - applied.length;
        continue;
      }
      const report = await runStep(context, step, 'apply');
      if (report.isErr()) {
        // A step whose mirror failed is applied all the same: nothing is undone for it.
        if (policy.onFailure === 'undo-run' && !KEPT.has(report.error.kind))
          yield* undoRun(context, steps, done, report.error);
        return errAsync(report.error);
      }
      done.push(report.value);
      left = left.slice(1);
      alone -= 1;
    }
    return ok(done);
  });
}

const KEPT: ReadonlySet<string> = new Set(['needs-person', 'mirror-failed']);

const planFor = (
  candidates: readonly StepCandidate[],
  applied: Parameters<typeof planUp>[1],
  policy: Policy,
  options: UpOptions,
): ResultAsync<Plan, MigrateError> =>
  okAsync(undefined).andThen(() =>
    planUp(candidates, applied, { to: options.to, outOfOrder: policy.outOfOrder, onAhead: policy.onAhead }).mapErr(
      (facts) => migrateError(facts),
    ),
  );

function warnAhead(ports: ManagerPorts, { ahead }: Plan): void {
  if (ahead.length === 0) return;
  ports.observer.progress({
    kind: 'warning',
    message: `the database has steps that this program does not know: ${ahead.join(', ')} (a newer release was here)`,
  });
}

/** The steps of one component. */
export const ofComponent = (candidates: readonly StepCandidate[], component: string): readonly StepCandidate[] =>
  candidates.filter((candidate) => candidate.component === component);

/** Whole milliseconds since. */
export const elapsed = (started: number): number => Math.round(performance.now() - started);
