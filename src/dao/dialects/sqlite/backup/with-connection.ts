// A connection for one piece of work, closed whatever comes of it.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { OpenMode, SqliteConnection, SqliteDriver } from '../drivers/driver.js';

/** An error while closing is dropped only where the work has failed already. */
export function withConnection<T, E>(
  driver: SqliteDriver,
  file: string,
  mode: OpenMode,
  busyWaitMs: number,
  work: (connection: SqliteConnection) => ResultAsync<T, E>,
): ResultAsync<T, E | SqlError> {
  return driver.connect(file, mode, { busyWaitMs }).andThen((connection) =>
    work(connection)
      .andThen((value): ResultAsync<T, E | SqlError> => connection.close().map(() => value))
      .orElse((error) =>
        connection
          .close()
          .orElse(() => okAsync(undefined))
          .andThen(() => errAsync(error)),
      ),
  );
}
