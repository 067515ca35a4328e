// The application's database: one pool of knex, shared by every DAO, and the unit of work that joins their calls.
import type { Knex } from 'knex';
import { okAsync, ResultAsync } from 'neverthrow';
import type { Connections } from './app/connections.js';
import type * as z from 'zod';
import type { ReadError } from './dao-error.js';
import { askRows, type NamedQuery, type ParamsOf } from './named-query.js';
import type { Access } from './app/flavour.js';
import { UnitOfWork } from './unit-of-work.js';

/** The same in two copies of this package. */
const CONNECTIONS = Symbol.for('migrate-safe/connections');
interface Inside {
  readonly [CONNECTIONS]: Connections;
}

/** Whether the pool is closed with the database. */
interface Owned {
  readonly owned: boolean;
}

/** The pool did not close; `cause` is what was thrown. */
export interface CloseFailed {
  readonly kind: 'close-failed';
  readonly message: string;
  readonly cause: unknown;
}

/** What reading needs. Its DAOs cannot write: the connections are opened for reading only, and so is whatever knex does. */
export class ReadOnlyDatabase implements Inside {
  readonly [CONNECTIONS]: Connections;
  /** Transactions that every DAO of this database joins by itself. */
  readonly unitOfWork: UnitOfWork;
  readonly #owned: boolean;

  constructor(connections: Connections, { owned }: Owned, access: Access = 'read-only') {
    this[CONNECTIONS] = connections;
    this.unitOfWork = new UnitOfWork(connections, access);
    this.#owned = owned;
  }

  /** `sqlite` or `postgres`: for the queries that have to be written for each of them. */
  get dialect(): string {
    return this[CONNECTIONS].flavour.name;
  }

  /** For queries that no DAO has; they join no unit of work. `dao.query` does. */
  get knex(): Knex {
    return this[CONNECTIONS].knex;
  }

  /** Runs a query that has a name, on the connection of the unit of work that it is called in. */
  ask<R extends z.ZodType, P>(query: NamedQuery<R, P>, ...params: ParamsOf<P>): ResultAsync<z.output<R>[], ReadError> {
    return askRows(this[CONNECTIONS], query.query, query.row, (knex) => query.build(knex, params[0] as P));
  }

  /** Closes the pool, unless it is the application's own. */
  close(): ResultAsync<void, CloseFailed> {
    if (!this.#owned) return okAsync(undefined);
    return ResultAsync.fromPromise(this.knex.destroy(), (cause) => ({
      kind: 'close-failed',
      message: cause instanceof Error ? cause.message : String(cause),
      cause,
    }));
  }
}

/** A database that DAOs read and write. */
export class AppDatabase extends ReadOnlyDatabase {
  /** A read-only database is none of these, also to the compiler. */
  readonly access = 'read-write';

  constructor(connections: Connections, owned: Owned) {
    super(connections, owned, 'read-write');
  }
}

export const connectionsOf = (database: ReadOnlyDatabase): Connections => database[CONNECTIONS];
