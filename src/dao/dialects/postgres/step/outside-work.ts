// The statements of a step without a transaction: each is done whole or leaves nothing, and what was done can be taken back.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { StepFault, StepObservation } from '../../../../core/ports/step-transaction.js';
import { LOCK_TIMEOUT } from './begin.js';
import { joined } from './observations.js';
import { nothingDone, observe, observeSchema, type ObserveContext } from './observe.js';
import { runOutside, undoOutside, type OutsideDone } from './outside/run-outside.js';
import type { StatementFacts, StatementResult } from './statement.js';
import { StepTrace } from './trace.js';

type Send = (sql: string) => ResultAsync<StatementResult, SqlError>;
export interface OutsideWorkContext extends Omit<ObserveContext, 'trace'> {
  /** The step was interrupted before, and what it had done is no error. */
  readonly repeats?: boolean;
}

/** They can be in a transaction, and are given one each: what they do to rows is then known. */
const CHANGING: ReadonlySet<string> = new Set([
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'WITH',
  'TRUNCATE',
  'DROP',
  'ALTER',
  'COPY',
  'DO',
  'CALL',
  'EXECUTE',
]);
/** Whatever else is said of what begins so, the server wants it outside of one. */
const NOT_IN_TRANSACTION: ReadonlySet<string> = new Set(['25001', '2D000']);

export class OutsideWork {
  readonly #context: OutsideWorkContext;
  readonly #done: OutsideDone[] = [];
  #seen: StepObservation;
  /** The step says itself how long it waits for locks. */
  #limitsItself = false;
  /** Follows the transaction of its own that the step has open. */
  #open: StepTrace | undefined;

  constructor(context: OutsideWorkContext) {
    this.#context = context;
    this.#seen = nothingDone(context.before);
  }

  run(facts: StatementFacts, bindings: readonly unknown[], send: Send): ResultAsync<StatementResult, SqlError> {
    const { sql, names, verb, transaction } = facts;
    if (names.has('lock_timeout')) this.#limitsItself = true;
    if (transaction !== undefined) return this.#atBoundary(transaction, () => send(sql));
    if (this.#open) return this.#open.follow(facts, () => send(sql));
    if ((CHANGING.has(verb) || facts.calls) && !names.has('concurrently'))
      return this.#inTransaction(facts, send).orElse((error) =>
        NOT_IN_TRANSACTION.has(error.code) ? this.#outside(facts, send) : errAsync(error),
      );
    // What is prepared for its values is no statement of those that have to be seen to.
    return bindings.length > 0 ? send(sql) : this.#outside(facts, send);
  }

  /** The step begins or ends a transaction of its own: what was done in it is read before it is committed. */
  #atBoundary(verb: string, send: () => ReturnType<Send>): ResultAsync<StatementResult, SqlError> {
    const { connection, second } = this.#context;
    const trace = this.#open;
    this.#open = BEGINNING.has(verb) ? (trace ?? new StepTrace(connection, second)) : undefined;
    return trace === undefined || !COMMITTING.has(verb) ? send() : this.#committed(trace, send);
  }

  /** What was done so far, and the schema that it has led to. */
  observe(): ResultAsync<StepObservation, StepFault> {
    return observeSchema({
      ...this.#context,
      trace: new StepTrace(this.#context.connection, this.#context.second),
    }).map(({ after }) => ({
      ...this.#seen,
      after,
    }));
  }

  /** Takes back what can be, last first; never fails for it: what stays is found when the step is run again. */
  undo(): ResultAsync<void, never> {
    return undoOutside(this.#context.connection, this.#done.splice(0)).orElse(() => okAsync(undefined));
  }

  #inTransaction(facts: StatementFacts, send: Send): ResultAsync<StatementResult, SqlError> {
    const { connection, second } = this.#context;
    const trace = new StepTrace(connection, second);
    return connection
      .query('BEGIN')
      .andThen(() => trace.follow(facts, () => send(facts.sql)))
      .andThen((result) => this.#committed(trace, () => connection.query('COMMIT').map(() => result)))
      .orElse((error) =>
        connection
          .query('ROLLBACK')
          .orElse(() => okAsync(undefined))
          .andThen(() => errAsync(error)),
      );
  }

  #committed(trace: StepTrace, commit: () => ReturnType<Send>): ResultAsync<StatementResult, SqlError> {
    return observe({ ...this.#context, before: this.#seen.after, trace })
      .mapErr((fault): SqlError => (fault.kind === 'sql' ? fault.error : REFUSED))
      .andThen((seen) =>
        commit().map((result) => {
          this.#seen = joined(this.#seen, seen);
          return result;
        }),
      );
  }

  #outside({ sql, names }: StatementFacts, send: Send): ResultAsync<StatementResult, SqlError> {
    let last: StatementResult | undefined;
    const kept = (text: string): ResultAsync<StatementResult, SqlError> => send(text).map((result) => (last = result));
    const { connection, repeats = false } = this.#context;
    const work = (): ResultAsync<OutsideDone, SqlError> => runOutside(connection, sql, { repeats, send: kept });
    return (names.has('concurrently') && !this.#limitsItself ? this.#patiently(work) : work()).map((done) => {
      this.#done.push(done);
      return last ?? NOTHING;
    });
  }

  /** Built concurrently, it waits until older transactions have ended: nobody who reads or writes rows waits behind it. */
  #patiently<T>(work: () => ResultAsync<T, SqlError>): ResultAsync<T, SqlError> {
    // Through a pooler there was no limit: what is set for a session would be met by others.
    if (this.#context.connection.isPooled) return work();
    const limit = (value: string): ResultAsync<unknown, SqlError> =>
      this.#context.connection.query(`SET lock_timeout = '${value}'`);
    return limit('0')
      .andThen(work)
      .andThen((result) => limit(LOCK_TIMEOUT).map(() => result));
  }
}

const BEGINNING: ReadonlySet<string> = new Set(['BEGIN', 'START']);
const COMMITTING: ReadonlySet<string> = new Set(['COMMIT', 'END']);
const REFUSED: SqlError = {
  kind: 'other',
  code: '42501',
  message: 'a step may not change what is the engine’s own: schemas migrate_safe and migrate_safe_backup',
};
/** What is done already needs no statement. */
const NOTHING: StatementResult = { command: '', rowCount: 0, oid: 0, fields: [], rows: [] };
