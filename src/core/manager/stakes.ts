// What a way back would cost: the rows that differ from what a backup holds.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import type { RowsAtStake } from '../ports/backup-source.js';
import type { StoredBackup } from '../ports/backup-store.js';
import { fromSql } from './as-error.js';
import type { KeptTables } from './step-attempt.js';
import type { StepContext } from './step-context.js';

/** What differs from before the step, as far as there is a backup to compare with. */
export function stakesOf(
  { database }: StepContext,
  { backup, kept: { tables } }: { readonly backup: StoredBackup | undefined; readonly kept: KeptTables },
): ResultAsync<readonly RowsAtStake[], MigrateError> {
  const names = tables?.tables.map(({ table }) => table) ?? [];
  const found =
    backup !== undefined
      ? database.backups.atStake(backup.file, 'all')
      : ((tables && database.tables?.atStake(tables.id, names)) ?? okAsync([]));
  return found.mapErr((error) => fromSql(error, database.info.label, 'comparing with the backup'));
}

export const writtenIn = (stakes: readonly RowsAtStake[]): number =>
  stakes.reduce((all, { written }) => all + written, 0);
