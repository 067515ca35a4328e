// The verified backup before a step or a run: taken, recorded, and told.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { BackupError, BackupReason, StoredBackup } from '../ports/backup-store.js';
import type { BackupSource } from '../ports/backup-source.js';
import type { OpenDatabase } from '../ports/database.js';
import { fromStore } from './as-error.js';
import { bytesOf } from './clone-facts.js';
import type { ManagerPorts } from './ports.js';
import type { Recorder } from './recorder.js';

export interface BackupContext {
  readonly ports: ManagerPorts;
  readonly database: OpenDatabase;
  readonly recorder: Recorder;
  readonly signal?: AbortSignal;
  /** In place of a copy in the store. */
  readonly clone?: { readonly id: string; readonly source: BackupSource };
}

/** Takes a backup and buffers its events. */
export function takeBackup(
  context: BackupContext,
  reason: BackupReason,
  verify: 'quick' | 'full',
  journal = context.recorder.writtenHead,
): ResultAsync<StoredBackup, MigrateError> {
  const { ports, database, recorder, clone } = context;
  const { info } = database;
  const started = ports.clock.now().getTime();
  return ports.store
    .take({
      source: clone?.source ?? database.backups,
      ...(clone === undefined ? {} : { id: clone.id }),
      databaseId: recorder.history.databaseId ?? '',
      database: { label: info.label, path: info.location ?? '', dialect: info.dialect },
      driver: info.driver,
      reason,
      // What is buffered is not in the database yet, so not in the copy either.
      journal,
      verify,
      ...(context.signal ? { signal: context.signal } : {}),
      onProgress: (doneBytes, totalBytes) =>
        ports.observer.progress({ kind: 'backup-progress', doneBytes, totalBytes }),
    })
    .orElse((error) => blamed(database, error))
    .andThen((backup) => {
      const { id, copy, files, verified, journal } = backup.manifest;
      const bytes = bytesOf(backup.manifest);
      recorder.record({
        type: 'record-backup',
        ...(clone === undefined ? {} : { kind: 'clone' as const }),
        backupId: id,
        bytes,
        sha256: files[0]?.sha256 ?? '',
        reason: reason.kind,
        ...(reason.version === undefined ? {} : { version: reason.version }),
        journalPosition: journal.position,
      });
      recorder.record({ type: 'record-verification', backupId: id, checks: verified.checks });
      ports.observer.progress({
        kind: 'backup-taken',
        backupId: id,
        bytes,
        ms: ports.clock.now().getTime() - started,
        directory: backup.directory,
        ...('clone' in copy ? { clone: copy.clone.database } : {}),
      });
      return okAsync(backup);
    });
}

/** A copy that is damaged as soon as it is taken is most often a true copy of a damaged database: that is then what is said. */
function blamed({ backups, info }: OpenDatabase, error: BackupError): ResultAsync<never, MigrateError> {
  const isStructure =
    error.kind === 'backup-corrupt' ? Object.values(backups.form.checks).includes(error.check) : isDamage(error.cause);
  if (!isStructure || info.path === undefined) return errAsync(fromStore(error));
  return backups
    .check(info.path, 'quick')
    .map(() => fromStore(error))
    .orElse((found) =>
      okAsync(
        found.kind === 'check-failed' || isDamage(found)
          ? migrateError({
              kind: 'database-unusable',
              database: info.label,
              reason: 'corrupt',
              detail: `it is damaged (${('detail' in found ? found.detail : found.message).split('\n').slice(0, 2).join(' ')})`,
            })
          : fromStore(error),
      ),
    )
    .andThen((blame) => errAsync(blame));
}

const isDamage = (cause: unknown): boolean =>
  cause !== null && typeof cause === 'object' && 'kind' in cause && cause.kind === 'corrupt';
