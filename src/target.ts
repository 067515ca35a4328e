// From what a caller calls its database (a URL, a knex configuration, a knex instance) to the database that is meant.
import type { Knex } from 'knex';
import { err, type Result } from 'neverthrow';
import type { PostgresTarget } from './dao/dialects/postgres/target.js';
import type { SqliteTarget } from './dao/dialects/sqlite/sqlite-database.js';
import { fromPostgresConfig, fromPostgresUrl, isPostgresUrl } from './postgres-target.js';
import { fromSqliteConfig, fromSqliteUrl, isSqliteDriver, withBorrowing } from './sqlite-target.js';

export type Target =
  | ({ readonly dialect: 'sqlite' } & SqliteTarget)
  | ({ readonly dialect: 'postgres' } & PostgresTarget);

/** `waitMs`: how long a write waits for another connection. The error is one line for the list of issues. */
export function resolveTarget(database: unknown, waitMs: number): Result<Target, string> {
  if (typeof database === 'string' && /^postgres(?:ql)?\/\//i.test(database))
    return err('`database`: a colon is missing before the //; write postgres://host/name');
  if (typeof database === 'string')
    return isPostgresUrl(database)
      ? fromPostgresUrl(database).map(postgres)
      : fromSqliteUrl(database, waitMs).map(sqlite);
  if (typeof database === 'function') return fromInstance(database as Knex, waitMs);
  if (database !== null && typeof database === 'object') return fromKnexConfig(database as Knex.Config, waitMs);
  return err(
    '`database` is a URL such as sqlite:app.db or postgres://host/name, a knex configuration or a knex instance',
  );
}

const sqlite = (target: SqliteTarget): Target => ({ dialect: 'sqlite', ...target });
const postgres = (target: PostgresTarget): Target => ({ dialect: 'postgres', ...target });

function fromInstance(knex: Knex, waitMs: number): Result<Target, string> {
  const client = knex.client as ({ readonly config?: Knex.Config } & Parameters<typeof withBorrowing>[1]) | undefined;
  if (client?.config === undefined) return err('`database` is a function, but not a knex instance');
  return fromKnexConfig(client.config, waitMs).map((target) =>
    target.dialect === 'sqlite' ? sqlite(withBorrowing(target, client)) : target,
  );
}

function fromKnexConfig(config: Knex.Config, waitMs: number): Result<Target, string> {
  const name = clientName(config);
  const driver = name === 'sqlite' ? 'sqlite3' : name;
  if (isSqliteDriver(driver)) return fromSqliteConfig(config, driver, waitMs).map(sqlite);
  if (isPostgresClient(name)) return fromPostgresConfig(config).map(postgres);
  return err(
    `\`database\`: knex client ${JSON.stringify(name ?? null)} is not supported; pg, sqlite3 and better-sqlite3 are`,
  );
}

const clientName = ({ client }: Knex.Config): unknown =>
  typeof client === 'string'
    ? client
    : (client as { prototype?: { driverName?: unknown } } | undefined)?.prototype?.driverName;
const isPostgresClient = (name: unknown): boolean => name === 'pg' || name === 'postgres' || name === 'postgresql';

/** Which database a knex instance speaks with; also of the handle that a step gets. */
export function dialectOf(knex: Knex): Target['dialect'] | undefined {
  const client = knex.client as { readonly config?: Knex.Config } | undefined;
  const name = clientName(client?.config ?? {});
  if (isPostgresClient(name)) return 'postgres';
  return name === 'sqlite' || isSqliteDriver(name) ? 'sqlite' : undefined;
}

/** A database in memory has no file to copy, and nobody else can reach it. */
export const isInMemory = (target: Target): boolean => target.dialect === 'sqlite' && target.file === ':memory:';
