// One step's transaction on a SQLite database: begun elsewhere, worked in through the gate, observed, recorded, ended.
import { errAsync, okAsync, ResultAsync, type Result } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { RecordedEvent } from '../../../../core/events/envelope.js';
import type { AppliedStep } from '../../../../core/history/history.js';
import type { Preparable, Unprepared } from '../../../../core/ports/contract.js';
import type { ScriptStatement } from '../../../../core/ports/script-splitter.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { StepFault, StepObservation, StepTransaction } from '../../../../core/ports/step-transaction.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { StepHandle } from '../../../../core/steps/migration-step.js';
import { classify } from '../classify.js';
import type { DriverResult } from '../drivers/driver.js';
import { SqliteScriptSplitter } from '../sql/script.js';
import type { InspectedSchema } from '../inspect/inspector.js';
import { NO_IMAGE } from './before-image.js';
import type { HostKnexConfig } from '../../../host-knex.js';
import { knexHandle } from './knex-handle.js';
import { observe, type ObserveContext } from './observe.js';
import { prepareOn } from './prepare.js';
import { SchemaFacts } from './schema-facts.js';
import { StatementGate, type Access } from './statements.js';
import { WriteTrace } from './trace.js';

export interface TransactionContext extends Omit<ObserveContext, 'trace'> {
  readonly transactional: boolean;
  readonly host: HostKnexConfig;
  /** Writes events and their projection; called inside a transaction. */
  readonly record: (events: readonly RecordedEvent[], steps: readonly AppliedStep[]) => ResultAsync<void, SqlError>;
  /** Called once the step has ended: `settingsChanged` where it ran a pragma that may stay behind. */
  readonly onEnd: (ending: 'committed' | 'rolled-back', settingsChanged: boolean) => ResultAsync<void, SqlError>;
}

export class SqliteStepTransaction implements StepTransaction {
  readonly before: SchemaSnapshot;
  readonly #context: TransactionContext;
  readonly #trace: WriteTrace;
  readonly #gate: StatementGate;
  #recording = false;
  #after: InspectedSchema | undefined;

  constructor(context: TransactionContext) {
    this.before = context.before.snapshot;
    this.#context = context;
    const { connection, transactional } = context;
    const before = new SchemaFacts(context.before.raw);
    this.#trace = new WriteTrace(connection, transactional ? before : undefined);
    this.#gate = new StatementGate({ connection, transactional, before, trace: this.#trace });
  }

  execute(statements: readonly ScriptStatement[], signal: AbortSignal): ResultAsync<void, StepFault> {
    return inOrder(statements, (statement, index): ResultAsync<unknown, StepFault> => {
      if (signal.aborted) return errAsync({ kind: 'sql', error: INTERRUPTED, statement });
      const upcoming = statements.slice(index + 1).map(({ sql }) => sql);
      return this.#gate
        .run(statement.sql, [], 'rows', 'work', upcoming)
        .mapErr((fault): StepFault =>
          fault.kind === 'sql' || fault.kind === 'forbidden' ? { ...fault, statement } : fault,
        );
    }).map(() => undefined);
  }

  handle(signal: AbortSignal, access: Access): ResultAsync<StepHandle, StepFault> {
    const splitter = new SqliteScriptSplitter();
    const execute = async (
      sql: string,
      bindings: readonly unknown[],
      wants: 'rows' | 'changes',
    ): Promise<DriverResult> => {
      // With bindings it is one statement: the driver itself refuses what is more.
      const statements = bindings.length > 0 ? [sql] : statementsIn(splitter, sql);
      const result = await (Array.isArray(statements)
        ? inOrder(statements, (one) => this.#gate.run(one, bindings, wants, access))
        : errAsync<DriverResult[], StepFault>({ kind: 'sql', error: statements }));
      if (result.isErr()) throw errorOf(result.error);
      return result.value.at(-1) ?? { rows: [], changes: 0, lastId: 0 };
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
    return observe({ ...this.#context, trace: this.#trace })
      .map(({ observation, after }) => {
        this.#after = after;
        return observation;
      })
      .mapErr((error): StepFault => ({ kind: 'sql', error }));
  }

  prepare(statements: readonly Preparable[]): ResultAsync<readonly Unprepared[], SqlError> {
    const { connection, host } = this.#context;
    return prepareOn(connection, host, statements);
  }

  compareWith(backupFile: string): void {
    this.#context.beforeImage.use(backupFile);
  }

  append(events: readonly RecordedEvent[], steps: readonly AppliedStep[]): ResultAsync<void, SqlError> {
    const { connection, transactional, record } = this.#context;
    if (transactional || this.#recording) return record(events, steps);
    this.#recording = true;
    return connection.run('BEGIN IMMEDIATE').andThen(() => record(events, steps));
  }

  async next(): Promise<StepTransaction> {
    const before = this.#after;
    if (before === undefined) throw new Error('the next step begins where this one was observed');
    const { beforeImage, onEnd } = this.#context;
    await this.#gate.close();
    return new SqliteStepTransaction({
      ...this.#context,
      before,
      beforeImage: { ...NO_IMAGE, close: () => beforeImage.close() },
      onEnd: (ending, settingsChanged) => onEnd(ending, settingsChanged || this.#gate.settingsChanged),
    });
  }

  commit(): ResultAsync<void, SqlError> {
    return this.#end('committed', () => this.#context.connection.run('COMMIT').map(() => undefined));
  }

  rollback(): ResultAsync<void, SqlError> {
    // A transaction that an error has ended already cannot be ended again: that is no failure.
    return this.#end('rolled-back', () =>
      this.#context.connection
        .run('ROLLBACK')
        .map(() => undefined)
        .orElse((error) => (error.message.includes('no transaction is active') ? okAsync(undefined) : errAsync(error))),
    );
  }

  interrupt(): void {
    this.#context.connection.interrupt();
  }

  /** The before-image reads the database: in rollback mode nothing commits before it is closed. */
  #end(ending: 'committed' | 'rolled-back', end: () => ResultAsync<void, SqlError>): ResultAsync<void, SqlError> {
    const { beforeImage, transactional, onEnd } = this.#context;
    return ResultAsync.fromSafePromise<void, SqlError>(this.#gate.close())
      .andThen(() => beforeImage.close())
      .andThen(() => (transactional || this.#recording ? end() : okAsync(undefined)))
      .andThen(() => onEnd(ending, this.#gate.settingsChanged));
  }
}

const INTERRUPTED: SqlError = { kind: 'interrupted', code: 'SQLITE_INTERRUPT', message: 'cancelled' };

/** The statements of a text; it runs as one where it has none, for the database to say what it thinks of it. */
function statementsIn(splitter: SqliteScriptSplitter, sql: string): string[] | SqlError {
  const split: Result<string[], SqlError> = splitter
    .split(sql, { transactionControl: 'keep' })
    .map(({ statements }) => statements.map((statement) => statement.sql))
    .mapErr((error) => ({
      kind: 'syntax',
      code: 'SQLITE_ERROR',
      message: 'what' in error ? `${error.kind} ${error.what}` : error.kind,
      sql,
    }));
  return split.match(
    (all) => (all.length === 0 ? [sql] : all),
    (error): string[] | SqlError => error,
  );
}

/** What a step's code gets thrown: the driver's own error, or one that says what is not allowed. */
function errorOf(fault: StepFault): unknown {
  if (fault.kind === 'sql') return fault.error.cause ?? new Error(fault.error.message);
  if (fault.kind !== 'forbidden') return new Error('the transaction of the step has ended');
  switch (fault.what) {
    case 'closed':
      return new Error('the step has ended: this statement came too late (was a promise not awaited?)');
    case 'journal':
      return new Error(`a step may not change the engine's own tables: ${fault.sql}`);
    case 'write-in-check':
      return new Error(`a check may only read: ${fault.sql}`);
    default:
      return new Error(`a step may not do this inside its transaction: ${fault.sql}`);
  }
}
