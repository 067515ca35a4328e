// The switch to a copy of another page size: a database in WAL mode has to leave that mode for it, and must lose nobody's row on the way.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { CopyProgress } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { changeCounterOf } from '../change-counter.js';
import { versionOf, type SqliteConnection, type Unmoved } from '../drivers/driver.js';

type SwitchError = SqlError | 'others-wrote';

/**
 * Three watches, each begun before the one before it ends: the witness, as long as it may be there; an exclusive lock,
 * until the database has left WAL mode; and then the change counter of the file, which every commit counts up.
 */
export function switchPages(
  connection: SqliteConnection,
  file: string,
  onProgress: CopyProgress,
  { witness, version }: Unmoved,
): ResultAsync<void, SwitchError> {
  return versionOf(connection)
    .andThen((mine) =>
      (witness === undefined ? okAsync(version) : versionOf(witness)).andThen(
        (theirs): ResultAsync<number, SwitchError> =>
          theirs === version
            ? (witness?.close() ?? okAsync(undefined)).map(() => mine)
            : errAsync<number, SwitchError>('others-wrote'),
      ),
    )
    .andThen((mine) => leaveWal(connection, mine))
    .andThen((counter) =>
      connection
        .copyFrom(file, onProgress, {
          witness: undefined,
          version,
          counterStands: () => changeCounterOf(connection.file) === counter,
        })
        .andThen(() => enterWal(connection))
        .orElse((error) =>
          enterWal(connection)
            .orElse(() => okAsync(undefined))
            .andThen(() => errAsync(error)),
        ),
    );
}

/** Gives the change counter as it is the moment before anybody else can write again. */
function leaveWal(connection: SqliteConnection, mine: number): ResultAsync<number, SwitchError> {
  // Kept from the first transaction on, and let go with the first read after the setting is taken back.
  const letGo = (): ResultAsync<unknown, SqlError> =>
    connection
      .run('PRAGMA main.locking_mode = NORMAL')
      .andThen(() => connection.all('SELECT 1 FROM main.sqlite_schema LIMIT 1'));
  return connection
    .run('PRAGMA main.locking_mode = EXCLUSIVE')
    .andThen(() => connection.run('BEGIN IMMEDIATE'))
    .andThen(() =>
      versionOf(connection).andThen((now) =>
        connection
          .run('ROLLBACK')
          .andThen((): ResultAsync<unknown, SwitchError> =>
            now === mine
              ? connection.all('PRAGMA main.journal_mode = DELETE')
              : errAsync<unknown, SwitchError>('others-wrote'),
          ),
      ),
    )
    .map(() => changeCounterOf(connection.file))
    .andThen((counter): ResultAsync<number, SwitchError> =>
      counter === undefined ? errAsync(UNREADABLE) : letGo().map(() => counter),
    )
    .orElse((error) =>
      letGo()
        .andThen(() => enterWal(connection))
        .orElse(() => okAsync(undefined))
        .andThen(() => errAsync(error)),
    );
}

const enterWal = (connection: SqliteConnection): ResultAsync<void, SqlError> =>
  connection.all('PRAGMA main.journal_mode = WAL').map(() => undefined);

const UNREADABLE: SqlError = {
  kind: 'other',
  code: 'SQLITE_ERROR',
  message: 'the change counter of the database could not be read',
};
