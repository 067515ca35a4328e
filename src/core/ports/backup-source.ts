// The database's side of a backup: copying itself out and in, and checking a copy. The store's side is BackupStore.
import type { NotKept } from './refusals.js';
import type { ResultAsync } from 'neverthrow';
import type { RecordedEvent, StoredEvent } from '../events/envelope.js';
import type { AppliedStep } from '../history/history.js';
import type { SchemaSnapshot } from '../schema/snapshot.js';
import type { NewDatabases } from './new-database.js';
import type { SqlError } from './session.js';
import type { SwapRestorePort } from './swap-restore.js';
import type { WholeRestorePort } from './whole-restore.js';

export type CopyProgress = (doneBytes: number, totalBytes: number) => void;

/** What a copy says about itself, for the manifest: a database file of pages, an archive that a server can restore, or a database beside the live one. */
export type CopyFacts = PagedCopyFacts | ArchiveCopyFacts | CloneCopyFacts;

export interface PagedCopyFacts {
  readonly pageSize: number;
  readonly pageCount: number;
  readonly userVersion: number;
  readonly applicationId: number;
  readonly journalMode: string;
  /** Names of the application's tables. */
  readonly tables: readonly string[];
}

export interface ArchiveCopyFacts {
  /** Names of the application's tables. */
  readonly tables: readonly string[];
  readonly archive: {
    /** The server's version, the version of the program that made the archive, and that of the archive's format. */
    readonly serverVersion: string;
    readonly dumpVersion: string;
    readonly format: string;
    readonly encoding: string;
    /** Owners and grantees: a server without them cannot restore it as it was. */
    readonly roles: readonly string[];
    readonly extensions: readonly string[];
  };
}

/** The copy itself is on the server; its file says where. */
export interface CloneCopyFacts {
  /** Names of the application's tables. */
  readonly tables: readonly string[];
  readonly clone: {
    readonly database: string;
    /** The server's own number for it. */
    readonly oid: number;
    readonly bytes: number;
    readonly serverVersion: string;
  };
}

/** The form of a copy in a store. */
export interface CopyForm {
  /** The name of its file. */
  readonly fileName: string;
  /** The first bytes of every such file. */
  readonly header: string;
  /** What the two levels of `check` are called in a manifest. */
  readonly checks: Readonly<Record<'quick' | 'full', string>>;
}

export type CheckError = { readonly kind: 'check-failed'; readonly check: string; readonly detail: string } | SqlError;

/** Rows and an order-independent digest per table. */
export interface ContentFingerprint {
  readonly schema: string;
  /** Rows without their parent: a copy has as many as what was copied. */
  readonly foreignKeyViolations: number;
  readonly tables: Readonly<Record<string, { readonly rows: number; readonly digest: string }>>;
}

/** Rows that the live database has and a backup does not have in that form. */
export interface RowsAtStake {
  readonly table: string;
  /** Written since the backup: inserted or changed. */
  readonly written: number;
  /** Deleted since: they would come back. */
  readonly deleted: number;
}

/** What a copy is likely to take. */
export interface CopyEffort {
  readonly databaseBytes: number;
  readonly copyBytes: number;
  readonly copyMs: number;
}

/** What a database can do for backups; absent for a database in memory. */
export interface BackupSource {
  readonly supported: boolean;
  /** Of the copies that it makes. */
  readonly form: CopyForm;
  /** Where copies can be of another form. */
  formOf?(copy: CopyFacts): CopyForm;
  /** Estimated size of a copy. */
  size(): ResultAsync<number, SqlError>;
  /** Where a copy takes so long that somebody may want to be asked. */
  readonly effort?: () => ResultAsync<CopyEffort, SqlError>;
  /** Copies the committed state into `file`, which is empty or not there. */
  copyTo(file: string, onProgress: CopyProgress, signal?: AbortSignal): ResultAsync<void, SqlError>;
  /** Structure check of a copy: `quick` or `full` (with foreign keys). Returns what it learnt about the copy. */
  check(file: string, level: 'quick' | 'full', onProgress?: CopyProgress): ResultAsync<CopyFacts, CheckError>;
  fingerprint(file: string): ResultAsync<ContentFingerprint, SqlError>;
  /** Compares a backup with the live database, table by table. */
  atStake(file: string, tables: readonly string[] | 'all'): ResultAsync<readonly RowsAtStake[], SqlError>;
}

/** What proves a copy. */
export type CopyReader = Pick<BackupSource, 'form' | 'formOf' | 'check' | 'fingerprint'>;

/** Work on copies that lie aside: checking and reading them, and giving them the events that came after. */
export interface CopyFiles extends CopyReader {
  /** The events inside a copy. */
  journalOf(file: string): ResultAsync<StoredEvent[], SqlError>;
  /** Rows of the user's tables, and the schema's snapshot where it can be had of a copy. */
  contentOf(file: string): ResultAsync<CopyContent, SqlError>;
  /**
   * Appends events verbatim to a copy's journal and replaces its projection. Absent where a restore leaves the journal
   * in its place, so that a copy needs no later events.
   */
  readonly extend?: (
    file: string,
    events: readonly (RecordedEvent | StoredEvent)[],
    steps: readonly AppliedStep[],
  ) => ResultAsync<void, SqlError>;
  /** Where a copy can become a database of its own by statements; a copy that is a file is one as it is. */
  readonly databases?: NewDatabases;
}

export interface CopyContent {
  readonly rows: number;
  readonly snapshot: SchemaSnapshot | undefined;
}

/** Putting a copy back while the database is open. */
export interface LiveRestorePort extends Partial<WholeRestorePort> {
  /** Whether the tables can take the rows of the copy, as far as that can be said before anything is done. */
  readonly fits?: (file: string, tables: readonly string[]) => ResultAsync<void, SqlError | TableRestoreError>;
  /** Where a new database can take the name of this one. */
  readonly swap?: SwapRestorePort;
  /**
   * Puts single tables back from a copy, in one transaction that also appends what `record` makes of the row count.
   * `keep` runs first, when nobody else can write any more and nothing is changed yet.
   */
  restoreTables<K, E>(
    file: string,
    tables: readonly string[],
    keep: () => ResultAsync<K, E>,
    record: (
      rows: number,
      kept: K,
    ) => { readonly events: readonly RecordedEvent[]; readonly steps: readonly AppliedStep[] },
  ): ResultAsync<{ readonly rows: number; readonly kept: K }, SqlError | TableRestoreError | NotKept<E>>;
}

export type TableRestoreError =
  | { readonly kind: 'table-not-in-backup'; readonly table: string }
  /** An index over content that lies elsewhere: it has no rows of its own to put back. */
  | { readonly kind: 'table-derived'; readonly table: string }
  | { readonly kind: 'table-differs'; readonly table: string; readonly detail: string }
  | { readonly kind: 'foreign-keys-broken'; readonly table: string; readonly rows: number };
