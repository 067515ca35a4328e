// Which backup a restore means: by id, the latest, or the one before a step.
import { err, ok, type Result } from 'neverthrow';
import { versionKey } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { BackupListing, BackupReason, StoredBackup } from '../ports/backup-store.js';

/** Which backup is meant; a step is one of the component that is at work. */
export type BackupChoice = { readonly id: string } | { readonly latest: true } | { readonly beforeStep: string };

/** The backup that is meant. `latest` passes over the safety copies that restores take. */
export function chooseBackup(
  choice: BackupChoice,
  component: string,
  { backups, damaged }: BackupListing,
  directory: string,
): Result<StoredBackup, MigrateError> {
  const wanted = describeChoice(choice);
  if ('id' in choice) {
    const broken = damaged.find(({ id }) => id === choice.id);
    if (broken)
      return err(
        migrateError({ kind: 'backup-corrupt', backupId: broken.id, check: 'manifest', detail: broken.detail }),
      );
  }
  const found =
    'id' in choice
      ? backups.find(({ manifest }) => manifest.id === choice.id)
      : 'latest' in choice
        ? backups.findLast(({ manifest }) => manifest.reason.kind !== 'before-restore')
        : backups.findLast(({ manifest: { reason } }) => isBeforeApply(reason, component, choice.beforeStep));
  if (found !== undefined) return ok(found);
  const onlySafety = 'latest' in choice && backups.length > 0;
  return err(
    migrateError({
      kind: 'backup-not-found',
      wanted: onlySafety ? 'but the copies that restores took' : wanted,
      directory,
    }),
  );
}

/** A backup from before a revert has the step in it; a step of another component is another step. */
export const isBeforeApply = (
  { kind, direction, version, component }: BackupReason,
  ofComponent: string,
  wanted: string,
): boolean =>
  kind === 'before-step' &&
  direction !== 'revert' &&
  component === ofComponent &&
  version !== undefined &&
  versionKey(version) === versionKey(wanted);

/** What was asked for, to go on from "there is no backup". */
export const describeChoice = (choice: BackupChoice): string =>
  'id' in choice ? choice.id : 'latest' in choice ? 'of this database' : `from before step ${choice.beforeStep}`;
