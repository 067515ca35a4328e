// A large database is asked about, not silently copied: what the copies of a run will take, told before the first change.
import { err, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import { fromSql, fromStore } from './as-error.js';
import type { LargeDatabase } from './progress.js';
import type { RunSession } from './session.js';

/** Asked with the lock held, before anything is changed. */
export type ConfirmLarge = (large: LargeDatabase) => Promise<boolean>;

/** Without `confirm` nobody is asked: it is told, and goes on. */
export function askAboutSize(
  { database, policy, ports }: RunSession,
  steps: number,
  confirm: ConfirmLarge | undefined,
): ResultAsync<void, MigrateError> {
  const { fileBackup, fileBackupBy, largeDatabaseBytes } = policy;
  const { effort } = database.backups;
  if (effort === undefined || fileBackup === 'never' || fileBackupBy !== 'dump') return okAsync(undefined);
  const copies = fileBackup === 'each-run' ? 1 : steps;
  return safeTry<void, MigrateError>(async function* () {
    const one = yield* effort().mapErr((error) => fromSql(error, database.info.label, 'reading its size'));
    if (one.databaseBytes <= largeDatabaseBytes) return ok(undefined);
    const freeBytes = yield* ports.store.freeBytes().mapErr(fromStore);
    const large: LargeDatabase = {
      database: database.info.label,
      bytes: one.databaseBytes,
      copies,
      copyBytes: one.copyBytes * copies,
      copyMs: one.copyMs * copies,
      directory: ports.store.label,
      freeBytes,
    };
    ports.observer.progress({ kind: 'large-database', large });
    if (confirm === undefined || (await confirm(large))) return ok(undefined);
    return err(migrateError({ kind: 'backup-declined', database: large.database }));
  });
}
