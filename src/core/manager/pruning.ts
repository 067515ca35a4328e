// Retention after a run that went well: decided and recorded inside the run, carried out after it.
import { ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import { prunableBackups } from '../history/retention.js';
import type { StoredBackup } from '../ports/backup-store.js';
import { fromStore } from './as-error.js';
import type { RunSession } from './session.js';

/** Records what will go. The events are written with the run's end. */
export function planPruning({
  ports,
  policy,
  recorder,
  database,
}: RunSession): ResultAsync<readonly StoredBackup[], MigrateError> {
  if (!database.backups.supported) return okAsync([]);
  return ports.store
    .list(recorder.history.databaseId ?? '')
    .mapErr(fromStore)
    .map(({ backups }) => {
      const prunable = prunableBackups(
        backups.map(({ manifest }) => manifest),
        recorder.history.runs,
        policy.keepRuns,
      );
      for (const { backupId, reason } of prunable) recorder.record({ type: 'record-pruning', backupId, reason });
      const ids = new Set(prunable.map(({ backupId }) => backupId));
      return backups.filter(({ manifest }) => ids.has(manifest.id));
    });
}

/** Removes them. What a crash leaves is found and removed by the next run. */
export function removePruned({ ports }: RunSession, backups: readonly StoredBackup[]): ResultAsync<void, MigrateError> {
  return safeTry(async function* () {
    for (const backup of backups) yield* ports.store.remove(backup).mapErr(fromStore);
    return ok(undefined);
  });
}
