// Copies of tables within the database, as listings, previews and reports have every backup.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import type { StoredBackup } from '../ports/backup-store.js';
import type { OpenDatabase } from '../ports/database.js';
import type { TableBackup } from '../ports/table-backups.js';
import { fromSql } from './as-error.js';
import { isBeforeApply } from './choose-backup.js';
import type { ManagerPorts } from './ports.js';
import type { RestoreOptions } from './restore-context.js';

/** A backup that has no file. */
export function asStored(backup: TableBackup, { database, actor }: ManagerPorts): StoredBackup {
  const { id, databaseId, createdAt, reason, journal, tables } = backup;
  const { label, location, dialect, driver } = database.info;
  const names = tables.map(({ table }) => table);
  return {
    manifest: {
      format: 1,
      id,
      series: 'tables',
      kind: 'tables',
      databaseId,
      database: { label, path: location ?? '', dialect },
      engine: actor.engine,
      driver,
      createdAt,
      reason,
      journal,
      files: tables.map(({ copy, bytes }) => ({ path: copy, bytes, sha256: '' })),
      tables,
      copy: { pageSize: 0, pageCount: 0, userVersion: 0, applicationId: 0, journalMode: '', tables: names },
      verified: { at: createdAt, checks: ['row counts'] },
      checksum: '',
    },
    directory: '',
    file: '',
  };
}

/** Oldest first; none where the database keeps none. */
export function tableBackupsOf(
  database: OpenDatabase,
  ports: ManagerPorts,
  databaseId: string,
): ResultAsync<readonly StoredBackup[], MigrateError> {
  if (database.tables === undefined) return okAsync([]);
  return database.tables
    .list(databaseId)
    .map((backups) => backups.map((backup) => asStored(backup, ports)))
    .mapErr((error) => fromSql(error, database.info.label, 'looking for copies of tables'));
}

/** The same of a database that may or may not be reachable: what cannot be read has nothing to list. */
export function tableBackupsAt(ports: ManagerPorts, databaseId: string): ResultAsync<readonly StoredBackup[], never> {
  return ports.database
    .open('read')
    .andThen((opened) =>
      tableBackupsOf(opened, ports, databaseId)
        .orElse(() => okAsync([]))
        .andThen((found) =>
          opened
            .close()
            .map(() => found)
            .orElse(() => okAsync(found)),
        ),
    )
    .orElse(() => okAsync([]));
}

/** The one that is meant, where no file is. The one before a step serves where single tables are wanted. */
export function chooseTables(
  { choice, tables }: RestoreOptions,
  component: string,
  backups: readonly StoredBackup[],
): StoredBackup | undefined {
  if ('id' in choice) return backups.find(({ manifest }) => manifest.id === choice.id);
  if (!('beforeStep' in choice) || tables === 'all') return undefined;
  return backups.findLast(({ manifest: { reason } }) => isBeforeApply(reason, component, choice.beforeStep));
}
