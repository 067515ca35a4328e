// The words for what a step's transaction refuses by itself.
import type { ScriptError } from '../../../../core/ports/script-splitter.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { StepFault } from '../../../../core/ports/step-transaction.js';

/** A text that has no end, or that only psql understands. */
export const asSqlError = (error: ScriptError, sql: string): SqlError => ({
  kind: 'syntax',
  code: '42601',
  message: wordsFor(error),
  sql,
});

function wordsFor(error: ScriptError): string {
  if (error.kind === 'transaction-control') return `${error.keyword} ends the transaction of the step`;
  if (error.kind === 'unterminated') return `the ${error.what} does not end`;
  if (error.kind === 'uncommitted-value') return `${error.value} is added to its type in this very transaction`;
  return error.what === 'copy-from-stdin'
    ? 'COPY … FROM STDIN takes its rows from psql alone: write them as INSERT, or give them to knex.batchInsert in a step in code'
    : 'a line that begins with a backslash is a command of psql, not of the server: write it in SQL';
}

/** What a step's code gets thrown: the driver's own error, or one that says what is not allowed. */
export function errorOf(fault: StepFault): unknown {
  if (fault.kind === 'sql') return fault.error.cause ?? new Error(fault.error.message);
  if (fault.kind !== 'forbidden') return new Error('the transaction of the step has ended');
  switch (fault.what) {
    case 'closed':
      return new Error('the step has ended: this statement came too late (was a promise not awaited?)');
    case 'write-in-check':
      return new Error(`a check may only read: ${fault.sql}`);
    default:
      return new Error(`a step may not do this inside its transaction: ${fault.sql}`);
  }
}

export const INTERRUPTED: SqlError = { kind: 'interrupted', code: '57014', message: 'cancelled' };
export const SHARED: SqlError = {
  kind: 'busy',
  code: '55P03',
  message: 'the transaction holds the work of other steps too',
};
export const NOT_COMMITTED: SqlError = {
  kind: 'other',
  code: '25P02',
  message: 'the transaction had failed, and was rolled back when it was to be committed',
};
const ABORTED = '25P02';
/** A transaction that an error has ended says so of every statement. */
export const isAborted = (fault: StepFault): boolean => fault.kind === 'sql' && fault.error.code === ABORTED;
