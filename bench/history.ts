// One history of small steps, written twice: as SQL files for us and as migrations for knex, with the same statements.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import knex, { type Knex } from 'knex';
import { createMigrateSafe, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import type { ResultAsync } from 'neverthrow';

export type Dialect = 'sqlite' | 'postgres';

/** A key that numbers itself. */
const KEY: Readonly<Record<Dialect, string>> = {
  sqlite: 'INTEGER PRIMARY KEY',
  postgres: 'INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
};

interface Statement {
  readonly up: (table: string, dialect: Dialect) => string;
  readonly down: (table: string) => string;
}

/** What a table goes through: made, widened, filled, indexed. */
const STATEMENTS: readonly Statement[] = [
  {
    up: (t, dialect) => `CREATE TABLE ${t} (id ${KEY[dialect]}, name TEXT NOT NULL, amount INTEGER)`,
    down: (t) => `DROP TABLE ${t}`,
  },
  { up: (t) => `ALTER TABLE ${t} ADD COLUMN note TEXT`, down: (t) => `ALTER TABLE ${t} DROP COLUMN note` },
  {
    up: (t) => `INSERT INTO ${t} (name, amount, note) VALUES ('a', 1, 'x'), ('b', 2, NULL), ('c', 3, 'z')`,
    down: (t) => `DELETE FROM ${t}`,
  },
  { up: (t) => `CREATE INDEX ${t}_name ON ${t} (name)`, down: (t) => `DROP INDEX ${t}_name` },
];

interface Step {
  readonly name: string;
  readonly up: string;
  readonly down: string;
}

const historyOf = (count: number, dialect: Dialect): Step[] =>
  Array.from({ length: Math.ceil(count / STATEMENTS.length) }, (_, table) => `items_${table}`)
    .flatMap((table) => STATEMENTS.map(({ up, down }) => ({ table, up: up(table, dialect), down: down(table) })))
    .slice(0, count)
    .map(({ table, up, down }, index) => ({ name: `${String(index + 1).padStart(4, '0')}_${table}`, up, down }));

/** Writes the history as pairs of SQL files below `folder`. */
export function writeSteps(folder: string, count: number, dialect: Dialect = 'sqlite'): void {
  mkdirSync(path.join(folder, 'steps'));
  for (const { name, up, down } of historyOf(count, dialect)) {
    writeFileSync(path.join(folder, 'steps', `${name}.up.sql`), `${up};\n`);
    writeFileSync(path.join(folder, 'steps', `${name}.down.sql`), `${down};\n`);
  }
}

/** Writes the history as knex migrations below `folder`. */
export function writeMigrations(folder: string, count: number, dialect: Dialect = 'sqlite'): void {
  mkdirSync(path.join(folder, 'migrations'));
  for (const { name, up, down } of historyOf(count, dialect)) {
    const body = [
      `exports.up = (knex) => knex.raw(${JSON.stringify(up)});`,
      `exports.down = (knex) => knex.raw(${JSON.stringify(down)});`,
    ];
    writeFileSync(path.join(folder, 'migrations', `${name}.cjs`), `${body.join('\n')}\n`);
  }
}

/** A manager of the database in `folder` with the `sqlite3` driver, unless another database is named. */
export const managerIn = (folder: string, options: Partial<MigrateSafeOptions> = {}): SafeMigrationManager =>
  createMigrateSafe({
    database: `sqlite:${path.join(folder, 'app.db')}?driver=sqlite3`,
    steps: path.join(folder, 'steps'),
    backups: path.join(folder, 'backups'),
    ...options,
  });

/** A knex instance on the same database, with the same driver. */
export const knexIn = (folder: string, url?: string): Knex =>
  knex({
    ...(url === undefined
      ? { client: 'sqlite3', connection: { filename: path.join(folder, 'app.db') }, useNullAsDefault: true }
      : { client: 'pg', connection: url }),
    migrations: { directory: path.join(folder, 'migrations') },
  });

/** From an application's start to its first query: `up`, and what was opened closed again. */
export async function migrateWithUs(folder: string, options: Partial<MigrateSafeOptions> = {}): Promise<void> {
  const safe = managerIn(folder, options);
  await unwrapped(safe.up());
  await unwrapped(safe.close());
}

/** The same with knex. */
export async function migrateWithKnex(folder: string, url?: string): Promise<void> {
  const db = knexIn(folder, url);
  await db.migrate.latest();
  await db.destroy();
}

/** The value, or the error thrown: a benchmark of something that fails means nothing. */
export async function unwrapped<T>(result: ResultAsync<T, { readonly message: string }>): Promise<T> {
  const settled = await result;
  if (settled.isErr()) throw new Error(settled.error.message, { cause: settled.error });
  return settled.value;
}
