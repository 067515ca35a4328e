// Whose a table is, by its name: the engine's own, the database's, or a replication tool's.

const FOREIGN = /^(?:migrate_safe_|sqlite_|_litestream_|_cf_)/i;

/** Says whether an object is no part of the application's schema: this engine's own, SQLite's, Litestream's, Cloudflare D1's. */
export function isForeignObject(name: string): boolean {
  return FOREIGN.test(name);
}
