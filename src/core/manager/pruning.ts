// Retention after a run that went well: decided and recorded inside the run, carried out after it.
import { ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import { prunableBackups, unrecordedBackups } from '../history/retention.js';
import type { BackupManifest, StoredBackup } from '../ports/backup-store.js';
import type { CloneIdentity } from '../ports/clones.js';
import type { TableBackup } from '../ports/table-backups.js';
import { fromSql, fromStore } from './as-error.js';
import { pointsOf } from './restore-points.js';
import type { RunSession } from './session.js';

/** What goes, of the store, of the copies within the database, and of the clones beside it. */
export interface Pruning {
  readonly files: readonly StoredBackup[];
  readonly clones: readonly string[];
  readonly tables: readonly string[];
}

/** Records what will go. The events are written with the run's end. */
export function planPruning(session: RunSession): ResultAsync<Pruning, MigrateError> {
  const { policy, recorder, loaded, ports, database } = session;
  return safeTry(async function* () {
    const files = yield* storedBackups(session);
    const tables = yield* tableBackups(session);
    const clones = yield* clonesThere(session);
    // With those that this run has set.
    const events =
      policy.fileBackupBy === 'restore-point'
        ? yield* database.readJournal().mapErr((error) => fromSql(error, database.info.label, 'reading the journal'))
        : loaded.events;
    const prunable = prunableBackups(
      [...files, ...pointsOf(events, ports, recorder.history.databaseId ?? '')]
        .map(({ manifest }): Pick<BackupManifest, 'id' | 'createdAt' | 'reason'> => manifest)
        .concat(
          tables,
          clones.filter(({ id }) => !files.some(({ manifest }) => manifest.id === id)),
        ),
      recorder.history.runs,
      policy.keepRuns,
    );
    for (const { backupId, reason } of prunable) recorder.record({ type: 'record-pruning', backupId, reason });
    const ids = new Set(prunable.map(({ backupId }) => backupId));
    const left = unrecordedBackups(tables, loaded.events);
    // One that a set in the store leads to can be put back, whatever the journal has of it.
    const lost = unrecordedBackups(clones, loaded.events).filter(
      (id) => !files.some(({ manifest }) => manifest.id === id),
    );
    return ok({
      files: files.filter(({ manifest }) => ids.has(manifest.id)),
      clones: [...clones.map(({ id }) => id).filter((id) => ids.has(id)), ...lost],
      tables: [...tables.map(({ id }) => id).filter((id) => ids.has(id)), ...left],
    });
  });
}

function storedBackups({ ports, recorder, database }: RunSession): ResultAsync<readonly StoredBackup[], MigrateError> {
  if (!database.backups.supported) return okAsync([]);
  return ports.store
    .list(recorder.history.databaseId ?? '')
    .mapErr(fromStore)
    .map(({ backups }) => backups);
}

function tableBackups({ recorder, database }: RunSession): ResultAsync<readonly TableBackup[], MigrateError> {
  if (database.tables === undefined) return okAsync([]);
  return database.tables
    .list(recorder.history.databaseId ?? '')
    .mapErr((error) => fromSql(error, database.info.label, 'looking for copies of tables'));
}

function clonesThere({ recorder, database }: RunSession): ResultAsync<readonly CloneIdentity[], MigrateError> {
  if (database.clones === undefined) return okAsync([]);
  return database.clones
    .list(recorder.history.databaseId ?? '')
    .mapErr((error) => fromSql(error, database.info.label, 'looking for clones of it'));
}

/** Removes them. What a crash leaves is found and removed by the next run. */
export function removePruned({ ports, database }: RunSession, pruning: Pruning): ResultAsync<void, MigrateError> {
  return safeTry(async function* () {
    // Before the sets that lead to them: what is left of either is found again.
    if (pruning.clones.length > 0 && database.clones !== undefined)
      yield* database.clones
        .discard(pruning.clones)
        .mapErr((error) => fromSql(error, database.info.label, 'dropping clones of it'));
    for (const backup of pruning.files) yield* ports.store.remove(backup).mapErr(fromStore);
    if (pruning.tables.length > 0 && database.tables !== undefined)
      yield* database.tables
        .discard(pruning.tables)
        .mapErr((error) => fromSql(error, database.info.label, 'removing copies of tables'));
    return ok(undefined);
  });
}
