// One step's transaction on a PostgreSQL database: begun elsewhere, worked in through the gate, observed, recorded, ended.
import { errAsync, okAsync, ResultAsync } from 'neverthrow';
import type { RecordedEvent } from '../../../../core/events/envelope.js';
import type { AppliedStep } from '../../../../core/history/history.js';
import type { Preparable, Unprepared } from '../../../../core/ports/contract.js';
import type { ScriptStatement } from '../../../../core/ports/script-splitter.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { StepFault, StepObservation, StepTransaction } from '../../../../core/ports/step-transaction.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { StepHandle } from '../../../../core/steps/migration-step.js';
import { inOrder } from '../../../in-order.js';
import { classify } from '../classify.js';
import { beforeCommit, beginStep, endStep, OWN_SETTINGS } from './begin.js';
import { Cancelling } from './cancel.js';
import { StatementGate, type Access } from './gate.js';
import { knexHandle } from './knex-handle.js';
import { lookAgain, observe } from './observe.js';
import type { Start } from './ledger.js';
import { OutsideWork } from './outside-work.js';
import { prepareAlone, prepareOn } from './prepare.js';
import { quietIn } from './quiet.js';
import { asSqlError, errorOf, INTERRUPTED, isAborted, NOT_COMMITTED, SHARED } from './refusals.js';
import { SequencePositions } from './sequences.js';
import { statementsIn, type StatementResult } from './statement.js';
import { StepTrace } from './trace.js';
import type { Ending, TransactionContext } from './transaction-context.js';
import { StepWay } from './way.js';

export class PostgresStepTransaction implements StepTransaction {
  /** Without a transaction what was done stands, and only the one statement is tried again. */
  readonly restart?: (pauseMs: number) => ResultAsync<void, SqlError>;
  readonly #context: TransactionContext;
  readonly #trace: StepTrace;
  readonly #gate: StatementGate;
  readonly #outside: OutsideWork;
  readonly #sequences: SequencePositions;
  readonly #way: StepWay;
  readonly #cancelling: Cancelling;
  #before: SchemaSnapshot;
  #after: SchemaSnapshot | undefined;
  #left: Start | undefined;
  /** What was observed is all that became of the schema. */
  #isWhole = true;
  #recording = false;
  /** What questions have read nobody has looked at. */
  #wasAsked = false;
  #again: () => ResultAsync<void, SqlError> = () => okAsync(undefined);

  constructor(context: TransactionContext) {
    this.#context = context;
    this.#before = context.before;
    const { connection, second, transactional, start, known, counted } = context;
    this.#trace = new StepTrace(connection, second, { quiet: quietIn(context.before), start, known, counted });
    this.#outside = new OutsideWork(context);
    this.#sequences = new SequencePositions(second);
    // What a step has set holds for all that share its transaction.
    this.#way = new StepWay(connection, context.way);
    this.#cancelling = new Cancelling(context);
    this.#gate = new StatementGate({
      connection,
      second,
      transactional,
      follow: transactional
        ? (facts, _bindings, send) =>
            this.#way
              .take()
              .andThen(() => this.#sequences.before(facts, quietIn(this.#before)))
              .andThen(() => this.#trace.follow(facts, () => send(facts.sql)))
        : (facts, bindings, send) => this.#outside.run(facts, bindings, send),
      asStep: () => this.#way.back,
      restart: (pauseMs) => this.#restart(pauseMs),
    });
    if (transactional)
      this.restart = (pauseMs) =>
        context.isShared ? errAsync(SHARED) : this.#gate.between(() => this.#restart(pauseMs));
  }

  get before(): SchemaSnapshot {
    return this.#before;
  }

  execute(statements: readonly ScriptStatement[], signal: AbortSignal): ResultAsync<void, StepFault> {
    return inOrder(statements, (statement): ResultAsync<unknown, StepFault> => {
      if (signal.aborted) return errAsync({ kind: 'sql', error: INTERRUPTED, statement });
      return this.#all(statement.sql, [], 'work', 'once', statement).mapErr((fault): StepFault =>
        fault.kind === 'sql' || fault.kind === 'forbidden' ? { ...fault, statement } : fault,
      );
    }).map(() => undefined);
  }

  handle(signal: AbortSignal, access: Access): ResultAsync<StepHandle, StepFault> {
    this.#wasAsked ||= access === 'read';
    const execute = async (sql: string, bindings: readonly unknown[]): Promise<readonly StatementResult[]> => {
      const done = await this.#all(sql, bindings, access, access === 'work' ? 'retry' : 'once');
      if (done.isErr()) throw errorOf(done.error);
      return done.value;
    };
    return knexHandle(execute, this.#context.host, signal).mapErr((cause): StepFault => ({
      kind: 'sql',
      error: { ...classify(cause), kind: 'driver-missing' },
    }));
  }

  endWork(): ResultAsync<void, never> {
    return ResultAsync.fromSafePromise(this.#gate.seal());
  }

  fault(): StepFault | undefined {
    return this.#gate.fault;
  }

  lastError(): SqlError | undefined {
    return this.#gate.lastError;
  }

  observe(): ResultAsync<StepObservation, StepFault> {
    const context = { ...this.#context, before: this.#before, trace: this.#trace };
    const { transactional } = this.#context;
    return this.#gate
      .between(() =>
        transactional
          ? observe(context).map(({ left, way, isWhole = true, ...seen }) => {
              this.#way.left ??= way;
              this.#isWhole = isWhole && (this.#context.isWhole ?? true);
              this.#left = left;
              return seen;
            })
          : this.#outside.observe(),
      )
      .map((seen) => {
        this.#after = seen.after;
        return seen;
      })
      .mapErr((fault) => {
        // A transaction that an error of the step's has ended says nothing else any more.
        const { lastError } = this.#gate;
        return isAborted(fault) && lastError ? { kind: 'sql', error: lastError } : fault;
      });
  }

  prepare(statements: readonly Preparable[]): ResultAsync<readonly Unprepared[], SqlError> {
    const { connection, host, transactional } = this.#context;
    return this.#gate.between(() => (transactional ? prepareOn : prepareAlone)(connection, host, statements));
  }

  /** What the step is compared with is what others see. */
  compareWith(): void {
    return undefined;
  }

  append(events: readonly RecordedEvent[], steps: readonly AppliedStep[]): ResultAsync<void, SqlError> {
    const { connection, transactional, record } = this.#context;
    const isOpen = transactional || this.#recording;
    this.#recording = true;
    return (isOpen ? okAsync<unknown, SqlError>(undefined) : connection.query('BEGIN')).andThen(() =>
      record(events, steps, OWN_SETTINGS),
    );
  }

  async next(): Promise<StepTransaction> {
    if (this.#after === undefined) throw new Error('the next step begins where this one was observed');
    await this.#gate.close();
    return new PostgresStepTransaction({
      ...this.#context,
      before: this.#after,
      isShared: true,
      isWhole: this.#isWhole,
      start: this.#left,
      way: this.#way.left,
    });
  }

  commit(): ResultAsync<void, SqlError> {
    const { connection } = this.#context;
    return this.#end('committed', () =>
      this.#leave()
        .andThen(() => beforeCommit(connection))
        .andThen(() => connection.query('COMMIT'))
        // Of a transaction that had failed, the server says in so many words that it was rolled back instead.
        .andThen(({ command }) => (command === 'COMMIT' ? okAsync(undefined) : errAsync(NOT_COMMITTED))),
    );
  }

  #leave(): ResultAsync<void, SqlError> {
    const { leave, transactional } = this.#context;
    if (!transactional || !leave || !this.#isWhole || !this.#after || !this.#left) return okAsync(undefined);
    const { relations, look } = this.#left;
    return leave({ schema: this.#after, relations, at: look.at, own: look.own });
  }

  rollback(): ResultAsync<void, SqlError> {
    const { connection, transactional } = this.#context;
    return this.#end(
      'rolled-back',
      () => connection.query('ROLLBACK').map(() => undefined),
      () => (transactional ? this.#sequences.putBack() : this.#outside.undo()),
    );
  }

  whenRestarted(again: () => ResultAsync<void, SqlError>): void {
    this.#again = again;
  }

  interrupt(): void {
    this.#cancelling.ask();
  }

  /** Each by itself, so that each is looked at; with bindings, the server sees to it that it is one. */
  #all(
    sql: string,
    bindings: readonly unknown[],
    access: Access,
    retries: 'retry' | 'once',
    known: Pick<ScriptStatement, 'onlyAdds' | 'sets'> = {},
  ): ResultAsync<StatementResult[], StepFault> {
    const statements = statementsIn(sql, { ...known, isOne: bindings.length > 0 });
    if (statements.isErr()) return errAsync({ kind: 'sql', error: asSqlError(statements.error, sql) });
    return inOrder(statements.value, (one) => this.#gate.run(one, bindings, access, retries));
  }

  #restart(pauseMs: number): ResultAsync<void, SqlError> {
    const { connection, host, onRestart, transactional } = this.#context;
    this.#way.left = undefined;
    if (!transactional) return okAsync(undefined);
    const pause = (): ResultAsync<void, SqlError> =>
      ResultAsync.fromSafePromise(new Promise<void>((resolve) => setTimeout(resolve, pauseMs)));
    return connection
      .query('ROLLBACK')
      .andThen(() => this.#sequences.putBack())
      .andThen(pause)
      .andThen(() =>
        this.#gate.isClosed ? errAsync(INTERRUPTED) : lookAgain({ ...this.#context, before: this.#before }),
      )
      .andThen((before) => {
        this.#before = before;
        this.#trace.reset(quietIn(before));
        this.#gate.forget();
        return beginStep(connection, { transactional, searchPath: host.searchPath });
      })
      .andThen(() => onRestart?.() ?? okAsync(undefined))
      .andThen(() => this.#again());
  }

  #end(
    ending: Ending,
    end: () => ResultAsync<void, SqlError>,
    undo: () => ResultAsync<void, SqlError> = () => okAsync(undefined),
  ): ResultAsync<void, SqlError> {
    const { connection, transactional, onEnd } = this.#context;
    return ResultAsync.fromSafePromise<void, SqlError>(this.#gate.close())
      .andThen(() => this.#cancelling.settled())
      .andThen(() => (transactional || this.#recording ? end() : okAsync(undefined)))
      .andThen(undo)
      .andThen(() => endStep(connection).orElse(() => okAsync(undefined)))
      .andThen(() => onEnd(ending, ending === 'committed' && !this.#wasAsked ? this.#trace.counted : undefined));
  }
}
