// What has to be known of a PostgreSQL database to reach it.
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import type { HostKnexConfig } from '../../host-knex.js';

/**
 * What the driver takes, as far as the engine looks at it; the rest goes to the driver as it is. The driver's own types
 * are not named: they would be part of this package's, and whoever works with SQLite has none.
 */
export interface PostgresOptions {
  readonly connectionString?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly database?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | (() => string | Promise<string>) | undefined;
  readonly ssl?: boolean | ConnectionOptions | undefined;
  readonly stream?: () => Duplex | undefined;
}

/** Which database, and what of the host's knex goes with it. */
export interface PostgresTarget {
  /** As the driver takes them. */
  readonly options: PostgresOptions;
  /** `postgres://host:port/name`, without user and secrets. */
  readonly location: string;
  readonly host: HostKnexConfig;
}
