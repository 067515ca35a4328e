// The way back for the whole database, as the policy wants it: a copy in the store, a clone, or a restore point of the server.
import { errAsync, okAsync, safeTry, ok, type ResultAsync } from 'neverthrow';
import { newBackupId } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { BackupReason, StoredBackup } from '../ports/backup-store.js';
import { fromSql } from './as-error.js';
import { checkClones, takeClone } from './clones.js';
import { checkDisk } from './preflight.js';
import type { Policy } from './ports.js';
import type { RunSession } from './session.js';
import { takeBackup, type BackupContext } from './step-backup.js';

export interface WayBack {
  readonly id: string;
  /** What can be put back and compared with; undefined of a restore point. */
  readonly backup: StoredBackup | undefined;
}

/** Taken, or set, and its events buffered. */
export function takeWayBack(
  context: BackupContext & { readonly policy: Policy },
  reason: BackupReason,
): ResultAsync<WayBack, MigrateError> {
  const asWayBack = (backup: StoredBackup): WayBack => ({ id: backup.manifest.id, backup });
  switch (context.policy.fileBackupBy) {
    case 'restore-point':
      return setPoint(context, reason).map((id) => ({ id, backup: undefined }));
    case 'template-clone':
      return takeClone(context, reason).map(asWayBack);
    case 'dump':
      return takeBackup(context, reason, 'quick').map(asWayBack);
  }
}

function setPoint(
  { database, ports, recorder }: BackupContext,
  reason: BackupReason,
): ResultAsync<string, MigrateError> {
  const { restorePoints, info } = database;
  if (restorePoints === undefined) return errAsync(noPoints());
  const started = ports.clock.now();
  const id = newBackupId(started, ports.ids.hex(8));
  const journalPosition = recorder.writtenHead.position;
  return restorePoints
    .set(`migrate-safe ${id}`)
    .mapErr((error) => fromSql(error, info.label, 'setting a restore point'))
    .map((restorePoint) => {
      recorder.record({
        type: 'record-backup',
        kind: 'restore-point',
        backupId: id,
        bytes: 0,
        sha256: '',
        reason: reason.kind,
        ...(reason.version === undefined ? {} : { version: reason.version }),
        ...(reason.direction === undefined ? {} : { direction: reason.direction }),
        journalPosition,
        restorePoint,
      });
      recorder.record({ type: 'record-verification', backupId: id, checks: ['archiving'] });
      const ms = ports.clock.now().getTime() - started.getTime();
      ports.observer.progress({ kind: 'backup-taken', backupId: id, bytes: 0, ms, directory: '', restorePoint });
      return id;
    });
}

/** That the way back that the policy wants would be one for so many steps, before the first change. */
export function checkWayBack(session: RunSession, steps: number): ResultAsync<void, MigrateError> {
  const { fileBackup, fileBackupBy } = session.policy;
  if (fileBackup === 'never') return okAsync(undefined);
  switch (fileBackupBy) {
    case 'restore-point':
      return checkRestorePoints(session);
    case 'template-clone':
      return checkClones(session, steps);
    case 'dump':
      return checkDisk(session, steps);
  }
}

function checkRestorePoints({ database: { restorePoints, info } }: RunSession): ResultAsync<void, MigrateError> {
  if (restorePoints === undefined) return errAsync(noPoints());
  return safeTry(async function* () {
    const obstacle = yield* restorePoints
      .obstacle()
      .mapErr((error) => fromSql(error, info.label, 'reading how its log is archived'));
    if (obstacle === undefined) return ok(undefined);
    return errAsync(
      migrateError({
        kind: 'usage',
        reason: `a restore point on ${info.label} would be no way back: ${obstacle}`,
        suggestion: "Correct it, or have the database dumped: fileBackupBy: 'dump' (--file-backup-by dump).",
      }),
    );
  });
}

const noPoints = (): MigrateError =>
  migrateError({ kind: 'backups-unsupported', reason: 'there are restore points on a server only' });
