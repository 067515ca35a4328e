// The before-image of a step: a second session that sees the database as it was, opened only when it is needed.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import type { SqliteConnection, SqliteDriver } from '../drivers/driver.js';

/** Where a step's state before it is read from. */
export interface BeforeImage {
  /** From now on the state before is that of `file`. */
  use(file: string): void;
  session(): ResultAsync<Session, SqlError>;
  /** Lets go of the database: in rollback mode nothing commits while somebody reads. */
  close(): ResultAsync<void, SqlError>;
}

/** The image of a step that shares its transaction: what is committed is the state before another one. */
export const NO_IMAGE: BeforeImage = {
  use: () => undefined,
  session: () =>
    errAsync({ kind: 'other', code: '', message: 'a step that shares its transaction can be compared with nothing' }),
  close: () => okAsync(undefined),
};

/**
 * `file`: the step's own backup, which nothing else opens; without one, the database itself, whose committed state
 * cannot change while the step holds the write lock.
 */
export class SecondConnection implements BeforeImage {
  readonly #driver: SqliteDriver;
  readonly #database: string;
  #file: string | undefined;
  readonly #busyWaitMs: number;
  #connection: SqliteConnection | undefined;

  constructor(driver: SqliteDriver, database: string, file: string | undefined, busyWaitMs: number) {
    this.#driver = driver;
    this.#database = database;
    this.#file = file;
    this.#busyWaitMs = busyWaitMs;
  }

  use(file: string): void {
    this.#file = file;
  }

  session(): ResultAsync<Session, SqlError> {
    const open = this.#connection;
    if (open) return okAsync(open);
    const options = { busyWaitMs: this.#busyWaitMs };
    const connected =
      this.#file === undefined
        ? this.#driver.connect(this.#database, 'read', options).andThen((c) => c.run('BEGIN').map(() => c))
        : this.#driver.connect(this.#file, 'read-only', options);
    return connected.map((connection) => (this.#connection = connection));
  }

  close(): ResultAsync<void, SqlError> {
    const open = this.#connection;
    this.#connection = undefined;
    return open ? open.close() : okAsync(undefined);
  }
}
