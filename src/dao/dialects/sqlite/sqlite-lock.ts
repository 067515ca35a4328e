// The run lock on SQLite: a separate lock database held with BEGIN EXCLUSIVE, which the operating system lets go of with the process.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { Lease, LockError, LockOwner, RunLock } from '../../../core/ports/run-lock.js';
import type { SqlError } from '../../../core/ports/session.js';
import { pollLock, type AcquireOptions, type LockAttempt } from '../../poll-lock.js';
import { withConnection } from './backup/with-connection.js';
import type { SqliteConnection, SqliteDriver } from './drivers/driver.js';

/**
 * `<database>-migrate-lock` is never deleted: removing it while another process opens it would give two holders.
 * The owner's card lies beside it as text; the lock database itself is never opened as a file.
 */
export class SqliteLock implements RunLock {
  readonly #driver: SqliteDriver;
  readonly #file: string;

  constructor(driver: SqliteDriver, database: string) {
    this.#driver = driver;
    this.#file = `${database}-migrate-lock`;
  }

  acquire(owner: LockOwner, options: AcquireOptions): ResultAsync<Lease, LockError> {
    return this.#driver
      .connect(this.#file, 'create', { busyWaitMs: 0 })
      .mapErr((error): LockError => {
        const directory = path.dirname(this.#file);
        return {
          kind: 'lock-failed',
          path: this.#file,
          cause: existsSync(directory) ? error : new Error(`there is no directory ${directory}`, { cause: error }),
        };
      })
      .andThen((connection) =>
        pollLock(() => this.#attempt(connection), options)
          .map(() => this.#lease(connection, owner))
          .orElse((error) =>
            connection
              .close()
              .orElse(() => okAsync(undefined))
              .andThen(() => errAsync(error)),
          ),
      );
  }

  /** Reading it fails while another holds it; where there is no file, nobody ever did. */
  isHeld(): ResultAsync<boolean, SqlError> {
    if (!existsSync(this.#file)) return okAsync(false);
    return withConnection(this.#driver, this.#file, 'read-only', 0, (connection) =>
      connection.all('SELECT count(*) FROM sqlite_master'),
    )
      .map(() => false)
      .orElse((error) => (error.kind === 'busy' ? okAsync(true) : errAsync(error)));
  }

  #attempt(connection: SqliteConnection): ResultAsync<LockAttempt, LockError> {
    return connection
      .run('BEGIN EXCLUSIVE')
      .map((): LockAttempt => 'taken')
      .orElse((error) =>
        error.kind === 'busy'
          ? okAsync<LockAttempt, LockError>({ holder: this.#readOwner() })
          : errAsync<LockAttempt, LockError>({ kind: 'lock-failed', path: this.#file, cause: error }),
      );
  }

  #lease(connection: SqliteConnection, owner: LockOwner): Lease {
    this.#writeOwner(owner);
    return {
      announce: (doing) => this.#writeOwner({ ...owner, doing }),
      release: () => {
        this.#writeOwner(undefined);
        return connection
          .run('ROLLBACK')
          .andThen(() => connection.close())
          .orElse(() => okAsync(undefined));
      },
    };
  }

  get #card(): string {
    return `${this.#file}.json`;
  }

  /** The card is a courtesy to those who wait: a failure to write it is no reason not to run. */
  #writeOwner(owner: LockOwner | undefined): void {
    try {
      writeFileSync(this.#card, owner === undefined ? '' : JSON.stringify(owner), { mode: 0o600 });
    } catch {
      // see above
    }
  }

  #readOwner(): LockOwner | undefined {
    try {
      return JSON.parse(readFileSync(this.#card, 'utf8')) as LockOwner;
    } catch {
      return undefined;
    }
  }
}
