// From what a caller calls its database (a URL, a knex configuration, a knex instance) to the file and driver that are meant.
import path from 'node:path';
import type { Knex } from 'knex';
import { err, ok, type Result } from 'neverthrow';
import type { DriverName } from './dao/dialects/sqlite/drivers/load-driver.js';
import { installedDriver } from './dao/dialects/sqlite/drivers/load-driver.js';
import type { SqliteTarget } from './dao/dialects/sqlite/sqlite-database.js';

type Target = Result<SqliteTarget, string>;

const isDriver = (name: unknown): name is DriverName => name === 'sqlite3' || name === 'better-sqlite3';

/** `busyWaitMs`: how long a write waits for another connection. The error is one line for the list of issues. */
export function resolveTarget(database: unknown, busyWaitMs: number): Target {
  if (typeof database === 'string') return fromUrl(database, busyWaitMs);
  if (typeof database === 'function') return fromInstance(database as Knex, busyWaitMs);
  if (database !== null && typeof database === 'object') return fromKnexConfig(database as Knex.Config, busyWaitMs);
  return err('`database` is a URL such as sqlite:app.db, a knex configuration or a knex instance');
}

function fromUrl(url: string, busyWaitMs: number): Target {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === 'postgres' || scheme === 'postgresql')
    return err('`database`: this version works on SQLite; PostgreSQL comes with the next');
  if (scheme !== undefined && scheme !== 'sqlite' && scheme !== 'sqlite3')
    return err(`\`database\`: ${scheme}: is not a scheme that is known; write sqlite:app.db`);
  const rest = scheme === undefined ? url : url.slice(url.indexOf(':') + 1);
  const at = rest.lastIndexOf('?');
  const name = (at < 0 ? rest : rest.slice(0, at)).replace(/^\/\/(?=\/)/, '').replace(/^\/\/(?!\/)/, '');
  const query = new URLSearchParams(at < 0 ? '' : rest.slice(at + 1));
  const unknown = [...query.keys()].filter((key) => key !== 'driver');
  if (unknown.length > 0) return err(`\`database\`: ?${unknown.join('&')} is not known; ?driver= is`);
  const driver = query.get('driver');
  if (driver !== null && !isDriver(driver))
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

function fromInstance(knex: Knex, busyWaitMs: number): Target {
  const client = knex.client as
    | {
        readonly config?: Knex.Config;
        acquireConnection(): Promise<unknown>;
        releaseConnection(raw: unknown): Promise<void>;
      }
    | undefined;
  if (client?.config === undefined) return err('`database` is a function, but not a knex instance');
  return fromKnexConfig(client.config, busyWaitMs).map((target) => {
    if (target.file !== ':memory:') return target;
    const borrow = async (): Promise<{ raw: unknown; giveBack: () => Promise<void> }> => {
      const raw = await client.acquireConnection();
      return { raw, giveBack: () => client.releaseConnection(raw) };
    };
    return { ...target, borrow };
  });
}

function fromKnexConfig(config: Knex.Config, busyWaitMs: number): Target {
  const { client, connection } = config;
  const name =
    typeof client === 'string'
      ? client
      : (client as { prototype?: { driverName?: unknown } } | undefined)?.prototype?.driverName;
  const driver = name === 'sqlite' ? 'sqlite3' : name;
  if (!isDriver(driver))
    return err(
      `\`database\`: knex client ${JSON.stringify(name ?? null)} is not supported by this version; sqlite3 and better-sqlite3 are`,
    );
  const filename =
    typeof connection === 'string' ? connection : (connection as { readonly filename?: unknown } | undefined)?.filename;
  if (typeof filename !== 'string' || filename === '')
    return err('`database`: the knex configuration names no file (connection.filename)');
  // With its flag OPEN_URI the application works on what the URI means, in memory or elsewhere: not on a file of that name.
  if (filename.startsWith('file:'))
    return err('`database`: connection.filename is a URI (file:…), which is not read here; name the file itself');
  return ok({ file: fileOf(filename), driver, driverChosen: true, host: hostOf(config), busyWaitMs });
}

/** What of the host's configuration the handles of its steps keep. */
const hostOf = ({ wrapIdentifier, postProcessResponse, useNullAsDefault, log }: Knex.Config): SqliteTarget['host'] => ({
  ...(wrapIdentifier ? { wrapIdentifier } : {}),
  ...(postProcessResponse ? { postProcessResponse } : {}),
  ...(useNullAsDefault === undefined ? {} : { useNullAsDefault }),
  ...(log ? { log } : {}),
});

const fileOf = (name: string): string => (name === ':memory:' ? name : path.resolve(name));
