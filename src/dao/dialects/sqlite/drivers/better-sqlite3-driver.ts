// The `better-sqlite3` driver: synchronous calls behind the same port. Its backup resolves without having copied when it meets a lock.
import type BetterSqlite3 from 'better-sqlite3';
import { okAsync, ResultAsync } from 'neverthrow';
import type { CopyProgress } from '../../../../core/ports/backup-source.js';
import type { SqlError, SqlValue } from '../../../../core/ports/session.js';
import { classify } from '../classify.js';
import { DRIVER_BUSY_MS, whileBusy } from './busy.js';
import type { ConnectOptions, DriverResult, SqliteConnection, SqliteDriver, Unmoved } from './driver.js';
import { pagesPerStep } from './stepping.js';

type Constructor = typeof BetterSqlite3;
type Database = BetterSqlite3.Database;

/** How long a host's statements may follow one another before the event loop turns, in milliseconds. */
const BREATH_MS = 10;

class BetterSqlite3Connection implements SqliteConnection {
  readonly file: string;
  readonly #db: Database;
  readonly #construct: Constructor;
  readonly #busyWaitMs: number;
  readonly #owned: boolean;
  #breathed = 0;

  constructor(construct: Constructor, db: Database, file: string, options: ConnectOptions, owned: boolean) {
    this.#owned = owned;
    this.#construct = construct;
    this.#db = db;
    this.file = file;
    this.#busyWaitMs = options.busyWaitMs;
  }

  all<R extends object = Record<string, SqlValue>>(
    sql: string,
    params: readonly SqlValue[] = [],
  ): ResultAsync<R[], SqlError> {
    return this.#statement(sql, params).map(({ rows }) => rows as readonly object[] as R[]);
  }

  run(sql: string, params: readonly SqlValue[] = []): ResultAsync<{ readonly changes: number }, SqlError> {
    return this.#statement(sql, params).map(({ changes }) => ({ changes }));
  }

  query(sql: string, bindings: readonly unknown[]): ResultAsync<DriverResult, SqlError> {
    return this.#breathe().andThen(() => this.#statement(sql, bindings.map(bindable)));
  }

  copyTo(file: string, onProgress: CopyProgress): ResultAsync<void, SqlError> {
    return this.#retried(() => this.#copy(this.#db, file, onProgress));
  }

  copyFrom(file: string, onProgress: CopyProgress, unmoved?: Unmoved): ResultAsync<void, SqlError | 'others-wrote'> {
    const copy = (): Promise<void> => {
      const source = new this.#construct(file, { readonly: true, fileMustExist: true });
      return this.#copy(source, this.file, onProgress, unmoved).finally(() => source.close());
    };
    if (unmoved === undefined) return this.#retried(copy);
    return ResultAsync.fromPromise(copy(), (thrown) => {
      const error = classify(thrown);
      return thrown === MOVED || error.kind === 'busy' ? ('others-wrote' as const) : error;
    });
  }

  interrupt(): void {
    // A synchronous statement has ended by the time that anybody could ask for this.
  }

  close(): ResultAsync<void, SqlError> {
    if (!this.#owned) return okAsync(undefined);
    return ResultAsync.fromPromise(
      Promise.resolve().then(() => void this.#db.close()),
      (thrown) => classify(thrown),
    );
  }

  /** A loop of synchronous statements would starve every timer: its own deadline, a cancel, a heartbeat of the host. */
  #breathe(): ResultAsync<void, never> {
    if (performance.now() - this.#breathed < BREATH_MS) return okAsync(undefined);
    return ResultAsync.fromSafePromise(
      new Promise<void>((resolve) => setImmediate(resolve)).then(() => void (this.#breathed = performance.now())),
    );
  }

  #statement(sql: string, params: readonly unknown[]): ResultAsync<DriverResult, SqlError> {
    return this.#retried(() => Promise.resolve().then(() => this.#execute(sql, params)), sql);
  }

  #execute(sql: string, params: readonly unknown[]): DriverResult {
    const statement = this.#db.prepare(sql);
    if (statement.reader) {
      return { rows: statement.all(...params) as Record<string, unknown>[], changes: 0, lastId: 0 };
    }
    const { changes, lastInsertRowid } = statement.run(...params);
    return { rows: [], changes, lastId: lastInsertRowid };
  }

  #retried<T>(attempt: () => Promise<T>, sql?: string): ResultAsync<T, SqlError> {
    const once = (): ResultAsync<T, SqlError> => ResultAsync.fromPromise(attempt(), (thrown) => classify(thrown, sql));
    return whileBusy(once, this.#busyWaitMs);
  }

  /** What the witness sees now, or, where the copy's lock keeps it out, the file. */
  #isMoved({ witness, version, counterStands }: Unmoved): boolean {
    if (!(witness instanceof BetterSqlite3Connection)) return !counterStands();
    try {
      return witness.#db.pragma('data_version', { simple: true }) !== version;
    } catch {
      return !counterStands();
    }
  }

  async #copy(source: Database, file: string, onProgress: CopyProgress, unmoved?: Unmoved): Promise<void> {
    const stepping = pagesPerStep();
    let looked = false;
    const { totalPages } = await source.backup(file, {
      progress: ({ totalPages: total, remainingPages }) => {
        // The first call comes before the first page, with the write lock of the destination held.
        if (!looked && unmoved !== undefined && this.#isMoved(unmoved)) throw MOVED;
        looked = true;
        stepping.observe(remainingPages);
        onProgress(total - remainingPages, total);
        const pages = stepping.pages();
        return pages < 0 ? total + 1 : pages;
      },
    });
    if (totalPages === 0) {
      throw Object.assign(new Error('the database or the copy is locked'), { code: 'SQLITE_BUSY' });
    }
  }
}

const MOVED = new Error('somebody wrote meanwhile');

/** What better-sqlite3 binds of a host's values, as knex's own dialect does it. */
const bindable = (value: unknown): unknown => {
  if (value === undefined) return null;
  if (value instanceof Date) return value.valueOf();
  if (typeof value === 'boolean') return Number(value);
  return value;
};

/** Makes the driver from the loaded module. */
export function betterSqlite3Driver(construct: Constructor): SqliteDriver {
  return {
    name: 'better-sqlite3',
    connect: (file, mode, options) =>
      ResultAsync.fromPromise(
        Promise.resolve().then(
          () =>
            new construct(file, {
              readonly: mode === 'read-only',
              fileMustExist: mode !== 'create',
              timeout: DRIVER_BUSY_MS,
            }),
        ),
        (thrown) => classify(thrown),
      ).andThen((db) => {
        // This driver turns foreign keys on by itself; connections of the engine begin as SQLite's own do.
        db.pragma('foreign_keys = OFF');
        return okAsync(new BetterSqlite3Connection(construct, db, file, options, true));
      }),
    adopt: (raw, options) => new BetterSqlite3Connection(construct, raw as Database, ':memory:', options, false),
  };
}
