// One unit of work while it is open: a transaction, or a savepoint in one, on a connection of its own.
import type { DatabaseError, InvalidRow, Violation } from '../dao-error.js';
import type { Answer, AppConnection, Wants } from './flavour.js';

export class Unit {
  readonly depth: number;
  readonly #connection: AppConnection;
  readonly #raw: unknown;
  /** The one that this is a savepoint of. */
  readonly outer: Unit | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #ended = false;
  #failure: DatabaseError | InvalidRow | Violation | undefined;

  /** `raw`: the driver's own connection, which knex takes for a query. */
  constructor(connection: AppConnection, raw: unknown, outer?: Unit) {
    this.#connection = connection;
    this.#raw = raw;
    this.outer = outer;
    this.depth = outer === undefined ? 0 : outer.depth + 1;
  }

  /** Nothing more can be done in it. */
  get hasEnded(): boolean {
    return this.#ended || (this.outer?.hasEnded ?? false);
  }

  /** Calls that nobody has awaited yet. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * The first statement that failed: what was done after it is not what was meant, and PostgreSQL would take the commit
   * for a rollback without a word.
   */
  get failure(): DatabaseError | InvalidRow | Violation | undefined {
    return this.#failure;
  }

  fail(error: DatabaseError | InvalidRow | Violation): void {
    this.#failure ??= error;
  }

  /** Statements and units inside this one happen one after the other, however they are called. */
  inTurn<T>(work: (connection: AppConnection, raw: unknown) => Promise<T>): Promise<T> {
    this.#pending += 1;
    const turn = this.#tail
      .then(() => work(this.#connection, this.#raw))
      .finally(() => {
        this.#pending -= 1;
      });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** What its own beginning and end say to the database. */
  say(sql: string, wants: Wants = 'changes'): Promise<Answer> {
    return this.#connection.query(sql, [], wants);
  }

  /** Resolves when everything that was called has come to its end; nothing more is taken. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#tail;
  }
}
