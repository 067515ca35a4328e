// What has to be known of a PostgreSQL database to reach it.
import type { ClientConfig } from 'pg';
import type { HostKnexConfig } from '../../host-knex.js';

export type PostgresOptions = ClientConfig;

/** Which database, and what of the host's knex goes with it. */
export interface PostgresTarget {
  /** As the driver takes them. */
  readonly options: PostgresOptions;
  /** `postgres://host:port/name`, without user and secrets. */
  readonly location: string;
  readonly host: HostKnexConfig;
}
