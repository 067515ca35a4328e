// One attempt at a step inside its open transaction: work, effects, guard, checks, record; and the commit.
import { err, ok, safeTry, type Result, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { Effects } from '../events/effects.js';
import type { ApplyRecord } from '../history/history.js';
import type { StoredBackup } from '../ports/backup-store.js';
import type { StepObservation, StepTransaction } from '../ports/step-transaction.js';
import type { TableBackup } from '../ports/table-backups.js';
import { describeChange } from '../schema/change.js';
import { diffSchemas } from '../schema/diff.js';
import { fingerprint } from '../schema/fingerprint.js';
import { declarationsFor, judge, type OwnWork } from '../schema/guard.js';
import type { Declarations, MigrationStep, StepOrigin, StepWork } from '../steps/migration-step.js';
import { fromSql } from './as-error.js';
import { contractRefusal, type ContractVerdict } from './contract-watch.js';
import { createdObjects } from './created-objects.js';
import { nextTurn } from './next-turn.js';
import type { Observer } from './ports.js';
import type { Direction } from './progress.js';
import { settleCommit } from './settle-commit.js';
import type { StepContext } from './step-context.js';
import type { StepErrors } from './step-errors.js';
import { ask, faultOf, runWork, truthy, validateStep } from './step-work.js';

/** What became of a step that went through. */
export interface StepReport {
  readonly component: string;
  readonly version: string;
  readonly description: string;
  readonly durationMs: number;
  readonly backups: readonly string[];
  readonly effects: Effects;
  readonly schemaChanges: readonly string[];
  readonly reinstated: readonly string[];
  /** For a revert: the schema is again what it was before the apply. */
  readonly schemaRestored: boolean;
}

/** What was kept before a step besides a copy of the whole: copies of tables, taken again where its transaction begins anew. */
export interface KeptTables {
  tables?: TableBackup | undefined;
  /** The restore point before this very step. */
  point?: string | undefined;
}

/** What is tried, and under which name. */
export interface Attempt {
  readonly step: MigrationStep;
  readonly direction: Direction;
  readonly attempt: string;
  readonly work: StepWork;
  readonly declares: Declarations;
  readonly applied: ApplyRecord | undefined;
  readonly errors: StepErrors;
  readonly kept: KeptTables;
}

/** Afterwards the transaction is open, and the recorder holds the step's events until `commitWork`. */
export function attemptStep(
  context: StepContext,
  attempt: Attempt,
  transaction: StepTransaction,
  backup: StoredBackup | undefined,
  started: number,
): ResultAsync<StepReport, MigrateError> {
  return workOn(context, attempt, transaction).andThen((seen) =>
    settle(context, attempt, transaction, { seen, backup, started }),
  );
}

/** What the step did, and what it means for the program. */
export interface Seen extends StepObservation {
  readonly contract?: ContractVerdict | undefined;
}

/** Runs the step and looks at what it did: all that has to be seen before the next one begins. */
export function workOn(
  { ports: { observer }, signal, contract }: StepContext,
  { step, direction, work, errors }: Attempt,
  transaction: StepTransaction,
): ResultAsync<Seen, MigrateError> {
  return safeTry(async function* () {
    const workStarted = performance.now();
    // A step without a transaction may have been done by a run that did not live to record it.
    const isDone = direction === 'apply' && !step.isTransactional(direction) && step.definition.isDone !== undefined;
    const done = isDone && truthy(yield* ask(step.definition.isDone, step, transaction, errors, signal));
    const worked = done
      ? { statements: 0 }
      : yield* runWork(work, step, transaction, errors, signal).mapErr(failing(observer, 'work'));
    observer.progress({
      kind: 'worked',
      direction,
      statements: worked.statements,
      ms: performance.now() - workStarted,
    });
    const seen = yield* transaction.observe().mapErr((fault) => failing(observer, 'guard')(errors.fault(fault)));
    if (direction === 'revert' || contract === undefined) return ok(seen);
    const verdict = yield* contract
      .examine(step.version, seen, transaction)
      .mapErr((error) => failing(observer, 'contract')(errors.fault({ kind: 'sql', error })));
    return ok({ ...seen, contract: verdict });
  });
}

/** What is known of the work that is settled. */
interface Worked {
  readonly seen: Seen;
  readonly backup: StoredBackup | undefined;
  /** When the step began, by `performance.now()`. */
  readonly started: number;
}

/** Judges what was seen, asks the step itself, and hands its events to the recorder. */
export function settle(
  context: StepContext,
  attempt: Attempt,
  transaction: StepTransaction,
  { seen, backup, started }: Worked,
): ResultAsync<StepReport, MigrateError> {
  const { ports, recorder, signal } = context;
  const { step, direction, errors } = attempt;
  const { observer } = ports;
  return safeTry(async function* () {
    yield* guard(context, attempt, seen).mapErr(failing(observer, 'guard'));
    observer.progress({ kind: 'observed', effects: seen.effects });
    if (seen.contract !== undefined)
      yield* contractRefusal(step.version, seen.contract).mapErr((facts) =>
        failing(observer, 'contract')(migrateError(facts, { step: errors.location })),
      );
    if (direction === 'apply' && step.definition.validate !== undefined)
      yield* validateStep(step, transaction, errors, signal).mapErr(failing(observer, 'validate'));
    // What code did not await has its say first: that it failed is told when the event loop turns.
    if (typeof attempt.work === 'function') await nextTurn();
    yield* faultOf(transaction, errors).mapErr(failing(observer, 'work'));
    if (signal.aborted) return err(migrateError({ kind: 'cancelled' }, { step: errors.location }));

    const changes = diffSchemas(seen.before, seen.after);
    const described = changes.map(describeChange);
    const reinstated = seen.reinstated.map(({ type, name }) => `${type} ${name}`);
    const schemaBefore = fingerprint(seen.before, sha256);
    const schemaAfter = changes.length === 0 ? schemaBefore : fingerprint(seen.after, sha256);
    const schemaRestored = direction === 'apply' || attempt.applied?.schemaBefore === schemaAfter;
    const durationMs = Math.round(performance.now() - started);
    const { tables, point } = attempt.kept;
    const backups = [backup?.manifest.id, point, tables?.id].filter((id) => id !== undefined);
    observer.progress({
      kind: 'validated',
      changes: described,
      reinstated,
      ...(direction === 'revert' ? { schemaRestored } : {}),
      ...(seen.contract?.holds === true ? { contractHolds: true } : {}),
    });

    const outcome = {
      version: step.version,
      description: step.description,
      checksum: step.checksum,
      attempt: attempt.attempt,
      durationMs,
      effects: seen.effects,
      schemaBefore,
      schemaAfter,
      validated: { changes: changes.length, reinstated, warnings: [] },
    };
    recorder.record(
      direction === 'apply'
        ? { type: 'finish-apply', ...outcome, backups, created: createdObjects(changes, seen.renamed) }
        : { type: 'finish-revert', ...outcome, schemaRestored },
    );
    const { component, version, description } = step;
    return ok({
      component,
      version,
      description,
      durationMs,
      backups,
      effects: seen.effects,
      schemaChanges: described,
      reinstated,
      schemaRestored,
    });
  });
}

/** Writes what the recorder holds into the transaction, and commits both; a commit without an answer is looked up. */
export function commitWork(
  { recorder, database, ports }: StepContext,
  version: string,
  transaction: StepTransaction,
): ResultAsync<void, MigrateError> {
  return recorder
    .flushThrough((events, steps) => transaction.append(events, steps))
    .andThen(() => transaction.commit())
    .orElse((error) => settleCommit(database, error, recorder.writtenHead, recorder.buffered().events))
    .mapErr((cause) => {
      const doing = `recording ${version}`;
      const error =
        cause.kind === 'unsettled'
          ? fromSql(cause.error, database.info.label, doing, 'needs-attention')
          : fromSql(cause, database.info.label, doing);
      ports.observer.progress({ kind: 'step-failed', phase: 'record', error });
      return error;
    });
}

const failing =
  (observer: Observer, phase: 'work' | 'guard' | 'contract' | 'validate') =>
  (error: MigrateError): MigrateError => {
    observer.progress({ kind: 'step-failed', phase, error });
    return error;
  };

function guard({ policy, ports }: StepContext, attempt: Attempt, seen: StepObservation): Result<void, MigrateError> {
  const { step, direction, declares, applied, errors } = attempt;
  if (policy.guard === 'off') return ok(undefined);
  const findings = judge(seen, declares, direction === 'revert' && applied ? ownWork(applied) : undefined);
  if (findings.length === 0) return ok(undefined);
  if (policy.guard === 'warn') {
    for (const finding of findings) ports.observer.progress({ kind: 'guard-warning', finding });
    return ok(undefined);
  }
  const { language } = step.origin;
  const declare = declarationsFor(findings, language, declares);
  return err(
    migrateError(
      {
        kind: 'guard-refused',
        version: step.version,
        direction,
        findings,
        declare,
        language,
        ...(direction === 'revert' && isSealed(step.origin) ? { sealed: true } : {}),
      },
      { step: errors.location },
    ),
  );
}

/** A down file of its own is no part of the checksum, and neither is the text of a step that is registered in code. */
const isSealed = ({ file, downFile }: StepOrigin): boolean => file !== undefined && downFile === undefined;

const ownWork = (applied: ApplyRecord): OwnWork => ({
  created: applied.created,
  inserted: Object.fromEntries(
    Object.entries(applied.effects.tables).map(([table, { inserted }]) => [table, inserted]),
  ),
});
