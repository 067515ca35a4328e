// From a URL or a knex configuration to the SQLite file and driver that are meant.
import path from 'node:path';
import type { Knex } from 'knex';
import { err, ok, type Result } from 'neverthrow';
import { hostOf } from './dao/host-knex.js';
import type { DriverName } from './dao/dialects/sqlite/drivers/load-driver.js';
import { installedDriver } from './dao/dialects/sqlite/drivers/load-driver.js';
import type { SqliteTarget } from './dao/dialects/sqlite/sqlite-database.js';

type Target = Result<SqliteTarget, string>;

/** The parts of a knex instance's client that a connection is borrowed through. */
interface KnexClient {
  acquireConnection(): Promise<unknown>;
  releaseConnection(raw: unknown): Promise<void>;
}

export const isSqliteDriver = (name: unknown): name is DriverName => name === 'sqlite3' || name === 'better-sqlite3';

export function fromSqliteUrl(url: string, busyWaitMs: number): Target {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'sqlite' && scheme !== 'sqlite3')
    return err(`\`database\`: ${scheme}: is not a scheme that is known; write sqlite:app.db or postgres://host/name`);
  const rest = scheme === undefined ? url : url.slice(url.indexOf(':') + 1);
  const at = rest.lastIndexOf('?');
  const name = (at < 0 ? rest : rest.slice(0, at)).replace(/^\/\/(?=\/)/, '').replace(/^\/\/(?!\/)/, '');
  const query = new URLSearchParams(at < 0 ? '' : rest.slice(at + 1));
  const unknown = [...query.keys()].filter((key) => key !== 'driver');
  if (unknown.length > 0) return err(`\`database\`: ?${unknown.join('&')} is not known; ?driver= is`);
  const driver = query.get('driver');
  if (driver !== null && !isSqliteDriver(driver))
    return err(`\`database\`: the driver is sqlite3 or better-sqlite3, not ${driver}`);
  if (name === '') return err('`database`: it names no file; write sqlite:app.db');
  if (name.startsWith('file:'))
    return err('`database`: it is a URI (file:…), which is not read here; write sqlite:app.db');
  return ok({
    file: fileOf(name),
    driver: driver ?? installedDriver(),
    driverChosen: driver !== null,
    host: {},
    busyWaitMs,
  });
}

/** Of a database in memory the host's own connection is borrowed: there is no other way to it. */
export function withBorrowing(target: SqliteTarget, client: KnexClient): SqliteTarget {
  if (target.file !== ':memory:') return target;
  const borrow = async (): Promise<{ raw: unknown; giveBack: () => Promise<void> }> => {
    const raw = await client.acquireConnection();
    return { raw, giveBack: () => client.releaseConnection(raw) };
  };
  return { ...target, borrow };
}

export function fromSqliteConfig(config: Knex.Config, driver: DriverName, busyWaitMs: number): Target {
  const { connection } = config;
  const filename =
    typeof connection === 'string' ? connection : (connection as { readonly filename?: unknown } | undefined)?.filename;
  if (typeof filename !== 'string' || filename === '')
    return err('`database`: the knex configuration names no file (connection.filename)');
  // With its flag OPEN_URI the application works on what the URI means, in memory or elsewhere: not on a file of that name.
  if (filename.startsWith('file:'))
    return err('`database`: connection.filename is a URI (file:…), which is not read here; name the file itself');
  return ok({ file: fileOf(filename), driver, driverChosen: true, host: hostOf(config), busyWaitMs });
}

const fileOf = (name: string): string => (name === ':memory:' ? name : path.resolve(name));
