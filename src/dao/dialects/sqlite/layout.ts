// The layout of the engine's own tables in a SQLite database, as versions: each released one stays, and is raised from.
import type { Session, SqlError } from '../../../core/ports/session.js';
import { okAsync, type ResultAsync } from 'neverthrow';
import { inTransaction } from '../../in-transaction.js';

/** The statements that raise the layout from the version before to this one. A released entry is never edited. */
export const LAYOUTS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE IF NOT EXISTS migrate_safe_meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID`,
    `CREATE TABLE IF NOT EXISTS migrate_safe_events (
      position INTEGER PRIMARY KEY NOT NULL,
      run_id TEXT NOT NULL,
      component TEXT NOT NULL,
      type TEXT NOT NULL,
      schema_version INTEGER NOT NULL,
      recorded_at TEXT NOT NULL,
      actor TEXT NOT NULL,
      data TEXT NOT NULL,
      previous_hash TEXT NOT NULL,
      hash TEXT NOT NULL
    )`,
    `CREATE TABLE IF NOT EXISTS migrate_safe_steps (
      component TEXT NOT NULL,
      version TEXT NOT NULL,
      description TEXT NOT NULL,
      state TEXT NOT NULL,
      checksum TEXT NOT NULL,
      applied_at TEXT NOT NULL,
      duration_ms INTEGER NOT NULL,
      position INTEGER NOT NULL,
      PRIMARY KEY (component, version)
    ) WITHOUT ROWID`,
    `CREATE TRIGGER IF NOT EXISTS migrate_safe_events_no_update BEFORE UPDATE ON migrate_safe_events
     BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END`,
    `CREATE TRIGGER IF NOT EXISTS migrate_safe_events_no_delete BEFORE DELETE ON migrate_safe_events
     BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END`,
    `CREATE TRIGGER IF NOT EXISTS migrate_safe_events_in_turn BEFORE INSERT ON migrate_safe_events
     WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM migrate_safe_events)
     BEGIN SELECT RAISE(ABORT, 'the journal does not end where this event begins'); END`,
  ],
];

/** The version that this program writes. */
export const LAYOUT = LAYOUTS.length;

/** What the layout is made of; a name that is missing was taken away by hand. */
const OBJECTS = [
  'migrate_safe_meta',
  'migrate_safe_events',
  'migrate_safe_steps',
  'migrate_safe_events_no_update',
  'migrate_safe_events_no_delete',
  'migrate_safe_events_in_turn',
];

/** The layout's version; 0 where there is no journal, or where part of it is missing and has to be made again. */
export function readLayout(session: Session): ResultAsync<number, SqlError> {
  return session
    .all<{ name: string }>(
      `SELECT name FROM main.sqlite_schema WHERE name IN (${OBJECTS.map((name) => `'${name}'`).join(', ')})`,
    )
    .andThen((found) =>
      found.length < OBJECTS.length
        ? okAsync(0)
        : session
            .all<{ value: string }>(`SELECT value FROM migrate_safe_meta WHERE key = 'layout'`)
            .map(([row]) => Number(row?.value ?? 0)),
    );
}

/** Creates the tables, or raises them to this program's version, in one transaction of its own. */
export function raiseLayout(
  session: Session,
  layouts: readonly (readonly string[])[] = LAYOUTS,
): ResultAsync<void, SqlError> {
  return readLayout(session).andThen((present) => {
    if (present >= layouts.length) return okAsync(undefined);
    const record = `INSERT INTO migrate_safe_meta (key, value) VALUES ('layout', '${layouts.length}')
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
    return inTransaction(session, [...layouts.slice(present).flat(), record], 'BEGIN IMMEDIATE');
  });
}
