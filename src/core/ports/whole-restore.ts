// Putting a whole database back in one transaction, for servers: the engine's own schemas and everybody's connections stay.
import type { NotKept, StaleJournal } from './refusals.js';
import type { ResultAsync } from 'neverthrow';
import type { RecordedEvent, StoredEvent } from '../events/envelope.js';
import type { AppliedStep } from '../history/history.js';
import type { JournalHead } from '../journal/chain.js';
import type { SchemaSnapshot } from '../schema/snapshot.js';
import type { SqlError } from './session.js';

/** What is in the database before it is committed. */
export interface RestoredContent {
  readonly rows: number;
  readonly snapshot: SchemaSnapshot;
}

/** What the transaction writes to the journal: these events after that head, and the projection that they lead to. */
export interface JournalTail {
  readonly after: JournalHead;
  readonly events: readonly (RecordedEvent | StoredEvent)[];
  readonly steps: readonly AppliedStep[];
}

export interface WholeRestore<K, E> {
  readonly file: string;
  /** `anew`: what is in the journal's tables is no journal of this database, and makes room for one from the first event. */
  readonly journal: 'goes-on' | 'anew';
  /** Runs when nobody else can write any more, others still read, and nothing is changed yet. */
  readonly keep: () => ResultAsync<K, E>;
  readonly record: (restored: RestoredContent, kept: K) => JournalTail;
  readonly signal: AbortSignal;
  /** In bytes of the file. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** `swap`: into a new database that takes the live one's name. */
export type RestoreWay = 'in-place' | 'swap';
/** `auto`: a swap where the transaction has too few locks, or where much is to be put back and nobody would be cut off. */
export type AskedWay = RestoreWay | 'auto';

export interface WholeRestorePort {
  /** What would keep the transaction from being done, as far as it can be told beforehand. */
  readonly obstacleInPlace: (file: string) => ResultAsync<WholeRestoreError | undefined, SqlError>;
  /** All of it, or on any error nothing: the database is then what it was. */
  readonly restoreWhole: <K, E>(
    restore: WholeRestore<K, E>,
  ) => ResultAsync<
    { readonly rows: number; readonly kept: K },
    SqlError | StaleJournal | WholeRestoreError | NotKept<E>
  >;
}

export type WholeRestoreError =
  /** What answers is not the server itself, but a pool that gives each transaction another session. */
  | { readonly kind: 'pooled' }
  | { readonly kind: 'archive-damaged'; readonly detail: string }
  /** `create`: the statements that make them. */
  | { readonly kind: 'roles-missing'; readonly roles: readonly string[]; readonly create: string }
  | { readonly kind: 'extensions-missing'; readonly extensions: readonly string[] }
  /** The role may not make, or not move, these; `mend`: the statements for somebody who may. */
  | {
      readonly kind: 'extensions-not-permitted';
      readonly extensions: readonly string[];
      readonly role: string;
      readonly mend: string;
    }
  /** Rights on what `owner` owns, or comes to own, which the role may not give. */
  | {
      readonly kind: 'rights-not-permitted';
      readonly objects: readonly string[];
      readonly owner: string;
      readonly role: string;
    }
  /** What these are made with (passwords) is not in the archive, or the role may not read it: it would be gone. */
  | {
      readonly kind: 'options-unread';
      readonly mappings: readonly string[];
      readonly role: string;
      readonly mend: string;
    }
  /** Tables of extensions that stay have rows of the user's, and the role may not write them. */
  | {
      readonly kind: 'extension-rows-sealed';
      readonly tables: readonly string[];
      readonly role: string;
      readonly mend: string;
    }
  /** `enough`: a value of `max_locks_per_transaction` that suffices. */
  | { readonly kind: 'too-few-locks'; readonly needed: number; readonly setting: number; readonly enough: number }
  /** Somebody made, changed or dropped an object while the present state was kept. */
  | { readonly kind: 'schema-changed-meanwhile' }
  /** What came out of the archive is not what is in the database now. */
  | { readonly kind: 'content-differs'; readonly detail: string };

export const rightsNotPermitted = ({
  objects,
  owner,
  role,
}: Extract<WholeRestoreError, { readonly kind: 'rights-not-permitted' }>): string =>
  `the role ${role} may not give the rights that the backup has on ${objects.join(', ')}, which only ${owner} can; restore as ${owner}, or as a superuser`;

export const optionsUnread = ({
  mappings,
  role,
  mend,
}: Extract<WholeRestoreError, { readonly kind: 'options-unread' }>): string =>
  `the options (user, password) of ${mappings.join(', ')} would be gone: they are not in the backup, or the role ${role} may not read them; restore a backup that a superuser made, as a superuser, or write them down, drop what has them, and make it again afterwards: ${mend}`;
