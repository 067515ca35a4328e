// The password that PGPASSFILE or ~/.pgpass has for a connection: https://www.postgresql.org/docs/current/libpq-pgpass.html
import { createRequire } from 'node:module';
import type { Client } from 'pg';

/** The driver's own reader of that file, which its next version does not call any more. It has no types. */
type PgPass = (
  connection: Pick<Client, 'host' | 'port' | 'user' | 'database'>,
  done: (password: string | undefined) => void,
) => void;

const require = createRequire(import.meta.url);

/** Undefined where the file has no line for it, or there is no file. */
export function passwordOf({ host, port, user, database }: Client): Promise<string | undefined> {
  const pgpass = require('pgpass') as PgPass;
  return new Promise((resolve) => pgpass({ host, port, user, database }, resolve));
}
