// Where backups are kept: sets with a manifest, and the mirror of the journal beside them.
import type { ResultAsync } from 'neverthrow';
import type { StoredEvent, RecordedEvent } from '../events/envelope.js';
import type { JournalHead } from '../journal/chain.js';
import type { RestorePoint } from './restore-points.js';
import type { BackupSource, ContentFingerprint, CopyFacts, CopyProgress, CopyReader } from './backup-source.js';

/** Why a backup was taken. */
export interface BackupReason {
  readonly kind: 'before-step' | 'before-run' | 'before-restore' | 'manual';
  readonly runId: string;
  readonly component?: string;
  readonly version?: string;
  /** Where the step was about to be reverted: the copy has it applied. */
  readonly direction?: 'revert';
}

/** The copy of one table, within its database. */
export interface TableCopy {
  readonly table: string;
  readonly rows: number;
  readonly bytes: number;
  /** Where the database has it. */
  readonly copy: string;
}

/** The manifest of a backup set, as it is written to disk; `checksum` is the sha256 of its canonical JSON without it. */
export interface BackupManifest {
  readonly format: 1;
  readonly id: string;
  readonly series: string;
  readonly kind: 'file' | 'tables' | 'restore-point' | 'clone';
  readonly databaseId: string;
  readonly database: { readonly label: string; readonly path: string; readonly dialect: string };
  readonly engine: string;
  readonly driver: string;
  readonly createdAt: string;
  readonly reason: BackupReason;
  readonly journal: JournalHead;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  /** A moment in the server's log, in place of a copy. */
  readonly restorePoint?: RestorePoint;
  /** Where single tables were copied within the database. */
  readonly tables?: readonly TableCopy[];
  readonly copy: CopyFacts;
  readonly verified: { readonly at: string; readonly checks: readonly string[] };
  readonly fingerprint?: ContentFingerprint;
  readonly checksum: string;
}

/** A set that is complete: its manifest is there and is what was written. */
export interface StoredBackup {
  readonly manifest: BackupManifest;
  /** Absolute; empty, as the file is, where tables were copied within the database, and for a restore point. */
  readonly directory: string;
  /** Absolute path of the copy of the database; of a clone, of the note that says where it is. */
  readonly file: string;
}

/** What lies in a store: sets, and folders that are none. */
export interface BackupListing {
  readonly backups: readonly StoredBackup[];
  /** What is not whole, or cannot be read; one whose copy has another size is among the backups as well. */
  readonly damaged: readonly { readonly id: string; readonly directory: string; readonly detail: string }[];
}

export type BackupError =
  | {
      readonly kind: 'store-failed';
      readonly directory: string;
      readonly reason: string;
      readonly diskFull: boolean;
      readonly cause?: unknown;
    }
  | { readonly kind: 'backup-corrupt'; readonly backupId: string; readonly check: string; readonly detail: string };

export interface TakeBackup {
  readonly source: BackupSource;
  /** Where what is copied bears the backup's id, too. */
  readonly id?: string;
  readonly databaseId: string;
  readonly database: BackupManifest['database'];
  readonly driver: string;
  readonly reason: BackupReason;
  readonly journal: JournalHead;
  /** `full` adds integrity, foreign keys and a content fingerprint. */
  readonly verify: 'quick' | 'full';
  readonly onProgress: CopyProgress;
  readonly signal?: AbortSignal;
}

/** A database that has backups or a mirror in a store. */
export interface StoredDatabase {
  readonly databaseId: string;
  /** Its newest backup was taken at the path that was asked for. */
  readonly matches: boolean;
  /** Where its newest backup was taken; empty where it has none. */
  readonly path: string;
  /** Whether there is a file at that path now. */
  readonly present: boolean;
}

/** `stored`: the bytes of the file; `content`: what is in it. */
export type VerifyProgress = (pass: 'stored' | 'content', doneBytes: number, totalBytes: number) => void;

export interface BackupStore {
  /** The root, relative to the working directory where it lies below it. */
  readonly label: string;
  take(request: TakeBackup): ResultAsync<StoredBackup, BackupError>;
  list(databaseId: string): ResultAsync<BackupListing, BackupError>;
  /** Proves that the stored bytes are those that were written, and checks their structure; both passes tell how far they are. */
  verify(
    backup: StoredBackup,
    source: CopyReader,
    level: 'stored' | 'full',
    onProgress?: VerifyProgress,
  ): ResultAsync<void, BackupError>;
  remove(backup: StoredBackup): ResultAsync<void, BackupError>;
  /** Removes what killed processes left half-written; called with the lock held. */
  sweep(databaseId: string): ResultAsync<void, BackupError>;
  /** Copies a backup's file to `target`, which must not exist, and makes it last. */
  copyOut(backup: StoredBackup, target: string): ResultAsync<void, BackupError>;
  /** A path in the store for work that is thrown away, with the folder made. */
  scratch(databaseId: string, name: string): ResultAsync<string, BackupError>;
  /** Databases that have backups or a mirror here: those that were at `path` first, and of these the last used first. */
  databases(path: string | undefined): ResultAsync<readonly StoredDatabase[], BackupError>;
  /** Bytes free where the backups are kept. */
  freeBytes(): ResultAsync<number, BackupError>;
}

export type MirrorError = {
  readonly kind: 'mirror-failed';
  readonly file: string;
  readonly reason: string;
  readonly diskFull: boolean;
  readonly cause: unknown;
};

/** The journal's mirror: what is left of the history when the database is not. */
export interface JournalMirror {
  /** The events in order; a torn last line is dropped. */
  read(databaseId: string): ResultAsync<StoredEvent[], MirrorError>;
  /** Appends and makes it last. */
  append(databaseId: string, events: readonly (RecordedEvent | StoredEvent)[]): ResultAsync<void, MirrorError>;
  close(): ResultAsync<void, MirrorError>;
}
