// The `sqlite3` driver: callbacks on libuv's threads. Its backup has two traps, both closed here (facts in the decisions).
import type { Database as DriverDatabase } from 'sqlite3';
import { err, errAsync, ok, okAsync, ResultAsync, type Result } from 'neverthrow';
import type { CopyProgress } from '../../../../core/ports/backup-source.js';
import type { SqlError, SqlValue } from '../../../../core/ports/session.js';
import { classify } from '../classify.js';
import { DRIVER_BUSY_MS, whileBusy } from './busy.js';
import {
  versionOf,
  type ConnectOptions,
  type DriverResult,
  type OpenMode,
  type SqliteConnection,
  type SqliteDriver,
  type Unmoved,
} from './driver.js';
import { pagesPerStep } from './stepping.js';

type Sqlite3 = typeof import('sqlite3');

/** The backup API, which the driver's own types leave out (https://github.com/TryGhost/node-sqlite3/wiki/API). */
interface Backup {
  readonly completed: boolean;
  readonly failed: boolean;
  readonly remaining: number;
  readonly pageCount: number;
  step(pages: number, callback: (error: Error | null) => void): void;
  finish(callback: (error: Error | null) => void): void;
}
type Database = DriverDatabase & {
  backup(
    file: string,
    destination: string,
    source: string,
    fileIsDestination: boolean,
    callback: (error: Error | null) => void,
  ): Backup;
};

class Sqlite3Connection implements SqliteConnection {
  readonly file: string;
  readonly #db: Database;
  readonly #busyWaitMs: number;
  readonly #owned: boolean;

  constructor(db: Database, file: string, options: ConnectOptions, owned: boolean) {
    this.#owned = owned;
    this.#db = db;
    this.file = file;
    this.#busyWaitMs = options.busyWaitMs;
  }

  all<R extends object = Record<string, SqlValue>>(
    sql: string,
    params: readonly SqlValue[] = [],
  ): ResultAsync<R[], SqlError> {
    return this.#retried(() => this.#rows<R>(sql, params));
  }

  run(sql: string, params: readonly SqlValue[] = []): ResultAsync<{ readonly changes: number }, SqlError> {
    return this.#retried(() => this.#change(sql, params));
  }

  query(sql: string, bindings: readonly unknown[], wants: 'rows' | 'changes'): ResultAsync<DriverResult, SqlError> {
    // This driver gives either: `all` has no change count, `run` no rows.
    if (wants === 'rows') {
      return this.#retried(() =>
        fromCallback<DriverResult>((done) => {
          this.#db.all<Record<string, unknown>>(sql, bindings, (error, rows) =>
            done(error, { rows, changes: 0, lastId: 0 }),
          );
        }, sql),
      );
    }
    return this.#retried(() => this.#change(sql, bindings)).map(({ changes, lastId }) => ({
      rows: [],
      changes,
      lastId,
    }));
  }

  copyTo(file: string, onProgress: CopyProgress): ResultAsync<void, SqlError> {
    return this.#copy<never>(file, true, (backup) => this.#steps(backup, onProgress));
  }

  copyFrom(file: string, onProgress: CopyProgress, unmoved?: Unmoved): ResultAsync<void, SqlError | 'others-wrote'> {
    return this.#copy(file, false, (backup) =>
      (unmoved === undefined ? okAsync<void, SqlError>(undefined) : lockUnmoved(backup, unmoved)).andThen(() =>
        this.#steps(backup, onProgress),
      ),
    );
  }

  interrupt(): void {
    this.#db.interrupt();
  }

  close(): ResultAsync<void, SqlError> {
    if (!this.#owned) return okAsync(undefined);
    return fromCallback<void>((done) => this.#db.close((error) => done(error, undefined)));
  }

  #retried<T>(attempt: () => ResultAsync<T, SqlError>): ResultAsync<T, SqlError> {
    return whileBusy(attempt, this.#busyWaitMs);
  }

  #rows<R>(sql: string, params: readonly unknown[]): ResultAsync<R[], SqlError> {
    return fromCallback<R[]>((done) => this.#db.all<R>(sql, params, (error, rows) => done(error, rows)), sql);
  }

  #change(sql: string, params: readonly unknown[]): ResultAsync<{ changes: number; lastId: number }, SqlError> {
    return fromCallback((done) => {
      this.#db.run(sql, params, function (this: { changes: number; lastID: number } | undefined, error) {
        // A statement that could not be prepared calls back without a `this`.
        done(error, { changes: this?.changes ?? 0, lastId: this?.lastID ?? 0 });
      });
    }, sql);
  }

  #copy<E>(
    file: string,
    isDestination: boolean,
    work: (backup: Backup) => ResultAsync<void, SqlError | E>,
  ): ResultAsync<void, SqlError | E> {
    return fromCallback<Backup>((done) => {
      const backup = this.#db.backup(file, 'main', 'main', isDestination, (error) => done(error, backup));
    }).andThen((backup) =>
      work(backup)
        .andThen(() => fromCallback<void>((done) => backup.finish((error) => done(error, undefined))))
        .orElse((error) =>
          fromCallback<void>((done) => backup.finish(() => done(null, undefined))).andThen(() => errAsync(error)),
        ),
    );
  }

  #steps(backup: Backup, onProgress: CopyProgress): ResultAsync<void, SqlError> {
    const started = Date.now();
    const stepping = pagesPerStep();
    const loop = async (): Promise<void> => {
      for (;;) {
        const busy = await new Promise<boolean>((resolve, reject) => {
          backup.step(stepping.pages(), (error) => {
            if (error === null) resolve(false);
            else if (classify(error).kind === 'busy' && Date.now() - started < this.#busyWaitMs) resolve(true);
            else reject(error);
          });
        });
        if (busy) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          continue;
        }
        // When backup_init returned NULL (the destination is in a transaction) a step reports no error, only `failed`.
        if (backup.failed) throw new Error('the destination of the copy is in use');
        stepping.observe(backup.remaining);
        onProgress(backup.pageCount - backup.remaining, backup.pageCount);
        if (backup.completed) return;
      }
    };
    return ResultAsync.fromPromise(loop(), (thrown) => classify(thrown));
  }
}

/**
 * A step of no pages takes the destination's write lock and copies nothing: from then on nobody else commits, and the
 * witness tells whether anybody did. In rollback mode the lock keeps the witness out as well; there the file tells.
 */
function lockUnmoved(
  backup: Backup,
  { witness, version, counterStands }: Unmoved,
): ResultAsync<void, SqlError | 'others-wrote'> {
  return fromCallback<void>((done) => backup.step(0, (error) => done(error, undefined)))
    .mapErr((error) => (error.kind === 'busy' ? ('others-wrote' as const) : error))
    .andThen(() =>
      witness === undefined
        ? okAsync(counterStands())
        : versionOf(witness)
            .map((now) => now === version)
            .orElse(() => okAsync(counterStands())),
    )
    .andThen((unmoved) => (unmoved ? okAsync(undefined) : errAsync('others-wrote' as const)));
}

const fromCallback = <T>(
  start: (done: (error: Error | null, value: T) => void) => void,
  sql?: string,
): ResultAsync<T, SqlError> =>
  new ResultAsync(
    new Promise<Result<T, SqlError>>((resolve) => {
      try {
        start((error, value) => resolve(error ? err(classify(error, sql)) : ok(value)));
      } catch (thrown) {
        resolve(err(classify(thrown, sql)));
      }
    }),
  );

/** Makes the driver from the loaded module. */
export function sqlite3Driver(sqlite3: Sqlite3): SqliteDriver {
  const flags: Record<OpenMode, number> = {
    'read-only': sqlite3.OPEN_READONLY,
    read: sqlite3.OPEN_READWRITE,
    create: sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE,
  };
  return {
    name: 'sqlite3',
    connect: (file, mode, options) =>
      fromCallback<Database>((done) => {
        const db = new sqlite3.Database(file, flags[mode], (error) => done(error, db)) as Database;
      }).andThen((db) => {
        db.configure('busyTimeout', DRIVER_BUSY_MS);
        // By default the driver runs statements side by side, in no particular order.
        db.serialize();
        return okAsync(new Sqlite3Connection(db, file, options, true));
      }),
    adopt: (raw, options) => new Sqlite3Connection(raw as Database, ':memory:', options, false),
  };
}
