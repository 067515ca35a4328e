// Runs the body of a step inside its transaction: a script's statements, or code under a deadline.
import { err, errAsync, ok, okAsync, ResultAsync, type Result } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import { migrateError } from '../errors/migrate-error.js';
import type { ScriptStatement } from '../ports/script-splitter.js';
import type { StepFault, StepTransaction } from '../ports/step-transaction.js';
import {
  DEFAULT_STEP_TIMEOUT_MS,
  type MigrationStep,
  type StepHandle,
  type StepWork,
} from '../steps/migration-step.js';
import { underDeadline } from './deadline.js';
import type { StepErrors } from './step-errors.js';

/** The number of statements of a script; undefined for code. */
export type Worked = { readonly statements: number | undefined };

/** Runs `work`. The transaction is still open afterwards, whatever came of it. */
export function runWork(
  work: StepWork,
  step: MigrationStep,
  transaction: StepTransaction,
  errors: StepErrors,
  signal: AbortSignal,
): ResultAsync<Worked, MigrateError> {
  const timeoutMs = step.definition.timeoutMs ?? DEFAULT_STEP_TIMEOUT_MS;
  if (typeof work !== 'function') {
    const run = (): Promise<unknown> =>
      executed(transaction, work, signal).match(
        () => undefined,
        (fault) => Promise.reject(new FaultThrown(fault)),
      );
    return interrupted(run, timeoutMs, signal, transaction, errors).map(() => ({ statements: work.length }));
  }
  const inner = new AbortController();
  const both = AbortSignal.any([signal, inner.signal]);
  return transaction
    .handle(both, 'work')
    .mapErr((fault) => errors.fault(fault))
    .andThen((handle) => interrupted(() => work(handle), timeoutMs, signal, transaction, errors))
    .andThen(() => transaction.endWork())
    .andThen(() => faultOf(transaction, errors))
    .map(() => ({ statements: undefined }))
    .orElse((error) => {
      // Code that is still running learns from its signal that nobody waits for it any more.
      inner.abort();
      return errAsync(error);
    });
}

/** So often a script is tried that only locks of others are in the way of. */
const TRIES = 10;
const LONGEST_PAUSE_MS = 2000;

/** Runs a script, from its beginning again where only a lock was in its way: while it waits for that, it holds nothing. */
function executed(
  transaction: StepTransaction,
  statements: readonly ScriptStatement[],
  signal: AbortSignal,
  tries = 1,
): ResultAsync<void, StepFault> {
  return transaction.execute(statements, signal).orElse((fault) => {
    const isTransient = fault.kind === 'sql' && fault.error.transient === true && !signal.aborted;
    // Others wait and try too: a little chance keeps them from meeting again and again.
    const pauseMs = Math.min(50 * 2 ** tries, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
    const restarted = isTransient && tries < TRIES ? transaction.restart?.(pauseMs) : undefined;
    return restarted === undefined
      ? errAsync(fault)
      : restarted
          .mapErr((error): StepFault => ({ kind: 'sql', error }))
          .andThen(() => executed(transaction, statements, signal, tries + 1));
  });
}

/** Runs a question of the step's own (`validate`, `isDone`) on the transaction's handle. */
export function ask(
  question: (handle: StepHandle) => unknown,
  step: MigrationStep,
  transaction: StepTransaction,
  errors: StepErrors,
  signal: AbortSignal,
): ResultAsync<unknown, MigrateError> {
  return transaction
    .handle(signal, 'read')
    .mapErr((fault) => errors.fault(fault))
    .andThen((handle) =>
      interrupted(
        () => question(handle),
        step.definition.timeoutMs ?? DEFAULT_STEP_TIMEOUT_MS,
        signal,
        transaction,
        errors,
      ),
    )
    .andThen((answer) => faultOf(transaction, errors).map(() => answer));
}

/** What an answer of a step's own question means: rows that came back, a number, or a plain yes. */
export function truthy(answer: unknown): boolean {
  // As a driver gives the answer to a raw statement, where it tells more of it than its rows.
  if (typeof answer === 'object' && answer !== null && 'rows' in answer && Array.isArray(answer.rows))
    return truthy(answer.rows);
  if (!Array.isArray(answer)) return Boolean(answer);
  const [row] = answer as readonly unknown[];
  if (row === null || typeof row !== 'object') return Boolean(row);
  return Object.values(row).every(Boolean) && Object.keys(row).length > 0;
}

/** The step's own check: what it throws, or `false`, refuses the step. */
export function validateStep(
  step: MigrationStep,
  transaction: StepTransaction,
  errors: StepErrors,
  signal: AbortSignal,
): ResultAsync<void, MigrateError> {
  const { validate } = step.definition;
  if (validate === undefined) return okAsync(undefined);
  return ask(validate, step, transaction, errors, signal).andThen((answer) =>
    answer === false
      ? errAsync(
          migrateError(
            { kind: 'validation-failed', version: step.version, reason: `the check of step ${step.version} said no` },
            { step: errors.location },
          ),
        )
      : okAsync(undefined),
  );
}

function interrupted(
  work: () => unknown,
  timeoutMs: number,
  signal: AbortSignal,
  transaction: StepTransaction,
  errors: StepErrors,
): ResultAsync<unknown, MigrateError> {
  return new ResultAsync(underDeadline(work, timeoutMs, signal)).mapErr((interruption) => {
    if (interruption.kind !== 'threw') transaction.interrupt();
    if (interruption.kind === 'threw' && interruption.thrown instanceof FaultThrown)
      return errors.fault(interruption.thrown.fault);
    return errors.interruption(interruption, timeoutMs, transaction);
  });
}

/** What the step's code did and swallowed. */
export const faultOf = (transaction: StepTransaction, errors: StepErrors): Result<void, MigrateError> => {
  const fault = transaction.fault();
  return fault ? err(errors.fault(fault)) : ok(undefined);
};

/** Carries a script's fault through the deadline's promise. */
class FaultThrown extends Error {
  readonly fault: Parameters<StepErrors['fault']>[0];
  constructor(fault: Parameters<StepErrors['fault']>[0]) {
    super('a statement of the step failed');
    this.fault = fault;
  }
}
