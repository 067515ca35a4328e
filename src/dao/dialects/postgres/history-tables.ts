// Tables in which migration tools keep their history in PostgreSQL, where many of them have a schema of their own.
import { historyTableOf as toolOfName } from '../../history-tables.js';
import { nameOf, parseName } from './name.js';

/** By name as the inspector has it; undefined for what looks like a history and is the inner affair of a library or a host. */
const TOOLS: ReadonlyMap<string, string | undefined> = new Map([
  ['pgmigrations', 'node-pg-migrate'],
  ['supabase_migrations.schema_migrations', 'Supabase'],
  ['graphile_migrate.migrations', 'Graphile Migrate'],
  ['pgroll.migrations', 'pgroll'],
  ['sqitch.changes', 'Sqitch'],
  ['hdb_catalog.hdb_version', 'Hasura'],
  ['graphile_worker.migrations', undefined],
  ['auth.schema_migrations', undefined],
  ['realtime.schema_migrations', undefined],
  ['storage.migrations', undefined],
]);

/** The tool whose history `table` holds by default, whatever the schema it was put into; undefined for any other table. */
export function historyTableOf(table: string): string | undefined {
  const parsed = parseName(table);
  const name = nameOf(parsed);
  return TOOLS.has(name) ? TOOLS.get(name) : toolOfName(parsed.name);
}
