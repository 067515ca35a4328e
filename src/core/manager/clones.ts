// Clones as ways back: refused before the first change where there can be none, taken as any backup, put back whole.
import { err, errAsync, ok, okAsync, type Result, type ResultAsync } from 'neverthrow';
import { newBackupId } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { BackupReason, StoredBackup } from '../ports/backup-store.js';
import type { CloneObstacle } from '../ports/clones.js';
import type { OpenDatabase } from '../ports/database.js';
import { fromSql } from './as-error.js';
import { isClone } from './clone-facts.js';
import type { RestoreContext } from './restore-context.js';
import type { RunSession } from './session.js';
import { takeBackup, type BackupContext } from './step-backup.js';

/** That there can be clones for so many steps, before the first change. */
export function checkClones({ policy, database }: RunSession, steps: number): ResultAsync<void, MigrateError> {
  return obstacleTo(database, policy.fileBackup === 'each-run' ? 1 : steps).andThen((found) =>
    found === undefined ? okAsync(undefined) : errAsync(found),
  );
}

function obstacleTo(
  { clones, info }: OpenDatabase,
  number: number,
): ResultAsync<MigrateError | undefined, MigrateError> {
  if (clones === undefined) return errAsync(noClones());
  return clones
    .obstacle(number)
    .mapErr((error) => fromSql(error, info.label, 'looking whether it can be cloned'))
    .map((found) => found && refused(info.label, found));
}

/** Taken, and its events buffered. */
export function takeClone(context: BackupContext, reason: BackupReason): ResultAsync<StoredBackup, MigrateError> {
  const { ports, database, recorder } = context;
  const { clones } = database;
  if (clones === undefined) return errAsync(noClones());
  const now = ports.clock.now();
  const id = newBackupId(now, ports.ids.hex(8));
  const databaseId = recorder.history.databaseId ?? '';
  const source = clones.sourceOf({ id, databaseId, createdAt: now.toISOString(), reason });
  return takeBackup({ ...context, clone: { id, source } }, reason, 'quick').orElse((error) =>
    clones
      .discard([id])
      .orElse(() => okAsync(undefined))
      .andThen(() => (error.kind === 'cancelled' ? okAsync(undefined) : obstacleTo(database, 1)))
      // Somebody may have come since it was looked at: who that is says more than that it failed.
      .orElse(() => okAsync(undefined))
      .andThen((found) => errAsync(found ?? asRefused(database.info.label, error))),
  );
}

/** What the server itself refused has nothing to do with where the backups are. */
function asRefused(database: string, error: MigrateError): MigrateError {
  const { cause } = error;
  const isStatement = cause !== null && typeof cause === 'object' && 'sql' in cause && 'kind' in cause;
  if (error.kind !== 'backup-failed' || !isStatement || cause.kind === 'connection-lost') return error;
  return refused(database, { reason: error.reason, fix: 'Correct what the server says, and run it again.' });
}

const refused = (database: string, { reason, fix }: CloneObstacle): MigrateError =>
  migrateError({ kind: 'clone-refused', database, reason, fix });

const noClones = (): MigrateError =>
  migrateError({ kind: 'backups-unsupported', reason: 'a database is cloned on a server only' });

/** Out of a clone nothing is taken, and it is not put back into a database that others are in: it becomes the database. */
export function restoresWhole({ backup: { manifest }, options }: RestoreContext): Result<void, MigrateError> {
  if (!isClone(manifest)) return ok(undefined);
  const { id } = manifest;
  if (options.tables !== 'all')
    return err(
      migrateError({
        kind: 'usage',
        reason: `${id} is a clone of the whole database: single tables cannot be put back from it`,
        suggestion: `Nothing was changed. Where there are copies of tables, migrate-safe backup list names them; or make a database of the clone, and take the rows from there: migrate-safe restore ${id} --as-copy NAME`,
      }),
    );
  if (options.by === 'in-place')
    return err(
      migrateError({
        kind: 'usage',
        reason: `${id} is a clone: it takes the name of the database, and is not put back in its place`,
        suggestion: 'Nothing was changed. Leave --by out.',
      }),
    );
  return ok(undefined);
}
