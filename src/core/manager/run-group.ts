// Small steps that only add, in one commit: tried together, and each by itself as soon as anything comes between.
import { ok, safeTry, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import type { StepTransaction } from '../ports/step-transaction.js';
import type { MigrationStep } from '../steps/migration-step.js';
import { fromSql } from './as-error.js';
import type { Progress } from './progress.js';
import { beginAttempt, needsBackup, recordStart } from './run-step.js';
import { attemptStep, commitWork, type StepReport } from './step-attempt.js';
import type { StepContext } from './step-context.js';

/** For how long a group takes in steps, and keeps others from writing between them, in milliseconds. */
const OPEN_MS = 250;
/** A step that is at work this long after the group began takes its time by itself, where it is watched. */
const PATIENCE_MS = 750;

/** What became of a group: all that were tried are applied, or none is. */
export interface GroupOutcome {
  readonly applied: readonly StepReport[];
  readonly tried: number;
}

/**
 * The steps at the head of `steps` that can share a commit: scripts that only add. Code may do something outside of the
 * database that cannot be tried twice, and what needs a backup of its own needs a moment of its own.
 */
export function groupAtHead(context: StepContext, steps: readonly MigrationStep[]): readonly MigrationStep[] {
  const end = steps.findIndex((step) => !canShare(context, step));
  return end === -1 ? steps : steps.slice(0, end);
}

function canShare(context: StepContext, step: MigrationStep): boolean {
  const { apply, validate, foreignKeys } = step.definition;
  if (!step.transactional || needsBackup(context, step) || validate !== undefined || foreignKeys === 'on') return false;
  return typeof apply !== 'function' && apply.every((statement) => statement.onlyAdds === true);
}

/**
 * Applies `steps` in turn, each observed, judged and recorded as ever, and commits them with their events at once; after
 * a crash none of them has happened. Where anything goes wrong all of it is rolled back and nothing is told: run by
 * itself, each step then meets its own end.
 */
export function runGroup(
  context: StepContext,
  steps: readonly MigrationStep[],
): ResultAsync<GroupOutcome, MigrateError> {
  const { database, recorder, ports } = context;
  const told: Progress[] = [];
  const quiet: StepContext = {
    ...context,
    ports: { ...ports, observer: { event: () => undefined, progress: (one) => void told.push(one) } },
  };
  const mark = recorder.mark();

  return safeTry(async function* () {
    const opened = await database.begin({ foreignKeys: 'off', transactional: true, comparesWith: 'live' });
    // Why it cannot begin is told by the step that tries it by itself.
    if (opened.isErr()) return ok({ applied: [], tried: 1 });
    const { applied, tried, transaction } = await applyInTurn(quiet, steps, opened.value);
    if (applied.length < tried || (await commitWork(quiet, applied.at(-1)?.version ?? '', transaction)).isErr()) {
      recorder.rewind(mark);
      yield* transaction
        .rollback()
        .mapErr((error) => fromSql(error, database.info.label, 'rolling back', 'needs-attention'));
      return ok({ applied: [], tried });
    }
    yield* recorder.written();
    for (const one of told) ports.observer.progress(one);
    return ok({ applied, tried });
  });
}

interface InTurn extends GroupOutcome {
  /** That of the last step that was tried. */
  readonly transaction: StepTransaction;
}

/** As many as there is time for; ends with the first that does not go through. */
async function applyInTurn(
  context: StepContext,
  steps: readonly MigrationStep[],
  first: StepTransaction,
): Promise<InTurn> {
  const { ports, recorder } = context;
  const begun = performance.now();
  const applied: StepReport[] = [];
  let transaction = first;
  for (const step of steps) {
    if (applied.length > 0) {
      if (performance.now() - begun > OPEN_MS) break;
      transaction = await transaction.next();
    }
    const patience = setTimeout(() => transaction.interrupt(), begun + PATIENCE_MS - performance.now());
    const report = await applyOne(context, step, transaction);
    clearTimeout(patience);
    if (report.isErr()) return { applied, tried: applied.length + 1, transaction };
    applied.push(report.value);
    ports.observer.progress({ kind: 'recorded', position: recorder.head.position });
  }
  return { applied, tried: applied.length, transaction };
}

function applyOne(
  context: StepContext,
  step: MigrationStep,
  transaction: StepTransaction,
): ResultAsync<StepReport, MigrateError> {
  const started = performance.now();
  return safeTry(async function* () {
    const attempt = yield* beginAttempt(context, step, 'apply');
    recordStart(context, attempt, context.runBackup);
    return ok(yield* attemptStep(context, attempt, transaction, undefined, started));
  });
}
