// Opens the application's database for its DAOs: from a URL, a knex configuration, or the knex instance that it has.
import knex, { type Knex } from 'knex';
import { fromOpen } from './core/manager/as-error.js';
import { AppDatabase, ReadOnlyDatabase } from './dao/app-database.js';
import { Connections } from './dao/app/connections.js';
import type { Access, Flavour } from './dao/app/flavour.js';
import { postgresFlavour } from './dao/dialects/postgres/app/flavour.js';
import { postgresKnexConfig } from './dao/dialects/postgres/app/knex-config.js';
import { sqliteFlavour } from './dao/dialects/sqlite/app/flavour.js';
import { sqliteKnexConfig, writesOnOne } from './dao/dialects/sqlite/app/knex-config.js';
import { loadDriver } from './dao/dialects/sqlite/drivers/load-driver.js';
import { resolveTarget, type Target } from './target.js';

/** Where the database is. A knex instance that is given stays the application's to close. */
export interface OpenDatabaseOptions {
  /** `sqlite:app.db`, `postgres://…`, a knex configuration, or the application's own knex instance, whose pool is shared. */
  readonly database: string | Knex.Config | Knex;
  /**
   * Of the pool that is made for a URL or a configuration. Where `better-sqlite3` writes it has one connection, whatever
   * `max` is: the driver is synchronous.
   */
  readonly pool?: { readonly min?: number; readonly max?: number; readonly acquireTimeoutMs?: number };
  /** What timestamps and removals are set to; for tests. */
  readonly now?: () => Date;
}

/**
 * Nothing is connected before the first call of a DAO. Throws where the options make no sense or the driver is not
 * installed: that is a mistake of the program, not of its data.
 * @example
 * const database = openDatabase({ database: 'sqlite:app.db' });
 * const requests = new CompletionRequestsDao(database);
 */
export function openDatabase(options: OpenDatabaseOptions): AppDatabase {
  const { connections, owned } = connect(options, 'read-write');
  return new AppDatabase(connections, { owned });
}

/**
 * A database that cannot be written to, whoever asks: SQLite's file is opened for reading, PostgreSQL's transactions are
 * read-only. Has a pool of its own also where a knex instance is given.
 */
export function openReadOnlyDatabase(options: OpenDatabaseOptions): ReadOnlyDatabase {
  const { connections, owned } = connect(options, 'read-only');
  return new ReadOnlyDatabase(connections, { owned });
}

interface Connected {
  readonly connections: Connections;
  readonly owned: boolean;
}

function connect({ database, pool, now }: OpenDatabaseOptions, access: Access): Connected {
  if (typeof database === 'function' && isBound(database)) throw new TypeError(BOUND);
  const target = resolveTarget(database, 0);
  if (target.isErr()) throw new TypeError(target.error);
  const flavour = flavourOf(target.value);
  const isSingle = target.value.dialect === 'sqlite' && writesOnOne(target.value.driver, access);
  if (typeof database === 'function' && access === 'read-write') {
    if (isSingle && connectionsOf(database) > 1) throw new TypeError(SEVERAL);
    return { connections: new Connections(database, flavour, now), owned: false };
  }
  const config = configOf(target.value, access);
  const given = typeof database === 'object' ? database : {};
  const size: Knex.PoolConfig = { ...config.pool, ...poolOf(given), ...sizeOf(pool) };
  const made = knex({
    ...config,
    ...(pool?.acquireTimeoutMs === undefined ? {} : { acquireConnectionTimeout: pool.acquireTimeoutMs }),
    log: { warn: warnOfAllElse },
    ...given,
    // What makes connections read-only or keeps foreign keys is not the caller's to leave out.
    connection: config.connection ?? {},
    pool: isSingle ? { ...size, min: Math.min(size.min ?? 0, 1), max: 1 } : size,
  });
  return { connections: new Connections(made, flavour, now), owned: true };
}

/** Why a connection could not be had, or was lost, is the result of the call that wanted it. */
function warnOfAllElse(message: unknown): void {
  if (typeof message !== 'string' || !/^(?:Acquire connection error|Connection Error)/.test(message))
    console.warn(message);
}

const BOUND =
  'the handle of a step or a transaction was given to openDatabase: DAOs have transactions of their own. In a step use ' +
  "the handle itself, `knex('table')`; elsewhere give the application's own knex instance";

const isBound = ({ client }: Knex): boolean => (client as { readonly transacting?: boolean }).transacting === true;

const SEVERAL =
  'the knex instance of better-sqlite3 has a pool of several connections: one that waits for the lock of another holds ' +
  'up the process, and with it the other one. Nothing was opened. Give its pool max: 1, which is what knex gives it by ' +
  'itself; to read meanwhile, openReadOnlyDatabase has a pool of its own';

const connectionsOf = ({ client }: Knex): number =>
  (client as { readonly pool?: { readonly max?: number } }).pool?.max ?? 1;

const poolOf = ({ pool = {} }: Knex.Config): Knex.PoolConfig => {
  const { afterCreate: _, ...others } = pool;
  return others;
};
const sizeOf = ({ min, max }: NonNullable<OpenDatabaseOptions['pool']> = {}): Knex.PoolConfig => ({
  ...(min === undefined ? {} : { min }),
  ...(max === undefined ? {} : { max }),
});

const configOf = (target: Target, access: Access): Knex.Config =>
  target.dialect === 'sqlite' ? sqliteKnexConfig(target, access) : postgresKnexConfig(target, access);

function flavourOf(target: Target): Flavour {
  if (target.dialect === 'postgres') return postgresFlavour;
  const driver = loadDriver(target.driver, target.driverChosen);
  if (driver.isOk()) return sqliteFlavour(driver.value);
  const { message, hint } = fromOpen(driver.error);
  throw new Error(`${message}\n${hint}`);
}
