// The layout of the engine's own tables in a PostgreSQL database, as versions: each released one stays, and is raised from.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../core/ports/session.js';
import { inTransaction } from '../../in-transaction.js';

/**
 * The statements that raise the layout from the version before to this one; a released entry is never edited. Types are
 * built-in ones only: a restore drops extensions with all that depends on them.
 */
export const LAYOUTS: readonly (readonly string[])[] = [
  [
    `CREATE SCHEMA IF NOT EXISTS migrate_safe`,
    `CREATE TABLE IF NOT EXISTS migrate_safe.meta (key text PRIMARY KEY, value text NOT NULL)`,
    `CREATE TABLE IF NOT EXISTS migrate_safe.events (
      position bigint PRIMARY KEY,
      run_id text NOT NULL,
      component text NOT NULL,
      type text NOT NULL,
      schema_version integer NOT NULL,
      recorded_at text NOT NULL,
      actor text NOT NULL,
      data text NOT NULL,
      previous_hash text NOT NULL,
      hash text NOT NULL
    )`,
    `CREATE TABLE IF NOT EXISTS migrate_safe.steps (
      component text NOT NULL,
      version text NOT NULL,
      description text NOT NULL,
      state text NOT NULL,
      checksum text NOT NULL,
      applied_at text NOT NULL,
      duration_ms bigint NOT NULL,
      position bigint NOT NULL,
      PRIMARY KEY (component, version)
    )`,
    `CREATE OR REPLACE FUNCTION migrate_safe.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
     BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$`,
    `CREATE OR REPLACE FUNCTION migrate_safe.in_turn() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
     BEGIN
       IF NEW.position <> (SELECT coalesce(pg_catalog.max(position), 0) + 1 FROM migrate_safe.events) THEN
         RAISE EXCEPTION 'the journal does not end where this event begins';
       END IF;
       RETURN NEW;
     END $$`,
    // PostgreSQL 13 cannot replace a trigger.
    `DROP TRIGGER IF EXISTS append_only ON migrate_safe.events`,
    `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON migrate_safe.events
     FOR EACH STATEMENT EXECUTE FUNCTION migrate_safe.refuse()`,
    `DROP TRIGGER IF EXISTS in_turn ON migrate_safe.events`,
    `CREATE TRIGGER in_turn BEFORE INSERT ON migrate_safe.events
     FOR EACH ROW EXECUTE FUNCTION migrate_safe.in_turn()`,
  ],
];

/** The version that this program writes. */
export const LAYOUT = LAYOUTS.length;

/** What the layout is made of; where something is missing it was taken away by hand. */
const PARTS = `
  SELECT pg_catalog.count(*) AS parts FROM (
    SELECT relname FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE nspname = 'migrate_safe' AND relkind = 'r' AND relname IN ('meta', 'events', 'steps')
    UNION ALL
    SELECT tgname FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE nspname = 'migrate_safe' AND relname = 'events' AND tgname IN ('append_only', 'in_turn')
  ) AS present`;
const ALL_PARTS = 5;

/** The layout's version; 0 where there is no journal, or where part of it is missing and has to be made again. */
export function readLayout(session: Session): ResultAsync<number, SqlError> {
  return session
    .all<{ parts: number }>(PARTS)
    .andThen(([found]) =>
      found === undefined || found.parts < ALL_PARTS
        ? okAsync(0)
        : session
            .all<{ value: string }>(`SELECT value FROM migrate_safe.meta WHERE key = 'layout'`)
            .map(([row]) => Number(row?.value ?? 0)),
    );
}

/** The statements that create the tables, or raise them to this program's version; to be run inside one transaction. */
export function missingLayouts(session: Session): ResultAsync<readonly string[], SqlError> {
  return readLayout(session).map((present) => {
    if (present >= LAYOUT) return [];
    const record = `INSERT INTO migrate_safe.meta (key, value) VALUES ('layout', '${LAYOUT}')
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
    return [...LAYOUTS.slice(present).flat(), record];
  });
}

/** Creates the tables, or raises them to this program's version, in one transaction of its own. */
export function raiseLayout(session: Session): ResultAsync<void, SqlError> {
  return missingLayouts(session).andThen((statements) =>
    statements.length === 0 ? okAsync(undefined) : inTransaction(session, statements),
  );
}
