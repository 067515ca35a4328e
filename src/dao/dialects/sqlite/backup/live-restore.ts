// Putting a copy back into the live database: whole through the backup API, or single tables in one transaction.
import type { NotKept } from '../../../../core/ports/refusals.js';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { RecordedEvent } from '../../../../core/events/envelope.js';
import type { AppliedStep } from '../../../../core/history/history.js';
import type { CopyProgress, LiveRestorePort, TableRestoreError } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SqliteConnection, Unmoved } from '../drivers/driver.js';
import { refill } from './refill-tables.js';
import { switchPages } from './switch-pages.js';

type RestoreError = SqlError | TableRestoreError;
type Record = (events: readonly RecordedEvent[], steps: readonly AppliedStep[]) => ResultAsync<void, SqlError>;

export class LiveRestore implements LiveRestorePort {
  readonly #connection: () => SqliteConnection;
  readonly #record: Record;
  readonly #onSwitched: () => void;

  /** `onSwitched`: what was known of the content is not true any more. */
  constructor(connection: () => SqliteConnection, record: Record, onSwitched: () => void) {
    this.#connection = connection;
    this.#record = record;
    this.#onSwitched = onSwitched;
  }

  /**
   * Switches the live database over to the copy in one atomic step, other connections staying open, unless somebody
   * commits or is about to. A copy of another page size does not fit a database in WAL mode, which has to leave that
   * mode for it: that goes only when nobody else has it open, the witness included.
   */
  switchTo(file: string, onProgress: CopyProgress, unmoved: Unmoved): ResultAsync<void, SqlError | 'others-wrote'> {
    const connection = this.#connection();
    const copy = ({ fits, pageSize }: CopyPages): ResultAsync<void, SqlError | 'others-wrote'> => {
      const inBytes: CopyProgress = (done, total) => onProgress(done * pageSize, total * pageSize);
      return fits ? connection.copyFrom(file, inBytes, unmoved) : switchPages(connection, file, inBytes, unmoved);
    };
    // A larger cache spares the destination half of its reads; the journal keeps the switch atomic.
    return connection
      .run('PRAGMA cache_size = -16000')
      .andThen(() => pagesOf(connection, file))
      .andThen(copy)
      .andThen(() => connection.run('PRAGMA cache_size = -2000'))
      .map(() => this.#onSwitched());
  }

  restoreTables<K, E>(
    file: string,
    tables: readonly string[],
    keep: () => ResultAsync<K, E>,
    record: (
      rows: number,
      kept: K,
    ) => { readonly events: readonly RecordedEvent[]; readonly steps: readonly AppliedStep[] },
  ): ResultAsync<{ readonly rows: number; readonly kept: K }, RestoreError | NotKept<E>> {
    type Done = { readonly rows: number; readonly kept: K };
    type Failed = RestoreError | NotKept<E>;
    const connection = this.#connection();
    const inTransaction = (): ResultAsync<Done, Failed> =>
      connection
        .run('BEGIN IMMEDIATE')
        .andThen(() => keep().mapErr((error): NotKept<E> => ({ kind: 'not-kept', error })))
        .andThen((kept) => refill(connection, tables).map((rows) => ({ rows, kept })))
        .andThen((done) => {
          const { events, steps } = record(done.rows, done.kept);
          return this.#record(events, steps)
            .andThen(() => connection.run('COMMIT'))
            .map(() => done);
        })
        .orElse((error: Failed) =>
          connection
            .run('ROLLBACK')
            .orElse(() => okAsync({ changes: 0 }))
            .andThen(() => errAsync<Done, Failed>(error)),
        );
    return connection
      .run('PRAGMA foreign_keys = OFF')
      .andThen(() => connection.run('ATTACH DATABASE ? AS migrate_safe_backup', [file]))
      .andThen(inTransaction)
      .andThen((done) => connection.run('DETACH DATABASE migrate_safe_backup').map(() => done))
      .orElse((error) =>
        connection
          .run('DETACH DATABASE migrate_safe_backup')
          .orElse(() => okAsync({ changes: 0 }))
          .andThen(() => errAsync(error)),
      );
  }
}

interface CopyPages {
  readonly fits: boolean;
  readonly pageSize: number;
}

/**
 * A database in WAL mode cannot change its page size (https://sqlite.org/c3ref/backup_finish.html, SQLITE_READONLY): it
 * leaves that mode for the switch, which waits until nobody else has it open. Says whether the copy fits as it is.
 */
function pagesOf(connection: SqliteConnection, file: string): ResultAsync<CopyPages, SqlError> {
  return connection
    .run('ATTACH DATABASE ? AS migrate_safe_aside', [file])
    .andThen(() =>
      connection.all<{ now: number; then: number; mode: string }>(
        `SELECT (SELECT page_size FROM pragma_page_size) AS now, (SELECT page_size FROM pragma_page_size('migrate_safe_aside')) AS "then", (SELECT journal_mode FROM pragma_journal_mode) AS mode`,
      ),
    )
    .andThen(([found]) => connection.run('DETACH DATABASE migrate_safe_aside').map(() => found))
    .map((found) => ({
      fits: found === undefined || found.now === found.then || found.mode !== 'wal',
      pageSize: found?.then ?? 1,
    }));
}
