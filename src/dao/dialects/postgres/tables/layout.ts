// Schema `migrate_safe_backup`: the copies of tables, and the catalogue that says what they are.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';

/** A released entry is never edited. Types are built-in ones only, as in the journal's tables. */
const LAYOUTS: readonly (readonly string[])[] = [
  [
    `CREATE SCHEMA IF NOT EXISTS migrate_safe_backup`,
    `CREATE TABLE migrate_safe_backup.meta (key text PRIMARY KEY, value text NOT NULL)`,
    `CREATE TABLE migrate_safe_backup.backups (
      id text PRIMARY KEY,
      database_id text NOT NULL,
      run_id text NOT NULL,
      component text,
      version text,
      direction text,
      reason text NOT NULL,
      journal_position bigint NOT NULL,
      journal_hash text NOT NULL,
      created_at text NOT NULL
    )`,
    `CREATE TABLE migrate_safe_backup.tables (
      backup_id text NOT NULL REFERENCES migrate_safe_backup.backups ON DELETE CASCADE,
      number integer NOT NULL,
      table_schema text NOT NULL,
      table_name text NOT NULL,
      copy text NOT NULL UNIQUE,
      row_count bigint NOT NULL,
      bytes bigint NOT NULL,
      columns text NOT NULL,
      sequences text NOT NULL,
      PRIMARY KEY (backup_id, number)
    )`,
  ],
];

/** 0 where there is none. */
export function readLayout(connection: PostgresConnection): ResultAsync<number, SqlError> {
  return connection
    .all<{ there: boolean }>(`SELECT pg_catalog.to_regclass('migrate_safe_backup.meta') IS NOT NULL AS there`)
    .andThen(([found]) =>
      found?.there === true
        ? connection
            .all<{ value: string }>(`SELECT value FROM migrate_safe_backup.meta WHERE key = 'layout'`)
            .map(([row]) => Number(row?.value ?? 0))
        : okAsync(0),
    );
}

/** In the transaction that is open. */
export function raiseLayout(connection: PostgresConnection): ResultAsync<void, SqlError> {
  return readLayout(connection).andThen((present) => {
    if (present >= LAYOUTS.length) return okAsync(undefined);
    const record = `INSERT INTO migrate_safe_backup.meta (key, value) VALUES ('layout', '${LAYOUTS.length}')
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
    return inOrder([...LAYOUTS.slice(present).flat(), record], (sql) => connection.run(sql)).map(() => undefined);
  });
}
