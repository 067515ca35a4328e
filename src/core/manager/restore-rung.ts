// The rung of the ladder below a revert: the file backup that was taken before the step takes the place of the database.
import { err, ok, safeTry, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import type { MigrateError } from '../errors/migrate-error.js';
import type { StoredBackup } from '../ports/backup-store.js';
import type { Hold } from '../ports/database.js';
import type { SqlError } from '../ports/session.js';
import { fingerprint } from '../schema/fingerprint.js';
import { fromOpen, fromSql, fromStore } from './as-error.js';
import type { FailedAttempt } from './failed-attempt.js';
import { provenBackup, restoreCopy, switchInto } from './restore-copy.js';
import type { StepContext } from './step-context.js';

export function restoreFile(
  context: StepContext,
  failed: FailedAttempt,
  backup: StoredBackup,
  hold: () => ResultAsync<Hold, SqlError>,
): ResultAsync<void, MigrateError | 'others-wrote'> {
  const { ports, database, recorder } = context;
  const { code, kind, message } = failed.error;
  return safeTry(async function* () {
    yield* provenBackup(ports, backup, database.backups);
    recorder.record({ type: 'fail-step', attempt: failed.attempt, error: { code, kind, message } });
    recorder.record({ type: 'start-restore', backupId: backup.manifest.id, safetyBackupId: null, tables: 'all' });
    yield* recorder.flush(database, 'recording the failure');
    const copies = yield* ports.database.copies().mapErr(fromOpen);
    const written = yield* database
      .readJournal()
      .mapErr((error) => fromSql(error, database.info.label, 'reading the journal'));
    const aside = yield* ports.store
      .scratch(recorder.history.databaseId ?? '', `${failed.attempt}.sqlite`)
      .mapErr(fromStore);
    const before = fingerprint(failed.before, sha256);
    const mark = recorder.mark();
    // Nobody writes from here on; whether anybody did since the backup shows under the same hold.
    const held = yield* hold().mapErr((error) => fromSql(error, database.info.label, 'restoring'));
    const others = await database.foreignWrites();
    const restored =
      others.isOk() && others.value !== failed.foreignWrites
        ? err<never, 'others-wrote'>('others-wrote')
        : await restoreCopy({
            ports,
            recorder,
            copies,
            backup,
            safetyBackupId: null,
            written,
            aside,
            switchIn: switchInto(ports, held),
          });
    yield* held.release().mapErr((error) => fromSql(error, database.info.label, 'restoring'));
    if (restored.isErr()) {
      recorder.rewind(mark);
      return err(restored.error);
    }
    recorder.record({ type: 'roll-back-step', attempt: failed.attempt, rung: 'file-backup', schema: before });
    return ok(yield* recorder.flush(database, 'recording the restore'));
  });
}
