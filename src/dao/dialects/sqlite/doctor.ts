// Looks at what a run on SQLite needs: a driver that loads, a database that opens, a directory for the lock.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fromOpen, fromSql } from '../../../core/manager/as-error.js';
import type { DatabaseDoctor, HealthCheck } from '../../../core/ports/doctor.js';
import type { Session } from '../../../core/ports/session.js';
import type { SqliteDriver } from './drivers/driver.js';
import { loadDriver } from './drivers/load-driver.js';
import { historyTableOf } from '../../history-tables.js';
import { labelOf, realPath, type SqliteTarget } from './sqlite-database.js';

/** Larger files are only opened: reading all of them takes longer than somebody who waits for a doctor has. */
const CHECKED_BYTES = 256 * 1024 * 1024;
/** From 3.7.0 on and before it, a WAL could be reset under another connection's feet (https://sqlite.org/wal.html). */
const SAFE_WAL = [3, 51, 3];
const WAIT_MS = 5000;

const good = (name: string, detail: string, fix: string | null = null): HealthCheck => ({
  name,
  ok: true,
  detail,
  fix,
});
const bad = (name: string, detail: string, fix: string): HealthCheck => ({ name, ok: false, detail, fix });

export class SqliteDoctor implements DatabaseDoctor {
  readonly #target: SqliteTarget;

  constructor(target: SqliteTarget) {
    this.#target = target;
  }

  async examine(): Promise<readonly HealthCheck[]> {
    const { driver: name, driverChosen, file } = this.#target;
    const driver = loadDriver(name, driverChosen);
    if (driver.isErr()) {
      const { message, hint } = fromOpen(driver.error);
      return [bad('driver', message, hint), ...this.#directory()];
    }
    const version = await versionOf(driver.value);
    if (version === undefined)
      return [bad('driver', `${name} loads, but opens nothing`, `npm rebuild ${name}`), ...this.#directory()];
    const database =
      file === ':memory:' ? [good('database', 'in memory')] : await this.#database(driver.value, version);
    return [good('driver', `${name} with SQLite ${version}`), ...this.#directory(), ...database];
  }

  /** The lock lies beside the database, and SQLite's own side files do. */
  #directory(): readonly HealthCheck[] {
    const { file } = this.#target;
    if (file === ':memory:') return [];
    const directory = path.dirname(realPath(file));
    const label = labelOf(directory) || '.';
    if (!existsSync(directory)) return [bad('directory', `${label} is not there`, `mkdir -p ${label}`)];
    return [
      canWrite(directory)
        ? good('directory', `${label} can be written: lock and journal files have their place`)
        : bad(
            'directory',
            `${label} cannot be written: the lock and SQLite's own files lie beside the database`,
            `chmod u+w ${label}`,
          ),
    ];
  }

  async #database(driver: SqliteDriver, version: string): Promise<readonly HealthCheck[]> {
    const { file } = this.#target;
    const label = labelOf(file);
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats === undefined) return [good('database', `${label} is not there yet`, 'migrate-safe up creates it')];
    if (stats.isDirectory()) {
      const { message, hint } = fromOpen({ kind: 'database-is-directory', path: label });
      return [bad('database', message, hint)];
    }
    if (!canWrite(file)) return [bad('database', `${label} is read-only for this user`, `chmod u+w ${label}`)];
    const connected = await driver.connect(file, 'read-only', { busyWaitMs: WAIT_MS });
    const looked = connected.isErr() ? connected : await look(connected.value, stats.size);
    if (connected.isOk()) await connected.value.close().unwrapOr(undefined);
    if (looked.isErr()) {
      const { message, hint } = fromSql(looked.error, label, 'looking at it');
      return [bad('database', message, hint)];
    }
    return describe(label, version, looked.value);
  }
}

interface Look {
  readonly tables: readonly string[];
  readonly journalMode: string;
  readonly problem: string | undefined;
}

const look = (session: Session, size: number) =>
  session
    .all<{ name: string }>(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'`,
    )
    .andThen((tables) =>
      session
        .all<{ journal_mode: string }>('PRAGMA journal_mode')
        .map(([mode]) => ({ tables: tables.map(({ name }) => name), journalMode: mode?.journal_mode ?? '' })),
    )
    .andThen((seen) =>
      session
        .all<{ quick_check: string }>(size > CHECKED_BYTES ? `SELECT 'ok' AS quick_check` : 'PRAGMA quick_check(1)')
        .map(([row]): Look => ({ ...seen, problem: row?.quick_check === 'ok' ? undefined : row?.quick_check })),
    );

function describe(label: string, version: string, { tables, journalMode, problem }: Look): readonly HealthCheck[] {
  if (problem !== undefined)
    return [bad('database', `${label} is damaged: ${problem}`, 'migrate-safe restore --latest')];
  const own = tables.filter((name) => !name.startsWith('migrate_safe_'));
  const mode = journalMode === 'wal' ? ', in WAL mode' : '';
  const old = journalMode === 'wal' && isBefore(version, SAFE_WAL);
  const tools = new Map(
    own
      .flatMap((name) => historyTableOf(name) ?? [])
      .map((tool) => [tool, own.find((name) => historyTableOf(name) === tool)]),
  );
  const journal = tables.length > own.length;
  return [
    old
      ? good(
          'database',
          `${label} opens, but is in WAL mode, and SQLite ${version} can lose a checkpoint of such a database when several connections write (the WAL-reset bug)`,
          'use a driver with SQLite 3.51.3 or later: npm install better-sqlite3@latest, and ?driver=better-sqlite3 in the database URL',
        )
      : good('database', `${label} opens, ${own.length} ${own.length === 1 ? 'table' : 'tables'}${mode}`),
    ...[...tools].map(([tool, table]) =>
      good(
        'other tool',
        `table ${table ?? ''} is the history of ${tool}`,
        journal ? null : 'migrate-safe stamp V says what the database already has',
      ),
    ),
  ];
}

async function versionOf(driver: SqliteDriver): Promise<string | undefined> {
  const connected = await driver.connect(':memory:', 'create', { busyWaitMs: WAIT_MS });
  if (connected.isErr()) return undefined;
  const rows = await connected.value.all<{ version: string }>('SELECT sqlite_version() AS version');
  await connected.value.close().unwrapOr(undefined);
  return rows.map(([row]) => row?.version).unwrapOr(undefined);
}

/** Whether a dotted version is lower. */
function isBefore(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  const at = least.findIndex((part, index) => parts[index] !== part);
  return at >= 0 && (parts[at] ?? 0) < (least[at] ?? 0);
}

function canWrite(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
