// Restore points as the journal has them: listed beside the backups, and refused as one, with the way that leads back to them.
import { okAsync, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import { decodeEvent, isUnknown } from '../events/codec.js';
import type { RecordedEvent, StoredEvent, UnknownEvent } from '../events/envelope.js';
import type { BackupTaken } from '../events/event.js';
import type { BackupReason, StoredBackup } from '../ports/backup-store.js';
import { isBeforeApply, type BackupChoice } from './choose-backup.js';
import type { ManagerPorts } from './ports.js';

/** Oldest first, from the mirror: who needs one may have no database any more. A mirror that cannot be read has none. */
export const restorePointsIn = (ports: ManagerPorts, databaseId: string): ResultAsync<readonly StoredBackup[], never> =>
  ports.mirror
    .read(databaseId)
    .map((events) => pointsOf(events, ports, databaseId))
    .orElse(() => okAsync([]));

/** Those that retention has not given up. */
export function pointsOf(
  events: readonly StoredEvent[],
  { database }: Pick<ManagerPorts, 'database'>,
  databaseId: string,
): readonly StoredBackup[] {
  const decoded = events.map((event) => decodeEvent(event)).filter(isKnown);
  const pruned = new Set(decoded.map((event) => (event.type === 'BackupPruned' ? event.data.backupId : undefined)));
  const { label, location, dialect, driver } = database.info;
  return decoded.flatMap((event): StoredBackup[] => {
    if (event.type !== 'BackupTaken') return [];
    const { backupId: id, restorePoint } = event.data;
    if (restorePoint === undefined || pruned.has(id)) return [];
    const { recordedAt: createdAt, actor } = event;
    const { journalPosition: position } = event.data;
    const manifest = {
      format: 1,
      id,
      series: 'restore-points',
      kind: 'restore-point',
      databaseId,
      database: { label, path: location ?? '', dialect },
      engine: actor.engine,
      driver,
      createdAt,
      reason: reasonOf(event),
      journal: { position, hash: events[position - 1]?.hash ?? '' },
      files: [],
      restorePoint,
      copy: { pageSize: 0, pageCount: 0, userVersion: 0, applicationId: 0, journalMode: '', tables: [] },
      verified: { at: createdAt, checks: ['archiving'] },
      checksum: '',
    } as const;
    return [{ manifest, directory: '', file: '' }];
  });
}

const isKnown = (event: RecordedEvent | UnknownEvent): event is RecordedEvent => !isUnknown(event);

function reasonOf({ data, runId, component }: RecordedEvent & BackupTaken): BackupReason {
  const { version, direction } = data;
  return {
    kind: version === undefined ? 'before-run' : 'before-step',
    runId,
    component,
    ...(version === undefined ? {} : { version }),
    ...(direction === undefined ? {} : { direction }),
  };
}

/** That a restore point is meant, where one is: only the server's own tools lead back to it. */
export function pointMeant(
  ports: ManagerPorts,
  databaseId: string,
  choice: BackupChoice,
  component: string,
): ResultAsync<MigrateError | undefined, never> {
  if ('latest' in choice) return okAsync(undefined);
  return restorePointsIn(ports, databaseId).map((points) => {
    const found = points.findLast(({ manifest }) =>
      'id' in choice ? manifest.id === choice.id : isBeforeApply(manifest.reason, component, choice.beforeStep),
    );
    return found && notOurs(found);
  });
}

function notOurs({ manifest: { id, createdAt, restorePoint, database } }: StoredBackup): MigrateError {
  const name = restorePoint?.name ?? '';
  return migrateError({
    kind: 'usage',
    reason: `${id} is a restore point in the log of the server of ${database.label} (${name}, at ${restorePoint?.lsn ?? ''}): only the server itself can be brought back to it, with all of its databases`,
    suggestion: `Put a base backup of the server from before ${createdAt} in place, with restore_command leading to the archived log, and set \`recovery_target_name = '${name}'\` and \`recovery_target_action = 'promote'\`; with an empty file recovery.signal in its data directory the server stops at that point. https://www.postgresql.org/docs/current/continuous-archiving.html`,
  });
}
