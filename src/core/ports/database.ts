// A database as a run sees it: opened once, read, locked, written to step by step.
import type { StaleJournal } from './refusals.js';
import type { Result, ResultAsync } from 'neverthrow';
import type { JournalHead } from '../journal/chain.js';
import type { RecordedEvent, StoredEvent } from '../events/envelope.js';
import type { ContractHost } from './contract.js';
import type { SchemaSnapshot } from '../schema/snapshot.js';
import type { AppliedStep } from '../history/history.js';
import type { BackupSource, CopyFiles, CopyProgress, LiveRestorePort } from './backup-source.js';
import type { Clones } from './clones.js';
import type { RestorePoints } from './restore-points.js';
import type { Lease, RunLock } from './run-lock.js';
import type { SqlError } from './session.js';
import type { StepTransaction } from './step-transaction.js';
import type { TableBackups } from './table-backups.js';

/** What a database is, without secrets. */
export interface DatabaseInfo {
  /** How it is named in messages: a path relative to the working directory, `:memory:`, `postgres://host:port/name`. */
  readonly label: string;
  readonly dialect: string;
  readonly driver: string;
  /** Of a database that is a file: absolute, symbolic links resolved. */
  readonly path?: string;
  /** By which its backups know it again: the path, or server and name; undefined in memory. */
  readonly location?: string;
  readonly bytes?: number;
  readonly engineVersion?: string;
}

/** What the fast path reads: the projection and the journal's head. */
export interface JournalGlance {
  readonly databaseId: string;
  readonly layout: number;
  readonly head: JournalHead;
  readonly headType: string;
  readonly steps: readonly AppliedStep[];
}

export type OpenError =
  | { readonly kind: 'config-invalid'; readonly where: string; readonly issues: readonly string[] }
  | { readonly kind: 'database-missing'; readonly path: string }
  | { readonly kind: 'database-is-directory'; readonly path: string }
  | { readonly kind: 'database-unusable'; readonly path: string; readonly error: SqlError }
  /** `create`: the command that makes it, where the engine does not make databases. */
  | { readonly kind: 'database-absent'; readonly database: string; readonly create: string }
  | {
      readonly kind: 'driver-missing';
      readonly driver: string;
      /** Another driver that would do. */
      readonly alternative?: string;
      readonly cause: unknown;
    }
  | { readonly kind: 'driver-conflict'; readonly driver: string; readonly loaded: string }
  | { readonly kind: 'driver-unsupported'; readonly driver: string; readonly reason: string };

export interface StepTransactionOptions {
  readonly foreignKeys: 'on' | 'off';
  readonly transactional: boolean;
  /** The step was interrupted before, and what it left, or had done already, is to be expected. */
  readonly repeats?: boolean;
  /** What the step is compared with: what was committed, read live, or a backup that is named later. */
  readonly comparesWith: 'live' | 'backup';
  /** No step of the run follows: nothing that only the next one would ask is worth the time that it holds its locks. */
  readonly isLast?: boolean;
}

/** The write lock, held without writing: nobody else commits until it is let go. */
export interface Hold {
  /** Doing it again does nothing. */
  release(): ResultAsync<void, SqlError>;
  /**
   * Lets go and switches the database over to the copy `file`, atomically; `others-wrote` where somebody committed, or
   * was about to, in between: then nothing was switched.
   */
  switchTo(file: string, onProgress: CopyProgress): ResultAsync<void, SqlError | 'others-wrote'>;
}

/** An open database. One run uses it at a time. */
export interface OpenDatabase extends ContractHost {
  readonly info: DatabaseInfo;
  /** The newest layout of the journal's tables that this program knows. */
  readonly layout: number;
  /** The migration tool whose history a table of this name is; undefined for any other table. */
  historyTool(table: string): string | undefined;
  /** Undefined when there is no journal yet. */
  glance(): ResultAsync<JournalGlance | undefined, SqlError>;
  /** Creates the journal's tables, or raises their layout. */
  prepareJournal(): ResultAsync<void, SqlError>;
  readJournal(from?: number): ResultAsync<StoredEvent[], SqlError>;
  /** Appends in a transaction of its own; `steps` replaces the projection where it is given. */
  append(
    expected: JournalHead,
    events: readonly RecordedEvent[],
    steps?: readonly AppliedStep[],
  ): ResultAsync<void, SqlError | StaleJournal>;
  snapshot(): ResultAsync<SchemaSnapshot, SqlError>;
  /** Whether a run holds the lock now; only looks. Absent where there is no lock. */
  isLocked?(): ResultAsync<boolean, SqlError>;
  /** A value that changes when another connection commits; undefined where the database cannot tell. */
  foreignWrites(): ResultAsync<number | undefined, SqlError>;
  begin(options: StepTransactionOptions): ResultAsync<StepTransaction, SqlError>;
  /** Keeps everybody else from writing. Absent where a whole is put back within the database (`restore.restoreWhole`). */
  hold?(): ResultAsync<Hold, SqlError>;
  readonly backups: BackupSource;
  readonly restore: LiveRestorePort;
  /** Where the database is a server's, whose log may be archived. */
  readonly restorePoints?: RestorePoints;
  /** Where the database can be cloned as a whole, on its server. */
  readonly clones?: Clones;
  /** Where restores can leave half-done work beside the database: clears what killed runs left; under the lock. */
  clearRemains?(): ResultAsync<void, SqlError>;
  /** Where the database can keep copies of single tables in itself. */
  readonly tables?: TableBackups;
  /**
   * Where a connection can be lost: a new one in its place, under the same lock. Afterwards nothing of the old one is
   * going on any more, so that the journal says what became of it. Fails where the lock is another run's by now.
   */
  reconnect?(): ResultAsync<void, SqlError>;
  close(): ResultAsync<void, SqlError>;
}

/** A database that may or may not exist. */
export interface Database {
  readonly info: DatabaseInfo;
  /**
   * `read` opens what is there, `create` makes the file when there is none. `under`: the lock that this is for; a lock
   * that lives on a connection is held by the one that works.
   */
  open(mode: 'read' | 'create', under?: Lease): ResultAsync<OpenDatabase, OpenError>;
  /** Work on copies of this database, also where it cannot be opened itself. */
  copies(): ResultAsync<CopyFiles, OpenError>;
  /** The lock; undefined for a database that nobody else can reach. */
  lock(): Result<RunLock | undefined, OpenError>;
  /**
   * Puts the file `copy` in the place of a database that is gone or cannot be opened, with the lock held. What is there
   * is moved aside, side files together with the main file.
   */
  replaceWith(copy: string, suffix: string): ResultAsync<{ readonly movedAside: readonly string[] }, SqlError>;
}
