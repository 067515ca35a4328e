// The run of `up`: applies what is pending, step by step or in groups, and says how it came out.
import { errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { StepCandidate } from '../ports/step-source.js';
import type { MigrationStep } from '../steps/migration-step.js';
import { currentVersion } from '../steps/planner.js';
import { ContractWatch, loadContract } from './contract-watch.js';
import { askAboutSize } from './large-database.js';
import { elapsed, planFor, warnAhead, type UpOptions, type UpReport } from './plan-up.js';
import type { ManagerPorts, Policy } from './ports.js';
import { loadSteps, refuseForeign, refuseLost, refuseWithoutBackup, warnOfNamesake } from './preflight.js';
import { planPruning, removePruned } from './pruning.js';
import { appliedSteps, endRun, startRun, withSession } from './run-session.js';
import type { RunSession } from './session.js';
import { groupAtHead, runGroup } from './run-group.js';
import { runStep } from './run-step.js';
import type { StepReport } from './step-attempt.js';
import type { StepContext } from './step-context.js';
import { undoRun } from './undo-run.js';
import { checkWayBack, takeWayBack } from './way-back.js';

/** What the fast path has found out, and left to be done. */
export interface Pending extends UpOptions {
  readonly candidates: readonly StepCandidate[];
  /** There is no journal yet. */
  readonly isNew: boolean;
  /** When the run began, by `performance.now()`. */
  readonly started: number;
}

export function runPending(ports: ManagerPorts, policy: Policy, pending: Pending): ResultAsync<UpReport, MigrateError> {
  const { candidates, signal, isNew } = pending;
  const request = { kind: 'up', ports, policy, signal, candidates, open: 'create' } as const;
  return (
    isNew ? refuseLost(ports).andThen(() => warnOfNamesake(ports)) : okAsync<void, MigrateError>(undefined)
  ).andThen(() => withSession(request, (session) => applyPending(session, pending)));
}

function applyPending(session: RunSession, pending: Pending): ResultAsync<UpReport, MigrateError> {
  const { candidates, started } = pending;
  const { ports, policy, recorder } = session;
  return safeTry(async function* () {
    const plan = yield* planFor(candidates, appliedSteps(session), policy, pending);
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
    yield* refuseWithoutBackup(session, steps, 'apply');
    yield* checkWayBack(session, steps.length);
    const contract = yield* watchContract(session, pending, steps);
    yield* askAboutSize(session, steps.length, pending.confirm);
    ports.observer.progress({ kind: 'planned', direction: 'apply', versions: steps.map((step) => step.version) });
    yield* startRun(
      session,
      'up',
      steps.map((step) => step.version),
      { outOfOrder: plan.outOfOrder },
    );
    const pruned: { done: () => ResultAsync<void, MigrateError> } = { done: () => okAsync(undefined) };
    const outcome = applySteps(session, steps, contract).andThen((applied) =>
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

/** A run that does not go to the end need not make the program work; what works has to go on working. */
function watchContract(
  session: RunSession,
  pending: Pending,
  steps: readonly MigrationStep[],
): ResultAsync<ContractWatch | undefined, MigrateError> {
  const { ports, policy, database } = session;
  return safeTry(async function* () {
    const contract = yield* loadContract(ports.contract);
    if (contract === undefined) return ok(undefined);
    const all = yield* planFor(pending.candidates, appliedSteps(session), policy, { ...pending, to: undefined });
    const last = all.steps.length === steps.length ? steps.at(-1)?.version : undefined;
    return ok(yield* ContractWatch.begin(database, contract, last));
  });
}

/** Each step in turn; the first that fails ends it, and the policy says what becomes of those before it. */
function applySteps(
  session: RunSession,
  steps: readonly MigrationStep[],
  contract: ContractWatch | undefined,
): ResultAsync<StepReport[], MigrateError> {
  const { policy, lease, signal, ports, database, recorder } = session;
  return safeTry(async function* () {
    const done: StepReport[] = [];
    const perRun = policy.fileBackup === 'each-run' && database.backups.supported;
    const runBackup = perRun
      ? yield* takeWayBack(
          { ports, database, recorder, policy, signal },
          { kind: 'before-run', runId: recorder.runId, component: policy.component },
        )
      : undefined;
    const context: StepContext = { ports, database, recorder, policy, signal, runBackup, contract };
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
      const report = await runStep({ ...context, isLast: left.length === 1 }, step, 'apply');
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
