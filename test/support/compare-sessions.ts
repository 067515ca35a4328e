// Pairs of SQLite files to compare, a "before" and an "after", each behind a bare session over one of the two drivers.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { err, ok, type Result, ResultAsync } from 'neverthrow';
import sqlite3 from 'sqlite3';
import type { Session, SqlError, SqlValue } from '#src/core/ports/session.js';

export type DriverName = 'sqlite3' | 'better-sqlite3';

export const DRIVERS: readonly DriverName[] = ['sqlite3', 'better-sqlite3'];

/** Statements that were run, for tests of how a comparison reads. */
export interface Observed {
  readonly session: Session;
  readonly statements: string[];
}

function failed(sql: string, cause: unknown): SqlError {
  return { kind: 'other', code: 'TEST', message: cause instanceof Error ? cause.message : String(cause), sql, cause };
}

function openSqlite3(file: string): Session {
  const database = new sqlite3.Database(file);
  const all = <R extends object>(sql: string, params: readonly SqlValue[] = []): ResultAsync<R[], SqlError> =>
    new ResultAsync(
      new Promise<Result<R[], SqlError>>((resolve) => {
        database.all<R>(sql, [...params], (error, rows) =>
          resolve(error === null ? ok(rows) : err(failed(sql, error))),
        );
      }),
    );
  return {
    all,
    run: (sql, params = []) => all(sql, params).map(() => ({ changes: 0 })),
    close: () =>
      new ResultAsync(
        new Promise<Result<void, SqlError>>((resolve) => {
          database.close((error) => resolve(error === null ? ok(undefined) : err(failed('close', error))));
        }),
      ),
  };
}

function attempt<T>(sql: string, work: () => T): ResultAsync<T, SqlError> {
  try {
    return new ResultAsync(Promise.resolve(ok(work())));
  } catch (error) {
    return new ResultAsync(Promise.resolve(err(failed(sql, error))));
  }
}

function openBetter(file: string): Session {
  const database = new BetterSqlite(file);
  return {
    all: <R extends object>(sql: string, params: readonly SqlValue[] = []) =>
      attempt(sql, () => {
        const statement = database.prepare<SqlValue[], R>(sql);
        if (statement.reader) return statement.all(...params);
        statement.run(...params);
        return [];
      }),
    run: (sql, params = []) =>
      attempt(sql, () => ({ changes: database.prepare<SqlValue[]>(sql).run(...params).changes })),
    close: () => attempt('close', () => void database.close()),
  };
}

export function open(driver: DriverName, file: string): Session {
  return driver === 'sqlite3' ? openSqlite3(file) : openBetter(file);
}

export function observed(session: Session): Observed {
  const statements: string[] = [];
  return {
    statements,
    session: {
      all: (sql, params) => {
        statements.push(sql);
        return session.all(sql, params);
      },
      run: (sql, params) => session.run(sql, params),
      close: () => session.close(),
    },
  };
}

/** The value of a Result that a test takes to be one. */
export async function value<T, E>(result: ResultAsync<T, E> | Promise<Result<T, E>>): Promise<T> {
  const settled = await result;
  if (settled.isErr()) throw new Error(JSON.stringify(settled.error), { cause: settled.error });
  return settled.value;
}

/** Runs statements one after the other. */
export async function execute(session: Session, statements: readonly string[]): Promise<void> {
  for (const sql of statements) await value(session.all(sql));
}

/** Gives `work` two sessions: on a file made by `start`, and on a copy of it to which `edits` were made. */
export async function withVersions<T>(
  driver: DriverName,
  start: readonly string[],
  edits: readonly string[],
  work: (before: Session, after: Session) => Promise<T>,
): Promise<T> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'compare-'));
  const files = [path.join(folder, 'before.db'), path.join(folder, 'after.db')] as const;
  try {
    const first = open(driver, files[0]);
    await execute(first, start);
    await value(first.close());
    fs.copyFileSync(...files);
    const [before, after] = [open(driver, files[0]), open(driver, files[1])];
    try {
      await execute(after, edits);
      return await work(before, after);
    } finally {
      await value(before.close());
      await value(after.close());
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
