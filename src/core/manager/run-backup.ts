// Backups on request: taken in a run of their own, listed and shown without one.
import { errAsync, ok, okAsync, ResultAsync, safeTry } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { BackupListing, StoredBackup } from '../ports/backup-store.js';
import { compareText } from '../schema/names.js';
import { fromStore } from './as-error.js';
import { namesakes } from './namesakes.js';
import type { ManagerPorts, Policy } from './ports.js';
import { endRun, startRun, withSession } from './run-session.js';
import { glanceAt } from './glance.js';
import { restorePointsIn } from './restore-points.js';
import { takeBackup } from './step-backup.js';
import { tableBackupsAt } from './table-backup.js';

/** A backup that retention leaves alone. */
export function createBackup(
  ports: ManagerPorts,
  policy: Policy,
  verify: 'quick' | 'full',
  signal: AbortSignal,
): ResultAsync<StoredBackup, MigrateError> {
  return withSession({ kind: 'backup', ports, policy, signal, candidates: [], open: 'read' }, (session) => {
    const { database, recorder } = session;
    if (!database.backups.supported) {
      return errAsync(
        migrateError({ kind: 'backups-unsupported', reason: 'a database in memory has no file to back up' }),
      );
    }
    return startRun(session, 'backup', []).andThen(() =>
      endRun(
        session,
        takeBackup(
          { ports, database, recorder, signal },
          { kind: 'manual', runId: session.runId, component: policy.component },
          verify,
        ),
        () => ({ steps: 0, durationMs: 0 }),
      ),
    );
  });
}

/** What the store and the database itself have of it, newest first; also where the database itself is gone. */
export function listBackups(ports: ManagerPorts): ResultAsync<BackupListing, MigrateError> {
  return databaseIdOf(ports).andThen((id) =>
    id === undefined
      ? okAsync({ backups: [], damaged: [] })
      : ports.store
          .list(id)
          .mapErr(fromStore)
          .andThen((listing) =>
            ResultAsync.combine([tableBackupsAt(ports, id), restorePointsIn(ports, id)]).map(([tables, points]) => ({
              ...listing,
              backups: [...listing.backups, ...tables, ...points].toSorted((a, b) =>
                compareText(b.manifest.id, a.manifest.id),
              ),
            })),
          ),
  );
}

/** The id that the database's journal says; without a journal, the one whose backups were taken at its path. */
export function databaseIdOf(ports: ManagerPorts): ResultAsync<string | undefined, MigrateError> {
  return safeTry(async function* () {
    const glance = await glanceAt(ports);
    if (glance.isOk() && glance.value !== undefined && glance.value.databaseId !== '')
      return ok(glance.value.databaseId);
    const known = yield* ports.store.databases(ports.database.info.location).mapErr(fromStore);
    const matching = known.filter(({ matches }) => matches);
    // The only one there is, whose file is not where it was: it may have been moved here. One whose file is in its place
    // is another database, and its history is not for this path.
    const [only] = known;
    const moved = matching.length === 0 && known.length === 1 && only?.present === false ? only : undefined;
    const [namesake, other] = namesakes(known, ports.database.info.location ?? '');
    const elsewhere = other === undefined ? namesake : undefined;
    return ok((matching[0] ?? moved ?? elsewhere)?.databaseId);
  });
}
