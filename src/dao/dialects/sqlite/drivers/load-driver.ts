// Loads a SQLite driver when it is needed, and refuses what would lose data: the other driver on a file, a wrong version.
import { createRequire } from 'node:module';
import { err, ok, type Result } from 'neverthrow';
import type { OpenError } from '../../../../core/ports/database.js';
import { requirers } from '../../../requirers.js';
import { betterSqlite3Driver } from './better-sqlite3-driver.js';
import type { SqliteDriver } from './driver.js';
import { sqlite3Driver } from './sqlite3-driver.js';

export type DriverName = SqliteDriver['name'];
type DriverError = Extract<OpenError, { kind: 'driver-missing' | 'driver-conflict' | 'driver-unsupported' }>;

const require = createRequire(import.meta.url);
// The module that each package's entry point loads, whoever required it.
const LOADED: Record<DriverName, RegExp> = {
  sqlite3: /[\\/]node_modules[\\/]sqlite3[\\/]lib[\\/]sqlite3\.js$/,
  'better-sqlite3': /[\\/]better-sqlite3[\\/]lib[\\/]index\.js$/,
};
const loaded = new Map<DriverName, SqliteDriver>();

const isLoaded = (name: DriverName): boolean => Object.keys(require.cache).some((file) => LOADED[name].test(file));

/**
 * Loads a driver from the application's folder, or from this package's.
 * `chosen`: somebody named this driver; by default, the other one being loaded already is a refusal, because two
 * copies of SQLite in one process drop each other's locks (https://sqlite.org/howtocorrupt.html, section 2.2.1).
 */
export function loadDriver(name: DriverName, chosen: boolean): Result<SqliteDriver, DriverError> {
  const before = loaded.get(name);
  if (before) return ok(before);
  const other: DriverName = name === 'sqlite3' ? 'better-sqlite3' : 'sqlite3';
  if (!chosen && isLoaded(other)) return err({ kind: 'driver-conflict', driver: name, loaded: other });

  for (const resolve of requirers()) {
    const version = versionOf(resolve, name);
    if (version === undefined) continue;
    // better-sqlite3 13 carries binaries for Node 22 and later and crashes the process on Node 20.
    if (
      name === 'better-sqlite3' &&
      Number(version.split('.')[0]) >= 13 &&
      Number(process.versions.node.split('.')[0]) < 22
    ) {
      return err({
        kind: 'driver-unsupported',
        driver: `${name} ${version}`,
        reason: 'it needs Node.js 22 or later (version 12 runs on Node.js 20)',
      });
    }
    try {
      const driver = name === 'sqlite3' ? sqlite3Driver(resolve(name)) : withBinary(resolve(name));
      loaded.set(name, driver);
      return ok(driver);
    } catch (cause) {
      return err({ kind: 'driver-missing', driver: name, alternative: other, cause });
    }
  }
  return err({ kind: 'driver-missing', driver: name, alternative: other, cause: undefined });
}

/** better-sqlite3 looks for its binary only when a database is opened. */
function withBinary(construct: Parameters<typeof betterSqlite3Driver>[0]): SqliteDriver {
  new construct(':memory:').close();
  return betterSqlite3Driver(construct);
}

function versionOf(resolve: NodeJS.Require, name: string): string | undefined {
  try {
    const { version } = resolve(`${name}/package.json`) as { readonly version: string };
    return version;
  } catch {
    return undefined;
  }
}

/** The driver that is used where none is named: sqlite3, or better-sqlite3 where only that one is installed. */
export function installedDriver(): DriverName {
  const has = (name: DriverName): boolean => requirers().some((resolve) => versionOf(resolve, name) !== undefined);
  return has('sqlite3') || !has('better-sqlite3') ? 'sqlite3' : 'better-sqlite3';
}
