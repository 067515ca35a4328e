// One step from its backup to its record, and the rollback ladder when it fails. DESIGN, section 5, points 4 to 6.
import { err, errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { ApplyRecord } from '../history/history.js';
import type { StoredBackup } from '../ports/backup-store.js';
import type { Effects } from '../events/effects.js';
import type { StepObservation, StepTransaction } from '../ports/step-transaction.js';
import { describeChange } from '../schema/change.js';
import { diffSchemas } from '../schema/diff.js';
import { fingerprint } from '../schema/fingerprint.js';
import { declarationsFor, judge, type OwnWork } from '../schema/guard.js';
import { revertDeclarations, type Declarations, type MigrationStep, type StepWork } from '../steps/migration-step.js';
import { fromSql } from './as-error.js';
import { createdObjects } from './created-objects.js';
import type { Direction } from './progress.js';
import { climbDown } from './rollback-ladder.js';
import { takeBackup } from './step-backup.js';
import type { StepContext } from './step-context.js';
import { StepErrors } from './step-errors.js';
import { ask, runWork, truthy, validateStep } from './step-work.js';

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

interface Attempt {
  readonly step: MigrationStep;
  readonly direction: Direction;
  readonly attempt: string;
  readonly work: StepWork;
  readonly declares: Declarations;
  readonly applied: ApplyRecord | undefined;
  readonly errors: StepErrors;
}

/** Applies or reverts one step. On failure the ladder has been walked and its rung is in the journal. */
export function runStep(context: StepContext, step: MigrationStep, direction: Direction, applied?: ApplyRecord): ResultAsync<StepReport, MigrateError> {
  const { database, ports, policy } = context;
  const { definition } = step;
  const errors = new StepErrors(step, direction, database.info.label);
  const work = direction === 'apply' ? definition.apply : definition.revert;
  ports.observer.progress({ kind: 'step-started', direction, version: step.version, description: step.description });
  if (work === undefined) return errAsync(migrateError({ kind: 'no-revert', version: step.version }, { step: errors.location }));
  const declares = direction === 'revert' ? revertDeclarations(definition) : (definition.declares ?? {});
  const attempt: Attempt = { step, direction, attempt: ports.ids.hex(16), work, declares, applied, errors };

  return safeTry(async function* () {
    const started = performance.now();
    const seen = yield* foreignWrites(context);
    const needsBackup = policy.fileBackup === 'each-step' || (policy.fileBackup === 'each-run' && context.runBackup === undefined) || !step.transactional;
    let backup = policy.fileBackup !== 'never' && needsBackup ? yield* beforeStep(context, step, direction) : undefined;

    // A step without a transaction is in the journal before it begins: a crash must leave a trace of it.
    const start = (): void => recordStart(context, attempt, backup ?? context.runBackup);
    if (!step.transactional) {
      start();
      yield* context.recorder.flush(database, `beginning ${step.version}`);
    }
    const opened = await database.begin({
      foreignKeys: definition.foreignKeys ?? 'off',
      transactional: step.transactional,
      comparesWith: backup === undefined ? 'live' : 'backup',
    });
    if (opened.isErr()) return err(failedToBegin(context, step, opened.error));
    const transaction = opened.value;

    // Nobody else writes from here on. What was written between the backup and this moment is not in the backup.
    if (step.transactional && backup !== undefined && (yield* foreignWrites(context)) !== seen) {
      const again = await beforeStep(context, step, direction);
      if (again.isErr()) {
        yield* abandon(transaction, context);
        return err(again.error);
      }
      backup = again.value;
    }
    if (step.transactional) start();
    if (backup !== undefined) transaction.compareWith(backup.file);

    const mark = context.recorder.mark();
    const done = await attemptStep(context, attempt, transaction, backup, started);
    // What is committed is done: a mirror that could not be written ends the run, but not the step.
    if (done.isOk()) return (await context.recorder.written()).map(() => told(context, done.value));
    context.recorder.rewind(mark);
    const error = yield* climbDown(context, { ...attempt, transaction, backup, before: transaction.before, foreignWrites: seen, error: done.error });
    return err(error);
  });
}

function told({ ports, recorder }: StepContext, report: StepReport): StepReport {
  ports.observer.progress({ kind: 'recorded', position: recorder.head.position });
  return report;
}

const foreignWrites = ({ database }: StepContext): ResultAsync<number, MigrateError> =>
  database.foreignWrites().mapErr((error) => fromSql(error, database.info.label, 'looking for other writers'));

const beforeStep = (context: StepContext, step: MigrationStep, direction: Direction): ResultAsync<StoredBackup, MigrateError> =>
  takeBackup(
    context,
    { kind: 'before-step', runId: context.recorder.runId, component: step.component, version: step.version, ...(direction === 'revert' ? { direction } : {}) },
    'quick',
  ).mapErr((error) => {
    context.ports.observer.progress({ kind: 'step-failed', phase: 'backup', error });
    return error;
  });

function recordStart({ recorder }: StepContext, attempt: Attempt, backup: StoredBackup | undefined): void {
  const { step, direction } = attempt;
  recorder.record({
    type: 'start-step',
    version: step.version,
    description: step.description,
    checksum: step.checksum,
    attempt: attempt.attempt,
    direction,
    transactional: step.transactional,
    ...(backup ? { backupId: backup.manifest.id } : {}),
  });
}

const failedToBegin = (context: StepContext, step: MigrationStep, error: Parameters<typeof fromSql>[0]): MigrateError => {
  const failed = fromSql(error, context.database.info.label, `beginning ${step.version}`);
  context.ports.observer.progress({ kind: 'step-failed', phase: 'work', error: failed });
  return failed;
};

const abandon = (transaction: StepTransaction, context: StepContext): ResultAsync<void, MigrateError> =>
  transaction.rollback().mapErr((error) => fromSql(error, context.database.info.label, 'rolling back'));

/** Work, effects, guard, checks, record, commit. The recorder holds the step's events until the commit. */
function attemptStep(context: StepContext, attempt: Attempt, transaction: StepTransaction, backup: StoredBackup | undefined, started: number): ResultAsync<StepReport, MigrateError> {
  const { ports, recorder, signal, database } = context;
  const { step, direction, work, errors } = attempt;
  const { observer } = ports;
  const failing = (phase: 'work' | 'guard' | 'validate' | 'record') => (error: MigrateError): MigrateError => {
    observer.progress({ kind: 'step-failed', phase, error });
    return error;
  };
  return safeTry(async function* () {
    const workStarted = performance.now();
    // A step without a transaction may have been done by a run that did not live to record it.
    const isDone = direction === 'apply' && !step.transactional && step.definition.isDone !== undefined;
    const done = isDone && truthy(yield* ask(step.definition.isDone, step, transaction, errors, signal));
    const worked = done ? { statements: 0 } : yield* runWork(work, step, transaction, errors, signal).mapErr(failing('work'));
    observer.progress({ kind: 'worked', direction, statements: worked.statements, ms: performance.now() - workStarted });
    const seen = yield* transaction.observe().mapErr((fault) => failing('guard')(errors.fault(fault)));
    yield* guard(context, attempt, seen).mapErr(failing('guard'));
    observer.progress({ kind: 'observed', effects: seen.effects });
    if (direction === 'apply') yield* validateStep(step, transaction, errors, signal).mapErr(failing('validate'));
    if (signal.aborted) return err(migrateError({ kind: 'cancelled' }, { step: errors.location }));

    const changes = diffSchemas(seen.before, seen.after);
    const described = changes.map(describeChange);
    const reinstated = seen.reinstated.map(({ type, name }) => `${type} ${name}`);
    const schemaBefore = fingerprint(seen.before, sha256);
    const schemaAfter = changes.length === 0 ? schemaBefore : fingerprint(seen.after, sha256);
    const schemaRestored = direction === 'apply' || attempt.applied?.schemaBefore === schemaAfter;
    const durationMs = Math.round(performance.now() - started);
    const backups = backup ? [backup.manifest.id] : [];
    observer.progress({ kind: 'validated', changes: described, reinstated, ...(direction === 'revert' ? { schemaRestored } : {}) });

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
        ? { type: 'finish-apply', ...outcome, backups, created: createdObjects(changes) }
        : { type: 'finish-revert', ...outcome, schemaRestored },
    );
    yield* recorder
      .flushThrough((events, steps) => transaction.append(events, steps))
      .andThen(() => transaction.commit())
      .mapErr((error) => failing('record')(fromSql(error, database.info.label, `recording ${step.version}`)));
    const { component, version, description } = step;
    return ok({ component, version, description, durationMs, backups, effects: seen.effects, schemaChanges: described, reinstated, schemaRestored });
  });
}

function guard({ policy, ports }: StepContext, attempt: Attempt, seen: StepObservation): ResultAsync<void, MigrateError> {
  const { step, direction, declares, applied, errors } = attempt;
  if (policy.guard === 'off') return okAsync(undefined);
  const findings = judge(seen, declares, direction === 'revert' && applied ? ownWork(applied) : undefined);
  if (findings.length === 0) return okAsync(undefined);
  if (policy.guard === 'warn') {
    for (const finding of findings) ports.observer.progress({ kind: 'guard-warning', finding });
    return okAsync(undefined);
  }
  const { language } = step.origin;
  const declare = declarationsFor(findings, language);
  return errAsync(migrateError({ kind: 'guard-refused', version: step.version, direction, findings, declare, language }, { step: errors.location }));
}

const ownWork = (applied: ApplyRecord): OwnWork => ({
  created: applied.created,
  inserted: Object.fromEntries(Object.entries(applied.effects.tables).map(([table, { inserted }]) => [table, inserted])),
});

