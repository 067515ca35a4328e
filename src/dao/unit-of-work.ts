// Several calls that happen together or not at all: every DAO that is called inside of a unit joins it by itself.
import { setTimeout as pause } from 'node:timers/promises';
import { err, ResultAsync, type Result } from 'neverthrow';
import type { CallError, Connections } from './app/connections.js';
import type { Access, Isolation } from './app/flavour.js';
import { Unit } from './app/unit.js';
import { isRetryable, type DaoError, type DatabaseError } from './dao-error.js';

/** How a unit of work is carried out. */
export interface UnitOptions {
  /** Of the outermost unit. SQLite's transactions are serializable, whatever is asked. */
  readonly isolation?: Isolation;
  /** `read-only`: a write is refused by the database. What its database is opened for, unless it says otherwise. */
  readonly access?: Access;
  /**
   * How often the whole of it is done, where a lock, a deadlock or another transaction was in the way; 3 unless it says
   * otherwise. What it does outside of the database is done as often.
   */
  readonly attempts?: number;
}

/** Of every branch that the work can end in: each may give another error. */
type ValueOf<R> = R extends Result<infer T, unknown> ? T : never;
type ErrorOf<R> = R extends Result<unknown, infer E> ? E : never;
type Work<T, E> = () => PromiseLike<Result<T, E>> | Result<T, E>;
type UnitError = DatabaseError | CallError;

const ATTEMPTS = 3;
const PAUSE_MS = 20;
const DURING = { table: 'the unit of work', doing: 'write' } as const;

/** Work that happens whole or not at all. One belongs to each database; no DAO needs to be told of it. */
export class UnitOfWork {
  readonly #connections: Connections;
  readonly #access: Access;

  constructor(connections: Connections, access: Access = 'read-write') {
    this.#connections = connections;
    this.#access = access;
  }

  /**
   * Runs `work` in a transaction, which commits if it gives `ok` and is rolled back if it gives `err` or throws. Inside
   * of another unit it is a savepoint of that.
   * @example
   * const moved = await unitOfWork.run(async () => {
   *   const taken = await accounts.update(from, { balance: less });
   *   return taken.isErr() ? err(taken.error) : accounts.update(to, { balance: more });
   * });
   */
  run<R extends Result<unknown, unknown>>(
    work: () => PromiseLike<R> | R,
    options: UnitOptions = {},
  ): ResultAsync<ValueOf<R>, ErrorOf<R> | UnitError> {
    const { unit } = this.#connections;
    const typed = work as Work<ValueOf<R>, ErrorOf<R>>;
    return new ResultAsync(unit === undefined ? this.#attempts(typed, options) : this.#nested(unit, typed));
  }

  async #attempts<T, E>(work: Work<T, E>, options: UnitOptions): Promise<Result<T, E | UnitError>> {
    const { attempts = ATTEMPTS } = options;
    for (let attempt = 1; ; attempt += 1) {
      const result = await this.#outermost(work, options);
      if (result.isOk() || attempt >= attempts || !canTryAgain(result.error)) return result;
      await pause(PAUSE_MS * attempt * (0.5 + Math.random()));
    }
  }

  async #outermost<T, E>(work: Work<T, E>, options: UnitOptions): Promise<Result<T, E | UnitError>> {
    const { flavour } = this.#connections;
    const { access = this.#access, isolation } = options;
    let thrown: { readonly by: unknown } | undefined;
    const transaction = async (raw: unknown): Promise<Result<T, E | UnitError>> => {
      const connection = flavour.connection(raw);
      const unit = new Unit(connection, raw);
      try {
        for (const sql of flavour.begin(access, isolation)) await unit.say(sql);
        return await this.#carriedOut(unit, work, 'COMMIT', 'ROLLBACK').catch((by: unknown) => {
          thrown = { by };
          return err(ROLLED_BACK);
        });
      } finally {
        for (const sql of flavour.afterwards(access)) await unit.say(sql).catch(() => undefined);
      }
    };
    const result = await ResultAsync.fromPromise(this.#connections.lend(transaction), (by) =>
      this.#connections.failed(by, DURING.table, 'read'),
    ).andThen((done) => done);
    // What the work throws is a bug of the work: it goes on, after the rollback.
    if (thrown !== undefined) throw thrown.by;
    return result;
  }

  #nested<T, E>(outer: Unit, work: Work<T, E>): Promise<Result<T, E | UnitError>> {
    const name = `migrate_safe_${outer.depth + 1}`;
    if (outer.hasEnded) return Promise.resolve(err(ENDED));
    return outer.inTurn(async (connection, raw) => {
      if (outer.failure !== undefined) return err(outer.failure);
      const unit = new Unit(connection, raw, outer);
      const begun = await this.#told(unit, `SAVEPOINT ${name}`, 'read');
      if (begun.isErr()) return err(begun.error);
      return this.#carriedOut(unit, work, `RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`);
    });
  }

  /** Rejects where the work throws, having rolled back. */
  async #carriedOut<T, E>(
    unit: Unit,
    work: Work<T, E>,
    commit: string,
    rollback: string,
  ): Promise<Result<T, E | UnitError>> {
    const outcome = await this.#connections.within(unit, () => settled(work));
    const { pending } = unit;
    await unit.end();
    if ('thrown' in outcome) {
      await this.#undone(unit, rollback);
      throw outcome.thrown;
    }
    const { result } = outcome;
    const refusal = result.isErr() ? undefined : (notAwaited(pending) ?? unit.failure);
    if (result.isErr() || refusal !== undefined) {
      await this.#undone(unit, rollback);
      return refusal === undefined ? result : err(refusal);
    }
    const committed = await this.#told(unit, commit, 'write');
    if (committed.isErr()) await this.#undone(unit, rollback);
    return committed.andThen(() => result);
  }

  /** Stops at what fails: a transaction that is gone has rolled back by itself, and with it the unit around this one. */
  async #undone(unit: Unit, rollback: string): Promise<void> {
    for (const sql of rollback.split('; ')) {
      const told = await this.#told(unit, sql, 'read');
      if (told.isOk()) continue;
      unit.outer?.fail(told.error);
      return;
    }
  }

  #told(unit: Unit, sql: string, doing: 'read' | 'write'): ResultAsync<unknown, CallError> {
    return ResultAsync.fromPromise(unit.say(sql), (thrown) =>
      this.#connections.flavour.classify(thrown, DURING.table, doing),
    );
  }
}

type Outcome<T, E> = { readonly result: Result<T, E> } | { readonly thrown: unknown };

async function settled<T, E>(work: Work<T, E>): Promise<Outcome<T, E>> {
  try {
    return { result: await work() };
  } catch (thrown) {
    return { thrown };
  }
}

const canTryAgain = (error: unknown): boolean =>
  error !== null && typeof error === 'object' && 'kind' in error && isRetryable(error as DaoError);

function notAwaited(pending: number): DatabaseError | undefined {
  if (pending === 0) return undefined;
  const calls = pending === 1 ? 'a call was' : `${pending} calls were`;
  return { kind: 'not-awaited', message: `${calls} still under way when the unit of work ended; it was rolled back` };
}

const ROLLED_BACK: DatabaseError = { kind: 'unit-ended', message: 'the unit of work was rolled back' };
const ENDED: DatabaseError = {
  kind: 'unit-ended',
  message: 'the unit of work around this one has ended: await every call inside of it',
};
