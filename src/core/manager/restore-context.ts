// What a restore works with, asks and reports, and how it goes on from the past.
import { ok, okAsync, type Result, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import type { CopyFiles, RowsAtStake } from '../ports/backup-source.js';
import type { StoredBackup } from '../ports/backup-store.js';
import type { ConnectedSessions } from '../ports/swap-restore.js';
import type { AskedWay, RestoreWay } from '../ports/whole-restore.js';
import { fromStore } from './as-error.js';
import type { BackupChoice } from './choose-backup.js';
import { verified, type LoadedHistory } from './load-history.js';
import type { ManagerPorts, Policy } from './ports.js';
import type { Recorder } from './recorder.js';
import type { Restored } from './restore-copy.js';

/** What a restore would do, for the one who is asked. */
export interface RestorePreview {
  readonly database: string;
  readonly backup: StoredBackup;
  /** Another database that the whole backup is of, by its name: both will go on with one history. */
  readonly original?: string;
  readonly tables: readonly string[] | 'all';
  /** Undefined where the database cannot be read. */
  readonly atStake: readonly RowsAtStake[] | undefined;
  /** Whether there is a file at all. */
  readonly present: boolean;
  /**
   * What becomes of the present state: a safety copy, or, where the file is no sound database, the file itself, or,
   * where a new database takes its name, the whole old one.
   */
  readonly keeps: 'safety-copy' | 'file-aside' | 'old-database' | 'nothing';
  /** Of an old database that is kept: its name afterwards, and those whose sessions are ended then. */
  readonly swap?: { readonly keptAs: string; readonly sessions: readonly ConnectedSessions[] };
}

export interface RestoreOptions {
  readonly choice: BackupChoice;
  readonly tables: readonly string[] | 'all';
  readonly signal: AbortSignal;
  /** How the whole of a server's database is put back; `auto` by default. */
  readonly by: AskedWay;
  /** Asked after everything was verified and counted, before anything is changed. */
  readonly confirm: (preview: RestorePreview) => Promise<boolean>;
}

/** What a restore put back, what it kept, and where the journal ends, which goes on and is never rewound. */
export interface RestoreReport {
  readonly backup: StoredBackup;
  readonly restored: Restored;
  /** The backup of what was there before; null where it was kept otherwise: as `kept`, or as `movedAside`. */
  readonly safetyBackupId: string | null;
  /** How it was done. */
  readonly by: RestoreWay;
  /** The database that was live before, where a new one took its name, and the statement that does away with it. */
  readonly kept: { readonly database: string; readonly drop: string } | null;
  readonly journal: { readonly position: number; readonly hash: string };
  /** Files of a database that could not be opened, under their new names. */
  readonly movedAside: readonly string[];
}

export interface RestoreContext {
  readonly ports: ManagerPorts;
  readonly policy: Policy;
  readonly options: RestoreOptions;
  readonly databaseId: string;
  readonly copies: CopyFiles;
  readonly backup: StoredBackup;
  readonly runId: string;
}

/** The longer of journal and mirror: the mirror goes on where the database was put back by hand. */
export function pastOf(
  { ports, databaseId }: RestoreContext,
  loaded: LoadedHistory | undefined,
): ResultAsync<LoadedHistory | undefined, MigrateError> {
  return ports.mirror
    .read(databaseId)
    .mapErr(fromStore)
    .andThen((mirrored): Result<LoadedHistory | undefined, MigrateError> => {
      const proven = verified(mirrored, 'mirror');
      if (loaded === undefined) return mirrored.length === 0 ? ok(undefined) : proven;
      return proven.isOk() && mirrored.length > loaded.events.length ? proven : ok(loaded);
    });
}

/** A run that was interrupted before is ended first: a restore is an answer to it. */
export function recordStart({ databaseId, policy }: RestoreContext, recorder: Recorder, past: LoadedHistory): void {
  const { run } = past.history;
  if (run !== undefined)
    recorder.record({
      type: 'recover-run',
      version: run.step?.version ?? null,
      finding: run.restoring === undefined ? 'between-steps' : 'restore-undone',
    });
  recorder.record({
    type: 'start-run',
    databaseId,
    kind: 'restore',
    plan: [],
    fileBackup: 'never',
    guard: policy.guard,
  });
}

/** Events that the mirror does not have yet come before those that are to be recorded: one with a hole in it proves nothing. */
export const catchUpMirror = (
  { ports, databaseId }: RestoreContext,
  past: LoadedHistory,
): ResultAsync<void, MigrateError> =>
  ports.mirror
    .read(databaseId)
    .andThen((mirrored) =>
      mirrored.length >= past.events.length
        ? okAsync(undefined)
        : ports.mirror.append(databaseId, past.events.slice(mirrored.length)),
    )
    .mapErr(fromStore);

/** What a preview says of a backup that was taken of another database than the one that is at work. */
export function originalOf(
  { ports, backup }: RestoreContext,
  tables: readonly string[] | 'all',
): { original?: string } {
  const { database } = backup.manifest;
  const isOther = tables === 'all' && database.path !== '' && database.path !== ports.database.info.location;
  return isOther ? { original: database.label } : {};
}
