// Putting a whole database back beside the live one, which then gives its name up to it: for servers.
import type { StaleJournal } from './refusals.js';
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from './session.js';
import type { JournalTail, RestoredContent, WholeRestoreError } from './whole-restore.js';

/** Sessions of others: whoever is connected to a database keeps its name in place. */
export interface ConnectedSessions {
  readonly user: string;
  readonly application: string;
  readonly count: number;
}

/** What is to be known before it is begun. */
export interface SwapOutlook {
  /** What the live database is called afterwards; it keeps all that is written until then. */
  readonly keptAs: string;
  /** Those who are ended when the names change. */
  readonly sessions: readonly ConnectedSessions[];
  /** Why it cannot be done here, with what mends it; undefined where nothing stands in the way. */
  readonly obstacle: string | undefined;
}

export interface SwapRestore {
  readonly file: string;
  readonly keptAs: string;
  /** What the new database's journal is made of, from its first event. */
  readonly record: (restored: RestoredContent) => JournalTail;
  readonly signal: AbortSignal;
  /** In bytes of the file. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface Swapped {
  readonly rows: number;
  /** The statement that does away with what was kept. */
  readonly drop: string;
  /** Whether the run lock is held again, now in the new database; another run may have been faster. */
  readonly lock: 'held' | 'gone';
}

export interface SwapRestorePort {
  outlook(file: string, now: Date): ResultAsync<SwapOutlook, SqlError>;
  /** Both names at once, or on any error neither: the live database is then what it was, and the new one is gone. */
  restore(restore: SwapRestore): ResultAsync<Swapped, SqlError | StaleJournal | WholeRestoreError>;
}
