// One step's transaction on a SQLite database: the safe runner. Every statement of a step passes through here.
import { errAsync, ok, okAsync, ResultAsync, type Result } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { RecordedEvent } from '../../../../core/events/envelope.js';
import type { AppliedStep } from '../../../../core/history/history.js';
import type { ScriptStatement } from '../../../../core/ports/script-splitter.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { StepFault, StepObservation, StepTransaction } from '../../../../core/ports/step-transaction.js';
import type { StepHandle } from '../../../../core/steps/migration-step.js';
import { classify } from '../classify.js';
import type { DriverResult } from '../drivers/driver.js';
import { folded } from '../quote.js';
import { SqliteScriptSplitter } from '../sql/script.js';
import { statementFacts, type StatementFacts } from '../sql/statement.js';
import { alterMode } from './alter.js';
import { knexHandle, type HostKnexConfig } from './knex-handle.js';
import { observe, type ObserveContext } from './observe.js';

export interface TransactionContext extends ObserveContext {
  readonly transactional: boolean;
  readonly host: HostKnexConfig;
  readonly script: readonly string[];
  /** Writes events and their projection; called inside a transaction. */
  readonly record: (events: readonly RecordedEvent[], steps: readonly AppliedStep[]) => ResultAsync<void, SqlError>;
  /** Called once the step has ended: `settingsChanged` where it ran a pragma that may stay behind. */
  readonly onEnd: (ending: 'committed' | 'rolled-back', settingsChanged: boolean) => ResultAsync<void, SqlError>;
}

const FORBIDDEN: Readonly<Record<string, 'transaction-control' | 'attach'>> = {
  begin: 'transaction-control',
  commit: 'transaction-control',
  rollback: 'transaction-control',
  attach: 'attach',
  detach: 'attach',
};
const ignore = okAsync<void, SqlError>(undefined);

export class SqliteStepTransaction implements StepTransaction {
  readonly #context: TransactionContext;
  readonly #knownTables: Set<string>;
  #upcoming: readonly string[];
  #legacyAlter = true;
  #fault: StepFault | undefined;
  #lastError: SqlError | undefined;
  #open = true;
  #settingsChanged = false;
  #recording = false;

  constructor(context: TransactionContext) {
    this.#context = context;
    this.#upcoming = context.script;
    this.#knownTables = new Set(context.before.raw.filter((o) => o.type === 'table').map((o) => folded(o.name)));
  }

  execute(statements: readonly ScriptStatement[], signal: AbortSignal): ResultAsync<void, StepFault> {
    return inOrder(statements, (statement, index): ResultAsync<unknown, StepFault> => {
      if (signal.aborted) return errAsync({ kind: 'sql', error: INTERRUPTED, statement });
      this.#upcoming = statements.slice(index + 1).map(({ sql }) => sql);
      return this.#run(statement.sql, [], 'rows').mapErr((fault): StepFault =>
        fault.kind === 'sql' || fault.kind === 'forbidden' ? { ...fault, statement } : fault,
      );
    }).map(() => undefined);
  }

  handle(signal: AbortSignal): ResultAsync<StepHandle, StepFault> {
    const splitter = new SqliteScriptSplitter();
    const execute = async (sql: string, bindings: readonly unknown[], wants: 'rows' | 'changes'): Promise<DriverResult> => {
      const statements = bindings.length > 0 ? ok([sql]) : statementsOf(splitter, sql);
      const all = statements.isOk() ? statements.value : [];
      const result = await (statements.isErr()
        ? errAsync<DriverResult[], StepFault>({ kind: 'sql', error: statements.error })
        : inOrder(all.length === 0 ? [sql] : all, (one) => this.#run(one, bindings, wants)));
      if (result.isErr()) throw errorOf(result.error);
      return result.value.at(-1) ?? { rows: [], changes: 0, lastId: 0 };
    };
    return knexHandle(execute, this.#context.host, signal).mapErr(
      (cause): StepFault => ({ kind: 'sql', error: { ...classify(cause), kind: 'driver-missing' } }),
    );
  }

  fault(): StepFault | undefined {
    return this.#fault;
  }

  lastError(): SqlError | undefined {
    return this.#lastError;
  }

  observe(): ResultAsync<StepObservation, StepFault> {
    return observe(this.#context).mapErr((error): StepFault => ({ kind: 'sql', error }));
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

  commit(): ResultAsync<void, SqlError> {
    const { connection, beforeImage, transactional } = this.#context;
    const end = (): ResultAsync<void, SqlError> => (transactional || this.#recording ? connection.run('COMMIT').map(() => undefined) : ignore);
    // The before-image reads the database: it is closed first, and nothing the step left running comes in between.
    return beforeImage
      .close()
      .andThen(() => {
        this.#open = false;
        return end();
      })
      .andThen(() => this.#context.onEnd('committed', this.#settingsChanged));
  }

  rollback(): ResultAsync<void, SqlError> {
    const { connection, beforeImage, transactional } = this.#context;
    this.#open = false;
    // A transaction that an error or the step itself has ended already cannot be ended again: that is no failure.
    const end = (): ResultAsync<void, SqlError> =>
      transactional || this.#recording
        ? connection.run('ROLLBACK').map(() => undefined).orElse((error) => (error.message.includes('no transaction is active') ? ignore : errAsync(error)))
        : ignore;
    return beforeImage
      .close()
      .andThen(end)
      .andThen(() => this.#context.onEnd('rolled-back', this.#settingsChanged));
  }

  interrupt(): void {
    this.#context.connection.interrupt();
  }

  /** Every statement of a step, in code or in a file, comes through here. */
  #run(sql: string, bindings: readonly unknown[], wants: 'rows' | 'changes'): ResultAsync<DriverResult, StepFault> {
    const { connection, transactional, trace } = this.#context;
    if (!this.#open) return errAsync({ kind: 'forbidden', what: 'closed', sql });
    if (this.#fault) return errAsync(this.#fault);
    const facts = statementFacts(sql);
    const forbidden = facts.control === undefined ? undefined : FORBIDDEN[facts.control];
    if (forbidden === 'attach' || (forbidden !== undefined && transactional)) {
      return errAsync(this.#keep({ kind: 'forbidden', what: forbidden, sql }));
    }
    if (facts.pragma?.sets === true) this.#settingsChanged = true;
    return this.#setAlterMode(sql, facts)
      .andThen(() => trace.before(sql, facts, bindings))
      .mapErr((error): StepFault => ({ kind: 'sql', error }))
      .andThen(() => {
        for (const drop of facts.drops) if (drop.type === 'table') this.#knownTables.add(folded(drop.name));
        return connection.query(sql, bindings, wants).orElse((error) => this.#failed(error));
      });
  }

  /** Some errors end the transaction by themselves (ON CONFLICT ROLLBACK, a full disk): what came after would commit. */
  #failed(error: SqlError): ResultAsync<never, StepFault> {
    const fault: StepFault = { kind: 'sql', error };
    this.#lastError = error;
    if (!this.#context.transactional || error.kind === 'busy') return errAsync(fault);
    return this.#context.connection
      .run('BEGIN')
      .map(() => this.#keep(fault))
      .orElse(() => okAsync(fault))
      .andThen((kept) => errAsync(kept));
  }

  #keep(fault: StepFault): StepFault {
    this.#fault ??= fault;
    return fault;
  }

  #setAlterMode(sql: string, facts: StatementFacts): ResultAsync<void, SqlError> {
    if (facts.verb !== 'ALTER') return ignore;
    const legacy = alterMode(sql, { knownTables: this.#knownTables, upcoming: this.#upcoming }) === 'legacy';
    if (legacy === this.#legacyAlter) return ignore;
    this.#legacyAlter = legacy;
    return this.#context.connection.run(`PRAGMA legacy_alter_table = ${legacy ? 'ON' : 'OFF'}`).map(() => undefined);
  }
}

const INTERRUPTED: SqlError = { kind: 'interrupted', code: 'SQLITE_INTERRUPT', message: 'cancelled' };

function statementsOf(splitter: SqliteScriptSplitter, sql: string): Result<readonly string[], SqlError> {
  return splitter
    .split(sql, { transactionControl: 'keep' })
    .map(({ statements }) => statements.map((statement) => statement.sql))
    .mapErr((error): SqlError => ({ kind: 'syntax', code: 'SQLITE_ERROR', message: error.kind === 'unterminated' ? `unterminated ${error.what}` : error.keyword, sql }));
}

/** What a step's code gets thrown: the driver's own error, or one that says what is not allowed. */
function errorOf(fault: StepFault): unknown {
  if (fault.kind === 'sql') return fault.error.cause ?? new Error(fault.error.message);
  if (fault.kind === 'forbidden' && fault.what === 'closed') return new Error('the step has ended: this statement came too late (was a promise not awaited?)');
  if (fault.kind === 'forbidden') return new Error(`a step may not do this inside its transaction: ${fault.sql}`);
  return new Error('the transaction of the step has ended');
}
