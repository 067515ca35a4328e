// The catalogue of table copies: what there is, what belongs to one backup, and taking away what nobody needs.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { BackupReason } from '../../../../core/ports/backup-store.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { TableBackup } from '../../../../core/ports/table-backups.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { nameOf, quoted, type QualifiedName } from '../name.js';
import type { ColumnFacts, SequenceFacts } from './table-facts.js';

/** A copy as a restore needs it. */
export interface KeptTable extends QualifiedName {
  /** As a statement needs it. */
  readonly copy: string;
  readonly rows: number;
  readonly columns: readonly ColumnFacts[];
  readonly key: readonly string[];
  readonly sequences: readonly SequenceFacts[];
}

interface BackupRow {
  readonly id: string;
  readonly database_id: string;
  readonly run_id: string;
  readonly component: string | null;
  readonly version: string | null;
  readonly direction: string | null;
  readonly reason: BackupReason['kind'];
  readonly journal_position: number;
  readonly journal_hash: string;
  readonly created_at: string;
  readonly tables: readonly {
    readonly schema: string;
    readonly name: string;
    readonly copy: string;
    readonly rows: number;
    readonly bytes: number;
  }[];
}

const BACKUPS = `
SELECT b.*, (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'schema', t.table_schema, 'name', t.table_name, 'copy', t.copy, 'rows', t.row_count, 'bytes', t.bytes) ORDER BY t.number), '[]')
  FROM migrate_safe_backup.tables AS t WHERE t.backup_id = b.id) AS tables
FROM migrate_safe_backup.backups AS b WHERE b.database_id = $1 ORDER BY b.created_at, b.id`;

/** Oldest first. */
export function listBackups(
  connection: PostgresConnection,
  databaseId: string,
): ResultAsync<readonly TableBackup[], SqlError> {
  return connection
    .query<BackupRow>(BACKUPS, [databaseId])
    .map(({ rows }) => rows.map(backupOf))
    .orElse((error) => (error.kind === 'missing-object' ? okAsync([]) : errAsync(error)));
}

const backupOf = (row: BackupRow): TableBackup => ({
  id: row.id,
  databaseId: row.database_id,
  createdAt: row.created_at,
  reason: {
    kind: row.reason,
    runId: row.run_id,
    ...(row.component === null ? {} : { component: row.component }),
    ...(row.version === null ? {} : { version: row.version }),
    ...(row.direction === 'revert' ? { direction: row.direction } : {}),
  },
  journal: { position: row.journal_position, hash: row.journal_hash },
  tables: row.tables.map(({ copy, rows, bytes, ...name }) => ({
    table: nameOf(name),
    rows,
    bytes,
    copy: `migrate_safe_backup.${copy}`,
  })),
});

/** Removes copies and their record, one backup at a time. */
export function discard(connection: PostgresConnection, ids: readonly string[]): ResultAsync<void, SqlError> {
  return inOrder(ids, (id) =>
    connection
      .query<{ copy: string }>(`SELECT copy FROM migrate_safe_backup.tables WHERE backup_id = $1`, [id])
      // One by one: a table that is dropped takes several of the locks that a server has room for.
      .andThen(({ rows }) =>
        inOrder(rows, ({ copy }) => connection.run(`DROP TABLE IF EXISTS migrate_safe_backup.${quoted(copy)}`)),
      )
      .andThen(() => connection.query(`DELETE FROM migrate_safe_backup.backups WHERE id = $1`, [id])),
  )
    .map(() => undefined)
    .orElse((error) => (error.kind === 'missing-object' ? okAsync(undefined) : errAsync(error)));
}

interface KeptRow {
  readonly schema: string;
  readonly name: string;
  readonly copy: string;
  readonly rows: number;
  readonly facts: string;
  readonly sequences: string;
}

/** The copies of one backup, in the order of their names. */
export function keptTables(connection: PostgresConnection, id: string): ResultAsync<readonly KeptTable[], SqlError> {
  return connection
    .query<KeptRow>(
      `SELECT table_schema AS schema, table_name AS name, copy, row_count AS rows, columns AS facts, sequences
       FROM migrate_safe_backup.tables WHERE backup_id = $1 ORDER BY number`,
      [id],
    )
    .map(({ rows }) =>
      rows.map(({ facts, sequences, copy, ...table }): KeptTable => {
        const { columns, key } = JSON.parse(facts) as Pick<KeptTable, 'columns' | 'key'>;
        return {
          ...table,
          copy: `migrate_safe_backup.${quoted(copy)}`,
          columns,
          key,
          sequences: JSON.parse(sequences) as readonly SequenceFacts[],
        };
      }),
    );
}
