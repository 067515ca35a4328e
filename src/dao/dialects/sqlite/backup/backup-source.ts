// The SQLite side of backups: copying through the backup API, checking copies, comparing them with the live database.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type {
  BackupSource,
  CheckError,
  ContentFingerprint,
  CopyFacts,
  CopyProgress,
  RowsAtStake,
} from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { compareTable } from '../compare/compare-table.js';
import { countRows, readShape } from '../compare/shape.js';
import type { SqliteConnection, SqliteDriver } from '../drivers/driver.js';
import { SqliteInspector } from '../inspect/inspector.js';
import { folded } from '../quote.js';
import { checkCopy, COPY_FACTS, COPY_FORM, fingerprintCopy, type CopyFactsRow } from './copy-check.js';
import { withConnection } from './with-connection.js';

export class SqliteBackupSource implements BackupSource {
  readonly supported: boolean;
  readonly form = COPY_FORM;
  readonly #driver: SqliteDriver;
  readonly #path: string | undefined;
  readonly #busyWaitMs: number;
  readonly #work: () => SqliteConnection;

  constructor(driver: SqliteDriver, path: string | undefined, busyWaitMs: number, work: () => SqliteConnection) {
    this.#driver = driver;
    this.#path = path;
    this.#busyWaitMs = busyWaitMs;
    this.#work = work;
    this.supported = path !== undefined;
  }

  size(): ResultAsync<number, SqlError> {
    return this.#work()
      .all<{ bytes: number }>('SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()')
      .map(([row]) => row?.bytes ?? 0);
  }

  copyTo(file: string, onProgress: CopyProgress): ResultAsync<void, SqlError> {
    const path = this.#path;
    if (path === undefined)
      return errAsync({ kind: 'other', code: 'SQLITE_ERROR', message: 'a database in memory has no file backup' });
    // A connection of its own: the work connection may hold the step's transaction, and a copy from there would fail.
    return withConnection(this.#driver, path, 'read', this.#busyWaitMs, (source) =>
      source.all<CopyFactsRow>(COPY_FACTS).andThen(([facts]) => {
        const pageSize = facts?.page_size ?? 1;
        return source.copyTo(file, (done, total) => onProgress(done * pageSize, total * pageSize));
      }),
    ).andThen(() =>
      // The copy of a database in WAL mode says so in its header: put back, it would change the live one's mode.
      withConnection(this.#driver, file, 'read', this.#busyWaitMs, (copy) =>
        copy.all<{ journal_mode: string }>('PRAGMA journal_mode = DELETE').andThen(([mode]) =>
          mode?.journal_mode === 'delete'
            ? okAsync(undefined)
            : errAsync<void, SqlError>({
                kind: 'other',
                code: 'SQLITE_ERROR',
                message: 'the copy could not be made to stand alone',
              }),
        ),
      ),
    );
  }

  check(file: string, level: 'quick' | 'full'): ResultAsync<CopyFacts, CheckError> {
    return checkCopy(this.#driver, file, level);
  }

  fingerprint(file: string): ResultAsync<ContentFingerprint, SqlError> {
    return fingerprintCopy(this.#driver, file);
  }

  atStake(file: string, tables: readonly string[] | 'all'): ResultAsync<readonly RowsAtStake[], SqlError> {
    const wanted = tables === 'all' ? undefined : new Set(tables.map(folded));
    const live = this.#work();
    return withConnection(this.#driver, file, 'read-only', this.#busyWaitMs, (copy) =>
      new SqliteInspector(live).snapshot().andThen(({ snapshot }) =>
        inOrder(
          snapshot.tables.filter((table) => table.kind === 'table' && (wanted?.has(folded(table.name)) ?? true)),
          (table) => stakeOf(copy, live, table.name),
        ).map((stakes) => stakes.filter((stake) => stake.written + stake.deleted > 0)),
      ),
    );
  }
}

/** Rows that the live table has and the copy does not, and the reverse; a table that the copy lacks is all at stake. */
function stakeOf(copy: SqliteConnection, live: SqliteConnection, table: string): ResultAsync<RowsAtStake, SqlError> {
  return readShape(copy, table).andThen((then) =>
    readShape(live, table).andThen((now) => {
      if (now === undefined) return okAsync<RowsAtStake, SqlError>({ table, written: 0, deleted: 0 });
      if (then === undefined) return countRows(live, table).map((written) => ({ table, written, deleted: 0 }));
      return compareTable(copy, then, live, now, { rebuilt: true }).map((rows) => ({
        table,
        written: rows.inserted + rows.updated,
        deleted: rows.deleted,
      }));
    }),
  );
}
