// A throw-away project in a temporary folder: a database file, step files, backups, and a second, independent way to look at the data.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { createMigrateSafe, type MigrateError, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import type { Result } from 'neverthrow';

export type Driver = 'sqlite3' | 'better-sqlite3';
export const DRIVERS: readonly Driver[] = ['sqlite3', 'better-sqlite3'];

export interface Project {
  readonly directory: string;
  readonly file: string;
  readonly steps: string;
  readonly backups: string;
  /** Writes step files, by name. */
  write(files: Readonly<Record<string, string>>): void;
  manager(options?: Partial<MigrateSafeOptions>): SafeMigrationManager;
  /** Runs SQL through the driver that the manager does not use, and closes it again. */
  sql(script: string): void;
  rows(query: string): unknown[];
  /** The same of another file. */
  rowsOf(file: string, query: string): unknown[];
  /** Every row of every table of the application, and its schema: the truth to compare with. */
  dump(): string;
  remove(): void;
}

/** A project whose manager uses `driver`. Both SQLite drivers live in this process, but never on one file at one time. */
export function project(driver: Driver = 'sqlite3'): Project {
  const directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
  const file = path.join(directory, 'app.db');
  const steps = path.join(directory, 'migrations');
  const backups = path.join(directory, 'backups');
  mkdirSync(steps);
  const open = (): BetterSqlite3.Database => new BetterSqlite3(file);
  const using = <T>(work: (db: BetterSqlite3.Database) => T): T => {
    const db = open();
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  return {
    directory,
    file,
    steps,
    backups,
    write: (files) => {
      for (const [name, content] of Object.entries(files)) writeFileSync(path.join(steps, name), content);
    },
    manager: (options = {}) =>
      createMigrateSafe({ database: `sqlite:${file}?driver=${driver}`, steps, backups, lockWait: '20s', ...options }),
    sql: (script) =>
      using((db) => {
        db.pragma('foreign_keys = OFF');
        db.exec(script);
      }),
    rowsOf: (other, query) => {
      const db = new BetterSqlite3(other, { readonly: true });
      try {
        return db.prepare(query).all();
      } finally {
        db.close();
      }
    },
    rows: (query) => using((db) => db.prepare(query).all()),
    dump: () => using(dumpOf),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

interface SchemaRow {
  readonly type: string;
  readonly name: string;
  readonly sql: string | null;
}

/** Content as text: schema without the engine's own tables, and all rows with their types. */
export function dumpOf(db: BetterSqlite3.Database): string {
  const objects = db
    .prepare<[], SchemaRow>(
      `SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'migrate_safe_%' AND name NOT LIKE 'sqlite_%' AND tbl_name NOT LIKE 'migrate_safe_%' ORDER BY type, name`,
    )
    .all();
  const lines = objects.map(
    ({ type, name, sql }) => `${type} ${name} ${(sql ?? '').replaceAll(/\s+/g, ' ').replaceAll(/["`]/g, '')}`,
  );
  for (const { name } of objects.filter(({ type }) => type === 'table')) {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    const columns = db
      .prepare<[], { name: string }>(
        `SELECT name FROM pragma_table_xinfo('${name.replaceAll("'", "''")}') WHERE hidden = 0`,
      )
      .all();
    const cells = columns.map(
      ({ name: column }) =>
        `typeof(t."${column.replaceAll('"', '""')}") || ':' || coalesce(hex(t."${column.replaceAll('"', '""')}"), '')`,
    );
    const rows =
      cells.length === 0
        ? []
        : db
            .prepare<[], unknown[]>(`SELECT ${cells.slice(0, 200).join(', ')} FROM ${quoted} AS t`)
            .raw()
            .all();
    lines.push(...rows.map((row) => `${name} ${JSON.stringify(row)}`).toSorted());
  }
  return lines.join('\n');
}

/** The value, or a readable failure of the test. */
export function value<T, E>(result: Result<T, E>): T {
  if (result.isErr())
    throw new Error(
      `expected a success, got ${JSON.stringify(result.error, (key, one: unknown) => (key === 'cause' ? String(one) : one), 1)}`,
    );
  return result.value;
}

export function failure<T>(result: Result<T, MigrateError>): MigrateError {
  if (result.isOk()) throw new Error(`expected a failure, got ${JSON.stringify(result.value)}`);
  return result.error;
}
