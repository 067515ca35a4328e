// The gate through which every statement of a step passes, one at a time: refuses, runs, and lets none through after the step has ended.
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { StepFault } from '../../../../core/ports/step-transaction.js';
import type { PostgresConnection } from '../connection.js';
import { explained, namingBlockers } from './blockers.js';
import { isReading, type StatementFacts, type StatementResult } from './statement.js';

/** Who asks: the step's work, or a question of the step, which may only read. */
export type Access = 'work' | 'read';

export type Follow = (
  facts: StatementFacts,
  bindings: readonly unknown[],
  send: (sql: string) => ResultAsync<StatementResult, SqlError>,
) => ResultAsync<StatementResult, SqlError>;

export interface GateContext {
  readonly connection: PostgresConnection;
  readonly second: () => ResultAsync<PostgresConnection, SqlError>;
  readonly transactional: boolean;
  /** Runs a statement by `send`, and learns or sees to what is to be known about it. */
  readonly follow: Follow;
  /** A statement to be sent ahead of a question: it sees things as the step does. */
  readonly asStep: () => string | undefined;
  /** Takes back everything and begins anew. */
  readonly restart: (pauseMs: number) => ResultAsync<void, SqlError>;
}

/** So often code's first statement is tried; a script is tried again by who runs it. */
const TRIES = 10;
const LONGEST_PAUSE_MS = 500;
const READ_ONLY = '25006';
const ABORTED = '25P02';

export class StatementGate {
  readonly #context: GateContext;
  /** Ends with the statement that was given last: what belongs to one statement is not mixed with another's. */
  #turn: Promise<unknown> = Promise.resolve();
  #fault: StepFault | undefined;
  #lastError: SqlError | undefined;
  #state: 'open' | 'sealed' | 'closed' = 'open';
  #begun = false;

  constructor(context: GateContext) {
    this.#context = context;
  }

  /** What the step did that it must not do, whether or not its code noticed. */
  get fault(): StepFault | undefined {
    return this.#fault;
  }

  get lastError(): SqlError | undefined {
    return this.#lastError;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Runs one statement. `retries`: while nothing is held yet, one that only a lock was in the way of is tried again. */
  run(
    facts: StatementFacts,
    bindings: readonly unknown[],
    access: Access,
    retries: 'retry' | 'once' = 'once',
  ): ResultAsync<StatementResult, StepFault> {
    const running = this.#turn.then(() => this.#admit(facts, bindings, access, retries));
    this.#turn = running.catch(() => undefined);
    return new ResultAsync(running);
  }

  /** In its turn among the statements. */
  between<T, E>(work: () => PromiseLike<Result<T, E>>): ResultAsync<T, E> {
    const running = this.#turn.then(work);
    this.#turn = running.catch(() => undefined);
    return new ResultAsync(running);
  }

  /** What was tried is undone: statements are counted, and errors remembered, from here. */
  forget(): void {
    this.#begun = false;
    this.#lastError = undefined;
  }

  /** From now on only questions pass; resolves when what was under way has ended. */
  async seal(): Promise<void> {
    if (this.#state === 'open') this.#state = 'sealed';
    await this.#turn;
  }

  /** From now on nothing passes; resolves when what was under way has ended. */
  async close(): Promise<void> {
    this.#state = 'closed';
    await this.#turn;
  }

  keep(fault: StepFault): StepFault {
    this.#fault ??= fault;
    return fault;
  }

  async #admit(
    facts: StatementFacts,
    bindings: readonly unknown[],
    access: Access,
    retries: 'retry' | 'once',
  ): Promise<Result<StatementResult, StepFault>> {
    const { sql } = facts;
    const refused = this.#refusal(facts, access);
    if (refused) return err(refused);
    if (access === 'read' && this.#context.transactional) return this.#question(sql, bindings);
    const isFirst = !this.#begun;
    this.#begun = true;
    for (let tries = 1; ; tries++) {
      const outcome = await this.#perform(facts, bindings);
      if (outcome.isOk()) return ok(outcome.value);
      const { error } = outcome;
      const again = retries === 'retry' && isFirst && error.transient === true && tries < TRIES && !this.isClosed;
      if (!again) return err(this.#failed(error));
      const restarted = await this.#context.restart(pauseOf(tries));
      if (restarted.isErr()) return err(this.#failed(restarted.error));
      this.#begun = true;
    }
  }

  #refusal({ transaction, ...facts }: StatementFacts, access: Access): StepFault | undefined {
    const { sql, savepoint } = facts;
    const closed: StepFault = { kind: 'forbidden', what: 'closed', sql };
    if (this.#state === 'closed') return closed;
    // Before the commit there is still time to say that not all of the step was done.
    if (this.#state === 'sealed' && access === 'work') return this.keep(closed);
    if (this.#fault) return this.#fault;
    // What a savepoint of unknown name takes back, nobody could tell.
    const isControl = transaction !== undefined || savepoint.kind === 'unknown';
    if (isControl && this.#context.transactional)
      return this.keep({ kind: 'forbidden', what: 'transaction-control', sql });
    if (access === 'read' && !isReading({ transaction, ...facts }))
      return this.keep({ kind: 'forbidden', what: 'write-in-check', sql });
    return undefined;
  }

  #perform(facts: StatementFacts, bindings: readonly unknown[]): ResultAsync<StatementResult, SqlError> {
    return this.#context
      .follow(facts, bindings, (sql) => this.#send(sql, bindings))
      .mapErr((error) => (error.transient === true ? error : explained(error, [])));
  }

  #send(sql: string, bindings: readonly unknown[]): ResultAsync<StatementResult, SqlError> {
    const { connection, second } = this.#context;
    return namingBlockers(connection.foreign(sql, bindings), connection, second);
  }

  /** The server itself sees to it that nothing is written, not by a function either. */
  async #question(sql: string, bindings: readonly unknown[]): Promise<Result<StatementResult, StepFault>> {
    const { connection, asStep } = this.#context;
    const open = ['SAVEPOINT migrate_safe_question', asStep() ?? [], 'SET LOCAL transaction_read_only = on'].flat();
    const opened = await connection.query(open.join('; '));
    if (opened.isErr()) return err(this.#failed(opened.error));
    const answer = await this.#send(sql, bindings);
    const closed = await connection.query(
      'ROLLBACK TO SAVEPOINT migrate_safe_question; RELEASE SAVEPOINT migrate_safe_question',
    );
    if (answer.isOk()) return closed.isErr() ? err(this.#failed(closed.error)) : ok(answer.value);
    return err(
      answer.error.code === READ_ONLY
        ? this.keep({ kind: 'forbidden', what: 'write-in-check', sql })
        : this.#failed(answer.error),
    );
  }

  #failed(error: SqlError): StepFault {
    // After an error the server says of every statement the same: what went wrong was said before.
    if (error.code !== ABORTED || this.#lastError === undefined) this.#lastError = error;
    return { kind: 'sql', error };
  }
}

/** Others wait and try too: a little chance keeps them from meeting again and again. */
export const pauseOf = (tries: number): number =>
  Math.min(50 * 2 ** tries, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
