// The write lock of a SQLite database, held without writing, and a witness that sees whether anybody committed after it.
import { errAsync, okAsync, ResultAsync } from 'neverthrow';
import type { CopyProgress } from '../../../core/ports/backup-source.js';
import type { Hold } from '../../../core/ports/database.js';
import type { SqlError } from '../../../core/ports/session.js';
import { changeCounterOf } from './change-counter.js';
import type { LiveRestore } from './backup/live-restore.js';
import { versionOf, type SqliteConnection, type Unmoved } from './drivers/driver.js';

type Watched = Unmoved & { readonly witness: SqliteConnection };

export class SqliteHold implements Hold {
  readonly #connection: SqliteConnection;
  readonly #restore: LiveRestore;
  readonly #unmoved: Watched;
  #held = true;
  #witnessed = true;

  private constructor(connection: SqliteConnection, restore: LiveRestore, unmoved: Watched) {
    this.#connection = connection;
    this.#restore = restore;
    this.#unmoved = unmoved;
  }

  /** Waits for a writer that is at work, as the connection does. */
  static take(
    connection: SqliteConnection,
    connect: () => ResultAsync<SqliteConnection, SqlError>,
    restore: LiveRestore,
  ): ResultAsync<SqliteHold, SqlError> {
    return connection.run('BEGIN IMMEDIATE').andThen(() =>
      connect()
        .andThen((witness) =>
          ResultAsync.combine([versionOf(witness), counterOf(connection)]).map(([version, counter]) => {
            // Where it could not be read, the last look of the witness has to do.
            const counterStands = (): boolean => counter === undefined || changeCounterOf(connection.file) === counter;
            return new SqliteHold(connection, restore, { witness, version, counterStands });
          }),
        )
        .orElse((error) =>
          connection
            .run('ROLLBACK')
            .orElse(() => okAsync({ changes: 0 }))
            .andThen(() => errAsync(error)),
        ),
    );
  }

  release(): ResultAsync<void, SqlError> {
    return this.#letGo().andThen(() => {
      if (!this.#witnessed) return okAsync(undefined);
      this.#witnessed = false;
      // A witness that the switch had to send away is closed already.
      return this.#unmoved.witness.close().orElse(() => okAsync(undefined));
    });
  }

  switchTo(file: string, onProgress: CopyProgress): ResultAsync<void, SqlError | 'others-wrote'> {
    return this.#letGo()
      .andThen(() => versionOf(this.#unmoved.witness))
      .andThen((now): ResultAsync<void, SqlError | 'others-wrote'> =>
        now === this.#unmoved.version
          ? this.#restore.switchTo(file, onProgress, this.#unmoved)
          : errAsync('others-wrote'),
      );
  }

  #letGo(): ResultAsync<void, SqlError> {
    if (!this.#held) return okAsync(undefined);
    this.#held = false;
    return this.#connection.run('ROLLBACK').map(() => undefined);
  }
}

/** Undefined in WAL mode, where the counter stands still and the witness is never locked out. */
const counterOf = (connection: SqliteConnection): ResultAsync<number | undefined, SqlError> =>
  connection
    .all<{ journal_mode: string }>('PRAGMA journal_mode')
    .map(([row]) => (row?.journal_mode === 'wal' ? undefined : changeCounterOf(connection.file)));
