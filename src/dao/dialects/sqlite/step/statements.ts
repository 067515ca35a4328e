// The gate through which every statement of a step passes: refuses, traces, runs, and lets none through after the step has ended.
import { err, errAsync, ok, okAsync, ResultAsync, type Result } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { StepFault } from '../../../../core/ports/step-transaction.js';
import type { DriverResult, SqliteConnection } from '../drivers/driver.js';
import { folded } from '../quote.js';
import { statementFacts, type StatementFacts } from '../sql/statement.js';
import { alterMode } from './alter.js';
import { changesOwnObjects, isOwn } from './own-tables.js';
import { RETURNING } from './program.js';
import type { SchemaFacts } from './schema-facts.js';
import type { WriteTrace } from './trace.js';

/** Who asks: the step's work, or a question of the step, which may only read. */
export type Access = 'work' | 'read';

export interface GateContext {
  readonly connection: SqliteConnection;
  readonly trace: WriteTrace;
  readonly transactional: boolean;
  /** The schema when the step began. */
  readonly before: SchemaFacts;
}

const FORBIDDEN: Readonly<Record<string, 'transaction-control' | 'attach'>> = {
  begin: 'transaction-control',
  commit: 'transaction-control',
  rollback: 'transaction-control',
  attach: 'attach',
  detach: 'attach',
};
const TEMPORARY = /\btemp(?:orary)?\b/i;
const READING: ReadonlySet<string> = new Set(['SELECT', 'VALUES', 'EXPLAIN']);

export class StatementGate {
  readonly #context: GateContext;
  readonly #dropped = new Set<string>();
  readonly #inFlight = new Set<Promise<unknown>>();
  #last: Promise<unknown> = Promise.resolve();
  #legacyAlter = true;
  #fault: StepFault | undefined;
  #lastError: SqlError | undefined;
  #state: 'open' | 'sealed' | 'closed' = 'open';
  #settingsChanged = false;

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

  /** A pragma was set, or a temporary object made, that may outlive the transaction. */
  get settingsChanged(): boolean {
    return this.#settingsChanged;
  }

  /** Runs one statement. `upcoming`: what the same script has still to run. */
  run(
    sql: string,
    bindings: readonly unknown[],
    wants: 'rows' | 'changes',
    access: Access = 'work',
    upcoming: readonly string[] = [],
  ): ResultAsync<DriverResult, StepFault> {
    const running = Promise.resolve(this.#admit(sql, bindings, wants, access, upcoming));
    this.#inFlight.add(running);
    return new ResultAsync(running.finally(() => this.#inFlight.delete(running)));
  }

  /** From now on only questions pass; resolves when what was under way has ended. */
  async seal(): Promise<void> {
    if (this.#state === 'open') this.#state = 'sealed';
    await Promise.allSettled(this.#inFlight);
  }

  /** From now on nothing passes; resolves when what was under way has ended. */
  async close(): Promise<void> {
    this.#state = 'closed';
    await Promise.allSettled(this.#inFlight);
  }

  #isShutFor(access: Access): boolean {
    return this.#state === 'closed' || (this.#state === 'sealed' && access === 'work');
  }

  #admit(
    sql: string,
    bindings: readonly unknown[],
    wants: 'rows' | 'changes',
    access: Access,
    upcoming: readonly string[],
  ): ResultAsync<DriverResult, StepFault> {
    const { transactional } = this.#context;
    const closed: StepFault = { kind: 'forbidden', what: 'closed', sql };
    // Before the commit there is still time to say that not all of the step was done.
    if (this.#isShutFor(access)) return errAsync(this.#state === 'sealed' ? this.#keep(closed) : closed);
    if (this.#fault) return errAsync(this.#fault);
    // SQLite reads no further than a NUL: what follows (a WHERE, as like as not) would not count.
    if (sql.includes('\0'))
      return errAsync({
        kind: 'sql',
        error: {
          kind: 'syntax',
          code: 'SQLITE_ERROR',
          message: 'the statement has a NUL character, at which SQLite stops reading',
          sql,
        },
      });
    const facts = statementFacts(sql);
    const forbidden = facts.control === undefined ? undefined : FORBIDDEN[facts.control];
    if (forbidden === 'attach' || (forbidden !== undefined && transactional)) {
      return errAsync(this.#keep({ kind: 'forbidden', what: forbidden, sql }));
    }
    if (access === 'read' && !isReading(facts))
      return errAsync(this.#keep({ kind: 'forbidden', what: 'write-in-check', sql }));
    if (changesOwnObjects(sql, facts)) return errAsync(this.#keep({ kind: 'forbidden', what: 'journal', sql }));
    // A TEMP table stands in for a table of its name, a TEMP trigger fires: neither may meet the next step.
    if (facts.pragma?.sets === true || (facts.verb === 'CREATE' && TEMPORARY.test(sql))) this.#settingsChanged = true;
    return new ResultAsync(this.#inTurn(() => this.#pass(sql, facts, bindings, { wants, upcoming })));
  }

  /**
   * One at a time, however many the step's code begins at once: a statement that ends the transaction by itself would
   * leave those that the driver has already to commit, each by itself.
   */
  #inTurn<T>(statement: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(statement);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #pass(
    sql: string,
    facts: StatementFacts,
    bindings: readonly unknown[],
    { wants, upcoming }: { readonly wants: 'rows' | 'changes'; readonly upcoming: readonly string[] },
  ): Promise<Result<DriverResult, StepFault>> {
    const { connection, trace } = this.#context;
    if (this.#fault) return err(this.#fault);
    const ready = await this.#setAlterMode(sql, facts, upcoming).andThen(() => trace.before(sql, facts, bindings));
    if (ready.isErr()) return err({ kind: 'sql', error: ready.error });
    // The step may have ended while this one was being explained: behind the rollback it would commit by itself.
    // One that was only sealed waits for what was under way.
    if (this.#state === 'closed') return err({ kind: 'forbidden', what: 'closed', sql });
    if ([...trace.written].some(isOwn)) return err(this.#keep({ kind: 'forbidden', what: 'journal', sql }));
    for (const drop of facts.drops) if (drop.type === 'table') this.#dropped.add(folded(drop.name));
    // An insert without RETURNING has no rows to give, and its number of changes is worth knowing.
    const counted = facts.verb === 'INSERT' && !RETURNING.test(sql);
    const result = await connection.query(sql, bindings, counted ? 'changes' : wants);
    if (result.isErr()) {
      ready.value.failed();
      return this.#failed(result.error);
    }
    ready.value.succeeded(result.value.changes);
    return ok(result.value);
  }

  /** Some errors end the transaction by themselves (ON CONFLICT ROLLBACK, a full disk): what came after would commit. */
  #failed(error: SqlError): ResultAsync<never, StepFault> {
    const fault: StepFault = { kind: 'sql', error };
    this.#lastError = error;
    if (!this.#context.transactional || error.kind === 'busy' || this.#state === 'closed') return errAsync(fault);
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

  #setAlterMode(sql: string, facts: StatementFacts, upcoming: readonly string[]): ResultAsync<void, SqlError> {
    // A column is added in either mode alike.
    if (facts.verb !== 'ALTER' || facts.addsColumn) return okAsync(undefined);
    const { before } = this.#context;
    const legacy =
      alterMode(sql, { isKnown: (table) => before.tables.has(table) || this.#dropped.has(table), upcoming }) ===
      'legacy';
    if (legacy === this.#legacyAlter) return okAsync(undefined);
    this.#legacyAlter = legacy;
    return this.#context.connection.run(`PRAGMA legacy_alter_table = ${legacy ? 'ON' : 'OFF'}`).map(() => undefined);
  }
}

const isReading = (facts: StatementFacts): boolean =>
  READING.has(facts.verb) || (facts.pragma !== undefined && !facts.pragma.sets);
