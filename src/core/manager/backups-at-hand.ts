// What `status` says of the backups of a database, without reading more than their manifests.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import { fromStore } from './as-error.js';
import type { ManagerPorts } from './ports.js';
import { databaseIdOf } from './run-backup.js';

export interface BackupsAtHand {
  /** The newest. */
  readonly lastBackup: { readonly id: string; readonly createdAt: string } | undefined;
  /** How many are not whole, or cannot be read. */
  readonly damagedBackups: number;
}

/** Of a database that was lost as well, which has no journal to say its id. */
export function backupsAtHand(
  ports: ManagerPorts,
  databaseId: string | undefined,
  obstacle: MigrateError | undefined,
): ResultAsync<BackupsAtHand, MigrateError> {
  const lost = databaseId === undefined && obstacle?.kind === 'database-gone';
  return (lost ? databaseIdOf(ports) : okAsync<string | undefined, MigrateError>(databaseId))
    .andThen((id) => (id === undefined ? okAsync(undefined) : ports.store.list(id).mapErr(fromStore)))
    .map((listing) => {
      const newest = listing?.backups.at(-1)?.manifest;
      return {
        lastBackup: newest && { id: newest.id, createdAt: newest.createdAt },
        damagedBackups: listing?.damaged.length ?? 0,
      };
    });
}
