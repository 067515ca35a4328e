// An application's database on every engine that there is, for the suites that each of them must pass.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openDatabase, type AppDatabase, type OpenDatabaseOptions } from 'migrate-safe/dao';
import { freshDatabase } from './postgres.js';
import { value } from './project.js';

export type Dialect = 'sqlite' | 'postgres';

export interface Opened {
  readonly dialect: Dialect;
  readonly url: string;
  readonly database: AppDatabase;
  /** Runs a statement past every DAO, on a connection of the same pool. */
  sql(text: string): Promise<void>;
  remove(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  readonly dialect: Dialect;
  open(
    test: Mocha.Context,
    schema: Readonly<Record<Dialect, readonly string[]>>,
    options?: Pick<OpenDatabaseOptions, 'pool' | 'now'>,
  ): Promise<Opened>;
}

async function opened(
  dialect: Dialect,
  url: string,
  schema: readonly string[],
  options: Pick<OpenDatabaseOptions, 'pool' | 'now'>,
  remove: () => Promise<void> | void,
): Promise<Opened> {
  const database = openDatabase({ database: url, ...options });
  const sql = async (text: string): Promise<void> => void (await database.knex.raw(text));
  for (const statement of schema) await sql(statement);
  return {
    dialect,
    url,
    database,
    sql,
    remove: async () => {
      value(await database.close());
      await remove();
    },
  };
}

const sqlite = (driver: 'sqlite3' | 'better-sqlite3'): Engine => ({
  name: driver,
  dialect: 'sqlite',
  open: (_, schema, options = {}) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-dao-'));
    const url = `sqlite:${path.join(folder, 'app.db')}?driver=${driver}`;
    return opened('sqlite', url, schema.sqlite, options, () => rmSync(folder, { recursive: true, force: true }));
  },
});

export const SQLITE3 = sqlite('sqlite3');
export const PG: Engine = {
  name: 'pg',
  dialect: 'postgres',
  open: async (test, schema, options = {}) => {
    const made = await freshDatabase(test);
    return opened('postgres', made.url, schema.postgres, options, () => made.drop());
  },
};
export const ENGINES: readonly Engine[] = [SQLITE3, sqlite('better-sqlite3'), PG];
