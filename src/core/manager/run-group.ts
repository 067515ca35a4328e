// Small steps that only add, in one commit: tried together, and each by itself as soon as anything comes between.
import { err, ok, ResultAsync, safeTry, type Result } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import type { StepTransaction } from '../ports/step-transaction.js';
import type { MigrationStep } from '../steps/migration-step.js';
import { fromSql } from './as-error.js';
import { nextTurn } from './next-turn.js';
import type { Observer } from './ports.js';
import type { Progress } from './progress.js';
import { beginAttempt, needsBackup, recordStart } from './run-step.js';
import { commitWork, settle, workOn, type Attempt, type Seen, type StepReport } from './step-attempt.js';
import { rollBackSettled } from './settle-commit.js';
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

/** More than one. */
export type Group = readonly [MigrationStep, MigrationStep, ...MigrationStep[]];

/**
 * The steps at the head of `steps` that can share a commit: scripts that only add. Code may do something outside of the
 * database that cannot be tried twice, and what needs a backup of its own needs a moment of its own.
 */
export function groupAtHead(context: StepContext, steps: readonly MigrationStep[]): Group | undefined {
  const end = steps.findIndex((step) => !canShare(context, step));
  const [first, second, ...others] = end === -1 ? steps : steps.slice(0, end);
  return first === undefined || second === undefined ? undefined : [first, second, ...others];
}

function canShare(context: StepContext, step: MigrationStep): boolean {
  const { apply, validate, foreignKeys } = step.definition;
  if (
    !step.isTransactional('apply') ||
    needsBackup(context, step, 'apply') ||
    validate !== undefined ||
    foreignKeys === 'on'
  )
    return false;
  return typeof apply !== 'function' && apply.every((statement) => statement.onlyAdds === true);
}

/**
 * Applies `steps` in turn, each observed, judged and recorded as ever, and commits them with their events at once; after
 * a crash none of them has happened. Where anything goes wrong all of it is rolled back and nothing is told: run by
 * itself, each step then meets its own end.
 */
export function runGroup(context: StepContext, steps: Group): ResultAsync<GroupOutcome, MigrateError> {
  const { database, recorder, ports, contract } = context;
  const mark = recorder.mark();
  const kept = contract?.mark();

  return safeTry(async function* () {
    const opened = await database.begin({ foreignKeys: 'off', transactional: true, comparesWith: 'live' });
    // Why it cannot begin is told by the step that tries it by itself.
    if (opened.isErr()) return ok({ applied: [], tried: 1 });
    const { applied, tried, told, transaction } = await applyInTurn(context, steps, opened.value);
    const committed =
      applied.length < tried ? undefined : await commitWork(context, applied.at(-1)?.version ?? '', transaction);
    if (committed === undefined || committed.isErr()) {
      const failed = (error: Parameters<typeof fromSql>[0]): MigrateError =>
        fromSql(error, database.info.label, 'rolling back', 'needs-attention');
      recorder.rewind(mark);
      if (kept !== undefined) contract?.rewind(kept);
      const stale = yield* rollBackSettled(database, transaction, recorder.writtenHead).mapErr(failed);
      return stale === undefined ? ok({ applied: [], tried }) : err(committed?.error ?? failed(stale));
    }
    yield* recorder.written();
    for (const one of told) ports.observer.progress(one);
    return ok({ applied, tried });
  });
}

interface InTurn extends GroupOutcome {
  readonly told: readonly Progress[];
  /** That of the last step that was tried. */
  readonly transaction: StepTransaction;
}

/** As many as there is time for; ends with the first that does not go through. */
async function applyInTurn(context: StepContext, steps: Group, first: StepTransaction): Promise<InTurn> {
  const begun = performance.now();
  const applied: StepReport[] = [];
  const told: Progress[] = [];
  let turn = startTurn(context, steps[0], first, begun + PATIENCE_MS);
  for (;;) {
    const { transaction } = turn;
    const work = await turn.work;
    const isOpen = work.isOk() && performance.now() - begun < OPEN_MS;
    const following = isOpen ? steps[applied.length + 1] : undefined;
    // The database is to be at the next step while this one is judged.
    const next = following && startTurn(context, following, await transaction.next(), begun + PATIENCE_MS);
    if (next) await nextTurn();
    const report = await work.asyncAndThen((done) => settleTurn(context, done, transaction));
    if (report.isErr() || !hasOnlyAdded(report.value)) {
      await next?.work;
      return { applied, tried: applied.length + 1, told, transaction: (next ?? turn).transaction };
    }
    applied.push(report.value);
    told.push(...turn.told, { kind: 'recorded', position: context.recorder.head.position });
    if (next === undefined) return { applied, tried: applied.length, told, transaction };
    turn = next;
  }
}

/** What a trigger changes behind a step's words needs the copy that the step gets by itself. */
const hasOnlyAdded = ({ effects }: StepReport): boolean =>
  Object.values(effects.tables).every(({ updated, deleted }) => updated + deleted === 0);

/** A step at work. */
interface Turn {
  readonly transaction: StepTransaction;
  readonly told: readonly Progress[];
  readonly work: ResultAsync<Work, MigrateError>;
}
interface Work {
  readonly attempt: Attempt;
  readonly quiet: StepContext;
  readonly seen: Seen;
  readonly started: number;
}

function startTurn(context: StepContext, step: MigrationStep, transaction: StepTransaction, until: number): Turn {
  const started = performance.now();
  const told: Progress[] = [];
  const observer: Observer = { event: () => undefined, progress: (one) => void told.push(one) };
  const quiet: StepContext = { ...context, ports: { ...context.ports, observer } };
  const patience = setTimeout(() => transaction.interrupt(), until - started);
  const work = beginAttempt(quiet, step, 'apply').asyncAndThen((attempt) =>
    workOn(quiet, attempt, transaction).map((seen): Work => ({ attempt, quiet, seen, started })),
  );
  const attended = async (): Promise<Result<Work, MigrateError>> => {
    const result = await work;
    clearTimeout(patience);
    return result;
  };
  return { transaction, told, work: new ResultAsync(attended()) };
}

function settleTurn(
  { runBackup }: StepContext,
  { attempt, quiet, seen, started }: Work,
  transaction: StepTransaction,
): ResultAsync<StepReport, MigrateError> {
  recordStart(quiet, attempt, runBackup?.id);
  return settle(quiet, attempt, transaction, { seen, backup: undefined, started });
}
