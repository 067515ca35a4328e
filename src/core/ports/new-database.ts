// Making a new database of a copy, beside all that is there: for servers.
import type { StaleJournal } from './refusals.js';
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from './session.js';
import type { JournalTail, RestoredContent, WholeRestoreError } from './whole-restore.js';

export interface MakeDatabase {
  readonly file: string;
  readonly name: string;
  /** What its journal is made of, from its first event. */
  readonly record: (restored: RestoredContent) => JournalTail;
  readonly signal: AbortSignal;
  /** In bytes of the file. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** Why there can be no database of a name, and what mends it. */
export interface NameRefusal {
  readonly reason: string;
  readonly fix: string;
}

export interface NewDatabases {
  /** How a database of this name is called in messages. */
  labelOf(name: string): string;
  /** Why there can be none of this name; undefined where nothing stands in the way. */
  refusal(name: string): ResultAsync<NameRefusal | undefined, SqlError>;
  /** It bears its name when all of it is there; on any error there is nothing of it. */
  make(request: MakeDatabase): ResultAsync<{ readonly rows: number }, SqlError | StaleJournal | WholeRestoreError>;
}
