// The names of the engine's own tables in a SQLite database.
import type { JournalTables } from '../../system/journal-dao.js';

export const SQLITE_TABLES: JournalTables = { events: 'migrate_safe_events', steps: 'migrate_safe_steps', meta: 'migrate_safe_meta' };
