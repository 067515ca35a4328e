// The names of the engine's own tables in a PostgreSQL database, and how their rows come in one cell.
import type { JournalTables } from '../../system/journal-dao.js';

export const POSTGRES_TABLES: JournalTables = {
  events: 'migrate_safe.events',
  steps: 'migrate_safe.steps',
  meta: 'migrate_safe.meta',
  present: `SELECT 'migrate_safe.' || tablename AS name FROM pg_catalog.pg_tables
    WHERE schemaname = 'migrate_safe' AND tablename IN ('events', 'steps', 'meta')`,
  rowsAsJson: (table, columns) =>
    `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(${columns.join(', ')})), '[]')::text FROM ${table})`,
};
