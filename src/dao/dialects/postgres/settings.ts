// What every connection of the engine asks of the server that it reached, and the settings that it then works under.

/** How long the engine's own look waits for somebody who changes a table. */
export const LOCK_PATIENCE = '5s';

/**
 * Where a step is looked at from. With an empty path the server writes names in full as well, but a step's own temporary
 * table would be found before the catalog that it is called as.
 */
export const CATALOGS_FIRST = 'pg_catalog, pg_temp';

/** How a connection of the engine behaves, whatever the role or the database says. */
const SETTINGS: Readonly<Record<string, string>> = {
  // A search path could put somebody's table before the catalog's.
  search_path: '',
  // A commit that is told has to last.
  synchronous_commit: 'on',
  // A client that is gone must not hold its locks until its statement ends, nor commit one more.
  client_connection_check_interval: '500ms',
  idle_in_transaction_session_timeout: '0',
  // The connection that holds the run lock rests for as long as a step works.
  idle_session_timeout: '0',
  transaction_timeout: '0',
  statement_timeout: '0',
  // Somebody who changes a table keeps its definition from being read: not for ever.
  lock_timeout: LOCK_PATIENCE,
  // What policies hide from this role can be neither counted nor copied: the server is to say so.
  row_security: 'off',
  // What others commit while a lock is waited for is seen behind the wait: it is counted, or it would go unseen.
  default_transaction_isolation: 'read committed',
  // Statements over the catalogs are many and short.
  jit: 'off',
};
/** Settings that a version of the server may not know yet. */
const SINCE: Readonly<Record<string, number>> = {
  default_transaction_isolation: 90_000,
  row_security: 90_500,
  client_connection_check_interval: 140_000,
  idle_session_timeout: 140_000,
  transaction_timeout: 170_000,
};

/** Whose program it is; others than PostgreSQL speak its protocol, and have no advisory locks that can be relied upon. */
export type Product = 'postgresql' | 'cockroachdb' | 'yugabytedb';

/** What a connection reached. */
export interface Server {
  readonly product: Product;
  /** As PostgreSQL counts it: 150018 is 15.18. */
  readonly version: number;
  /** The server process that answered. */
  readonly processId: number;
}

export const ASK_SERVER = `
  SELECT pg_catalog.pg_backend_pid() AS process_id, pg_catalog.current_setting('server_version_num') AS number,
         pg_catalog.version() AS version`;

export interface ServerRow {
  readonly process_id: number;
  readonly number: string;
  readonly version: string;
}

export const serverOf = ({ process_id, number, version }: ServerRow): Server => ({
  product: productOf(version),
  version: Number(number),
  processId: process_id,
});

function productOf(version: string): Product {
  if (/cockroachdb/i.test(version)) return 'cockroachdb';
  // `PostgreSQL 15.12-YB-2025.1.0.0-b0 on …`
  return /-YB-|yugabyte/i.test(version) ? 'yugabytedb' : 'postgresql';
}

/** One statement for all settings: for the session, or until the end of the transaction. */
export function settling({ product, version }: Server, scope: 'session' | 'transaction'): string {
  // The others name an older version of PostgreSQL than the one whose settings they have, and have not all of them.
  const known = Object.entries(SETTINGS).filter(
    ([name]) => SINCE[name] === undefined || (product === 'postgresql' && version >= SINCE[name]),
  );
  const calls = known.map(
    ([name, value]) => `pg_catalog.set_config('${name}', '${value}', ${scope === 'transaction'})`,
  );
  return `SELECT ${calls.join(', ')}`;
}
