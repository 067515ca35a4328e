// Where a restore has its rows from: a file of the store, or copies of tables within the database itself.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import type { JournalHead } from '../journal/chain.js';
import type { LiveRestorePort, RowsAtStake } from '../ports/backup-source.js';
import type { OpenDatabase } from '../ports/database.js';
import type { SqlError } from '../ports/session.js';
import type { Recorder } from './recorder.js';
import type { RestoreContext } from './restore-context.js';
import { provenBackup } from './restore-copy.js';
import { takeBackup } from './step-backup.js';
import { copyTables } from './step-tables.js';

export interface RestoreSource {
  /** As the port for it names the backup. */
  readonly name: string;
  /** Those that it has; undefined where the port knows better which of them a name means. */
  readonly tables: readonly string[] | undefined;
  readonly port: Pick<LiveRestorePort, 'restoreTables' | 'fits'>;
  prove(): ResultAsync<void, MigrateError>;
  atStake(tables: readonly string[] | 'all'): ResultAsync<readonly RowsAtStake[], SqlError>;
  /** Keeps the present state of the tables, as long as nobody else can write; gives the backup's id. */
  keep(recorder: Recorder, tables: readonly string[], journal: JournalHead): ResultAsync<string, MigrateError>;
}

/** All that there is of single tables is still no whole. */
export function wantedTables({ options, backup }: RestoreContext): readonly string[] | 'all' {
  const { kind, copy } = backup.manifest;
  const { tables } = options;
  if (kind !== 'tables') return tables;
  if (tables === 'all') return copy.tables;
  const exact = new Set(copy.tables);
  const byCase = new Map(copy.tables.map((name) => [name.toLowerCase(), name]));
  return tables.map((name) => (exact.has(name) ? name : (byCase.get(name.toLowerCase()) ?? name)));
}

export function sourceOf(
  { ports, backup, policy, runId, options }: RestoreContext,
  database: OpenDatabase,
): RestoreSource {
  const reason = { kind: 'before-restore', runId, component: policy.component } as const;
  const { tables: kept } = database;
  const { id, kind } = backup.manifest;
  if (kind === 'tables' && kept !== undefined) {
    return {
      name: id,
      tables: undefined,
      port: kept,
      // The server itself says so where a copy cannot be read.
      prove: () => okAsync(undefined),
      atStake: (tables) => kept.atStake(id, tables === 'all' ? backup.manifest.copy.tables : tables),
      keep: (recorder, tables, journal) =>
        copyTables(
          { ports, database, recorder },
          { tables, lock: 'transaction', reason, signal: options.signal },
          journal,
        ).map((safety) => safety.id),
    };
  }
  return {
    name: backup.file,
    tables: backup.manifest.copy.tables,
    port: database.restore,
    prove: () => provenBackup(ports, backup, database.backups),
    atStake: (tables) => database.backups.atStake(backup.file, tables),
    keep: (recorder, _tables, journal) =>
      takeBackup({ ports, database, recorder }, reason, 'quick', journal).map(({ manifest }) => manifest.id),
  };
}
