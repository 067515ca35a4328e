// A SQLite database that may or may not exist: finds its file and opens it without ever touching that file through `fs`.
import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { errAsync, okAsync, ResultAsync, type Result } from 'neverthrow';
import type { CopyFiles } from '../../../core/ports/backup-source.js';
import type { Database, DatabaseInfo, OpenDatabase, OpenError } from '../../../core/ports/database.js';
import type { RunLock } from '../../../core/ports/run-lock.js';
import type { SqlError } from '../../../core/ports/session.js';
import { SqliteCopyFiles } from './backup/copy-files.js';
import { withConnection } from './backup/with-connection.js';
import { classify } from './classify.js';
import type { SqliteConnection, SqliteDriver } from './drivers/driver.js';
import { loadDriver, type DriverName } from './drivers/load-driver.js';
import { OpenSqliteDatabase } from './open-database.js';
import { replaceFile } from './replace-file.js';
import { SqliteLock } from './sqlite-lock.js';
import type { HostKnexConfig } from '../../host-knex.js';

/** Which database, and what of the host's knex goes with it. */
export interface SqliteTarget {
  /** Absolute path, or `:memory:`. */
  readonly file: string;
  readonly driver: DriverName;
  /** Somebody named the driver: it is used even where the other one is loaded too. */
  readonly driverChosen: boolean;
  readonly host: HostKnexConfig;
  /** How long a write waits for another connection's lock, in milliseconds. */
  readonly busyWaitMs: number;
  /** Gives the host's own connection, for a database in memory, and takes it back. */
  readonly borrow?: () => Promise<{ readonly raw: unknown; readonly giveBack: () => Promise<void> }>;
}

const READ_WAIT_MS = 5000;

export class SqliteDatabase implements Database {
  readonly #target: SqliteTarget;

  constructor(target: SqliteTarget) {
    this.#target = target;
  }

  get info(): DatabaseInfo {
    const { file, driver } = this.#target;
    const stats = file === ':memory:' ? undefined : statSync(file, { throwIfNoEntry: false });
    return {
      label: labelOf(file),
      dialect: 'sqlite',
      driver,
      ...(file === ':memory:' ? {} : { path: realPath(file), location: realPath(file) }),
      ...(stats ? { bytes: stats.size } : {}),
    };
  }

  /** The driver, loaded only when it is asked for. */
  driver(): ReturnType<typeof loadDriver> {
    return loadDriver(this.#target.driver, this.#target.driverChosen);
  }

  open(mode: 'read' | 'create'): ResultAsync<OpenDatabase, OpenError> {
    const { file, busyWaitMs } = this.#target;
    const driver = this.driver();
    if (driver.isErr()) return errAsync(driver.error);
    const inMemory = file === ':memory:';
    const stats = inMemory ? undefined : statSync(file, { throwIfNoEntry: false });
    if (stats?.isDirectory()) return errAsync({ kind: 'database-is-directory', path: labelOf(file) });
    if (!inMemory && stats === undefined && mode === 'read')
      return errAsync({ kind: 'database-missing', path: labelOf(file) });
    const options = { busyWaitMs: mode === 'read' ? Math.min(READ_WAIT_MS, busyWaitMs) : busyWaitMs };
    return this.#connect(driver.value, mode, options)
      .map(
        ({ connection, giveBack }): OpenDatabase =>
          new OpenSqliteDatabase({
            info: this.info,
            driver: driver.value,
            connection,
            host: this.#target.host,
            busyWaitMs: options.busyWaitMs,
            ...(giveBack ? { giveBack } : {}),
          }),
      )
      .mapErr((error): OpenError => ({ kind: 'database-unusable', path: labelOf(file), error }));
  }

  copies(): ResultAsync<CopyFiles, OpenError> {
    return this.driver().asyncMap((driver) => Promise.resolve(new SqliteCopyFiles(driver)));
  }

  lock(): Result<RunLock | undefined, OpenError> {
    const { file } = this.#target;
    return this.driver().map((driver) => (file === ':memory:' ? undefined : new SqliteLock(driver, realPath(file))));
  }

  replaceWith(copy: string, suffix: string): ResultAsync<{ readonly movedAside: readonly string[] }, SqlError> {
    const database = realPath(this.#target.file);
    const driver = this.driver();
    if (driver.isErr()) return errAsync({ kind: 'driver-missing', code: '', message: driver.error.driver });
    // In WAL mode this succeeds only for the last one that has it open; a ruin cannot be asked, and is nobody's any more.
    return withConnection(driver.value, database, 'read', READ_WAIT_MS, (connection) =>
      connection.all('PRAGMA journal_mode = DELETE'),
    )
      .map(() => undefined)
      .orElse((error) => (error.kind === 'busy' ? errAsync(error) : okAsync(undefined)))
      .andThen(() => replaceFile(database, copy, suffix));
  }

  #connect(
    driver: SqliteDriver,
    mode: 'read' | 'create',
    options: { readonly busyWaitMs: number },
  ): ResultAsync<{ readonly connection: SqliteConnection; readonly giveBack?: () => Promise<void> }, SqlError> {
    const { file, borrow } = this.#target;
    if (borrow) return borrowed(borrow, driver, options);
    return driver
      .connect(file, file === ':memory:' ? 'create' : mode, options)
      .orElse((error) =>
        // What this user may not write can still be looked at.
        mode === 'read' && (error.kind === 'cannot-open' || error.kind === 'read-only')
          ? driver.connect(file, 'read-only', options)
          : errAsync(error),
      )
      .map((connection) => ({ connection }));
  }
}

/** Symbolic links resolved, also where the file itself is not there yet: one database, one lock, one mirror. */
export function realPath(file: string, hops = 40): string {
  try {
    return realpathSync(file);
  } catch {
    const directory = path.dirname(file);
    if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) {
      const target = path.resolve(directory, readlinkSync(file));
      // A link that goes round in a circle is named as it is: opening it fails by itself.
      return target === file || hops === 0 ? file : realPath(target, hops - 1);
    }
    return directory === file ? file : path.join(realPath(directory), path.basename(file));
  }
}

/** How a file is named in messages: relative to the working directory where it lies below it. */
export function labelOf(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return file === ':memory:' || relative.startsWith('..') ? file : relative;
}

function borrowed(
  borrow: NonNullable<SqliteTarget['borrow']>,
  driver: SqliteDriver,
  options: { readonly busyWaitMs: number },
): ResultAsync<{ readonly connection: SqliteConnection; readonly giveBack: () => Promise<void> }, SqlError> {
  return ResultAsync.fromPromise(borrow(), (thrown) => classify(thrown)).map(({ raw, giveBack }) => ({
    connection: driver.adopt(raw, options),
    giveBack,
  }));
}
