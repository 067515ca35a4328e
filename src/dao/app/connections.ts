// Where DAOs get their connections: the unit of work that they are called in, or the pool of knex.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Knex } from 'knex';
import { err, errAsync, ok, ResultAsync, type Result } from 'neverthrow';
import type { DatabaseError, InvalidRow, Violation } from '../dao-error.js';
import type { AppConnection, Flavour } from './flavour.js';
import type { Unit } from './unit.js';

/** The parts of knex's client that a connection is taken through. */
interface PoolClient {
  acquireConnection(): Promise<unknown>;
  releaseConnection(raw: unknown): Promise<void>;
}

/** What is under way, for the error that may come of it. */
export interface During {
  readonly table: string;
  readonly doing: 'read' | 'write';
}

export type CallError = DatabaseError | InvalidRow | Violation;

export class Connections {
  readonly knex: Knex;
  readonly flavour: Flavour;
  readonly #current = new AsyncLocalStorage<Unit>();

  /** For the times that DAOs set. */
  readonly now: () => Date;

  constructor(knex: Knex, flavour: Flavour, now = (): Date => new Date()) {
    this.knex = knex;
    this.flavour = flavour;
    this.now = now;
  }

  /** The unit of work that the caller is in. */
  get unit(): Unit | undefined {
    return this.#current.getStore();
  }

  within<T>(unit: Unit, work: () => T): T {
    return this.#current.run(unit, work);
  }

  /** Runs `work` on the connection of the unit that the caller is in, or on one of the pool. */
  use<T>(work: (connection: AppConnection, raw: unknown) => Promise<T>, during: During): ResultAsync<T, CallError> {
    const { unit } = this;
    if (unit === undefined) return this.#pooled(work, during);
    if (unit.hasEnded) return errAsync(ENDED);
    // After a failure the transaction may be over: SQLite would commit what comes then, each statement by itself.
    const carriedOut = async (connection: AppConnection, raw: unknown): Promise<Result<T, CallError>> =>
      unit.failure === undefined ? ok(await work(connection, raw)) : err(unit.failure);
    return ResultAsync.fromPromise(unit.inTurn(carriedOut), (thrown) => {
      // Where the connection goes before the commit, nothing of it has happened.
      const error = this.flavour.classify(thrown, during.table, 'read');
      unit.fail(error);
      return error;
    }).andThen((result) => result);
  }

  /** Runs a query that was written with knex. */
  ask(build: (knex: Knex) => Knex.QueryBuilder | Knex.Raw, table: string): ResultAsync<readonly unknown[], CallError> {
    return this.use(
      async (connection, raw) => {
        const answer: unknown = await connection.hosted(async (): Promise<unknown> => build(this.knex).connection(raw));
        // A raw query is answered as its driver does.
        const rows: unknown = Array.isArray(answer) ? answer : (answer as { readonly rows?: unknown }).rows;
        return Array.isArray(rows) ? (rows as readonly unknown[]) : [];
      },
      { table, doing: 'write' },
    );
  }

  /** A connection of the pool, for as long as `work` takes. */
  async lend<T>(work: (raw: unknown) => Promise<T>): Promise<T> {
    const client = this.knex.client as PoolClient;
    const raw = await client.acquireConnection();
    try {
      return await work(raw);
    } finally {
      await client.releaseConnection(raw);
    }
  }

  #pooled<T>(
    work: (connection: AppConnection, raw: unknown) => Promise<T>,
    { table, doing }: During,
  ): ResultAsync<T, CallError> {
    return ResultAsync.fromPromise(
      this.lend((raw) => work(this.flavour.connection(raw), raw)),
      (thrown) => this.failed(thrown, table, doing),
    );
  }

  failed(thrown: unknown, table: string, doing: 'read' | 'write'): CallError {
    if (thrown instanceof Error && thrown.name === 'KnexTimeoutError') {
      return {
        kind: 'pool-exhausted',
        message: `every connection of the pool is in use: ${thrown.message.split('\n')[0] ?? ''}`,
      };
    }
    return this.flavour.classify(thrown, table, doing);
  }
}

const ENDED: DatabaseError = {
  kind: 'unit-ended',
  message: 'the unit of work that this call belongs to has ended: await every call inside of it',
};
