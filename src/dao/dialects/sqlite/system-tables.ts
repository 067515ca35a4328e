// The names of the engine's own tables in a SQLite database, and how their rows come in one cell.
import type { JournalTables } from '../../system/journal-dao.js';

export const SQLITE_TABLES: JournalTables = {
  events: 'migrate_safe_events',
  steps: 'migrate_safe_steps',
  meta: 'migrate_safe_meta',
  present: `SELECT name FROM main.sqlite_schema WHERE type = 'table'
    AND name IN ('migrate_safe_events', 'migrate_safe_steps', 'migrate_safe_meta')`,
  rowsAsJson: (table, columns) => `(SELECT json_group_array(json_array(${columns.join(', ')})) FROM ${table})`,
};
