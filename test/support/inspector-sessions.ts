// Sessions over both SQLite drivers, just enough for the inspector's tests: one fresh file each.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import BetterSqlite3 from 'better-sqlite3';
import { fromPromise, okAsync, ResultAsync } from 'neverthrow';
import sqlite3 from 'sqlite3';
import type { Session, SqlError, SqlValue } from '#src/core/ports/session.js';

export interface TestDatabase {
  readonly session: Session;
  /** Runs a script; throws what SQLite throws. */
  exec(sql: string): Promise<void>;
  close(): Promise<void>;
}

export interface TestDriver {
  readonly name: string;
  /** Opens an existing file, or makes one in a new folder that `close` removes. */
  open(file?: string): Promise<TestDatabase & { readonly file: string }>;
}

function asSqlError(cause: unknown): SqlError {
  return { kind: 'other', code: 'TEST', message: cause instanceof Error ? cause.message : String(cause), cause };
}

async function place(
  file: string | undefined,
): Promise<{ readonly file: string; readonly clean: () => Promise<void> }> {
  if (file !== undefined) return { file, clean: () => Promise.resolve() };
  const folder = await mkdtemp(join(tmpdir(), 'migrate-safe-inspector-'));
  return { file: join(folder, 'app.db'), clean: () => rm(folder, { recursive: true, force: true }) };
}

async function openBetter(file?: string): Promise<TestDatabase & { readonly file: string }> {
  const at = await place(file);
  const database = new BetterSqlite3(at.file);
  // Lets tests write into sqlite_schema.
  database.unsafeMode(true);
  const all = async <R>(sql: string, params: readonly SqlValue[]): Promise<R[]> =>
    database.prepare<unknown[], R>(sql).all(...params);
  return {
    file: at.file,
    session: {
      all: <R extends object>(sql: string, params: readonly SqlValue[] = []) =>
        fromPromise(all<R>(sql, params), asSqlError),
      run: () => okAsync({ changes: 0 }),
      close: () => okAsync(undefined),
    },
    exec: async (sql) => void database.exec(sql),
    close: async () => {
      database.close();
      await at.clean();
    },
  };
}

async function openSqlite3(file?: string): Promise<TestDatabase & { readonly file: string }> {
  const at = await place(file);
  const database = await new Promise<sqlite3.Database>((resolve, reject) => {
    const opening: sqlite3.Database = new sqlite3.Database(at.file, (error) =>
      error ? reject(error) : resolve(opening),
    );
  });
  const all = <R>(sql: string, params: readonly SqlValue[]): Promise<R[]> =>
    new Promise((resolve, reject) =>
      database.all<R>(sql, params, (error, rows) => (error ? reject(error) : resolve(rows))),
    );
  return {
    file: at.file,
    session: {
      all: <R extends object>(sql: string, params: readonly SqlValue[] = []) =>
        fromPromise(all<R>(sql, params), asSqlError),
      run: () => okAsync({ changes: 0 }),
      close: () => okAsync(undefined),
    },
    exec: promisify<string, void>((sql, done) => database.exec(sql, done)),
    close: async () => {
      await promisify<void>((done) => database.close(done))();
      await at.clean();
    },
  };
}

export const TEST_DRIVERS: readonly TestDriver[] = [
  { name: 'better-sqlite3', open: openBetter },
  { name: 'sqlite3', open: openSqlite3 },
];

/** Counts the statements that go through a session. */
export function counting(session: Session): { readonly session: Session; readonly statements: string[] } {
  const statements: string[] = [];
  const counted: Session = {
    ...session,
    all: <R extends object>(sql: string, params?: readonly SqlValue[]): ResultAsync<R[], SqlError> => {
      statements.push(sql);
      return session.all<R>(sql, params);
    },
  };
  return { session: counted, statements };
}
