// Clones of a whole database beside it, on its own server: made while nobody else is connected to it, and entered by nobody.
import type { ResultAsync } from 'neverthrow';
import type { BackupSource } from './backup-source.js';
import type { BackupReason } from './backup-store.js';
import type { SqlError } from './session.js';

/** What a clone says of itself to whoever finds it on the server. */
export interface CloneIdentity {
  /** Of the backup. */
  readonly id: string;
  readonly databaseId: string;
  /** UTC, ISO 8601. */
  readonly createdAt: string;
  readonly reason: BackupReason;
}

/** Why there can be none now, and what to do about it. */
export interface CloneObstacle {
  readonly reason: string;
  readonly fix: string;
}

export interface Clones {
  /** Undefined where nothing is seen to stand in the way of so many. */
  obstacle(clones: number): ResultAsync<CloneObstacle | undefined, SqlError>;
  /** Makes the clone; the copy that the store keeps is a short file that says where it is. */
  sourceOf(identity: CloneIdentity): BackupSource;
  /** Those of this database that are on the server, whoever has a file of them; oldest first. */
  list(databaseId: string): ResultAsync<readonly CloneIdentity[], SqlError>;
  /** Drops those that say themselves to be of these backups, and no other database. */
  discard(ids: readonly string[]): ResultAsync<void, SqlError>;
}
