// The pool of an application's PostgreSQL database.
import type { Knex } from 'knex';
import type { Access } from '../../../app/flavour.js';
import type { PostgresTarget } from '../target.js';

interface RawConnection {
  query(sql: string, done: (error: Error | null) => void): void;
}

const MOST_CONNECTIONS = 10;

export const postgresKnexConfig = ({ options }: Pick<PostgresTarget, 'options'>, access: Access): Knex.Config => ({
  client: 'pg',
  connection: options as Knex.PgConnectionConfig,
  pool: { min: 0, max: MOST_CONNECTIONS, ...(access === 'read-only' ? { afterCreate: forReading } : {}) },
});

/** Every transaction of the session, also those of single statements. */
function forReading(raw: RawConnection, done: (error: Error | null, raw: RawConnection) => void): void {
  raw.query('SET default_transaction_read_only = on', (error) => done(error, raw));
}
