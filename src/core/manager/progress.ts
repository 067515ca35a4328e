// What a run tells while it goes on: data, from which the command draws lines and an application its splash screen.
import type { MigrateError } from '../errors/migrate-error.js';
import type { LockOwner } from '../ports/run-lock.js';
import type { Effects } from '../events/effects.js';
import type { RestorePoint } from '../ports/restore-points.js';
import type { GuardFinding } from '../schema/guard.js';

export type Direction = 'apply' | 'revert';

/**
 * Why nobody knows whether a revert undid all that its apply did: the step was stamped, so that the schema before it was
 * never seen, or the schema had changed between the two, by a late step or by hand.
 */
export type Unproven = 'stamped' | 'changed-since';

/** What a run is about to do with a large database; the figures for the copies are estimates. */
export interface LargeDatabase {
  readonly database: string;
  readonly bytes: number;
  /** How many copies of it the run takes, and what all of them need. */
  readonly copies: number;
  readonly copyBytes: number;
  readonly copyMs: number;
  /** Where they go. */
  readonly directory: string;
  readonly freeBytes: number;
}

/** What goes on in a run, as it happens; bytes and milliseconds. None of it is a fact yet: facts are events. */
export type Progress =
  | { readonly kind: 'waiting'; readonly owner: LockOwner | undefined; readonly waitedMs: number }
  | {
      readonly kind: 'recovered';
      readonly startedAt: string;
      readonly pid: number;
      readonly host: string;
      readonly version: string | null;
      readonly finding: string;
    }
  | { readonly kind: 'planned'; readonly direction: Direction; readonly versions: readonly string[] }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'large-database'; readonly large: LargeDatabase }
  | {
      readonly kind: 'step-started';
      readonly direction: Direction;
      readonly version: string;
      readonly description: string;
    }
  | { readonly kind: 'backup-progress'; readonly doneBytes: number; readonly totalBytes: number }
  | {
      readonly kind: 'backup-taken';
      readonly backupId: string;
      readonly bytes: number;
      readonly ms: number;
      /** Empty where single tables were copied within the database. */
      readonly directory: string;
      /** Their number. */
      readonly tables?: number;
      /** In place of a copy. */
      readonly restorePoint?: RestorePoint;
      /** The database that is the copy. */
      readonly clone?: string;
    }
  | {
      readonly kind: 'worked';
      readonly direction: Direction;
      readonly statements: number | undefined;
      readonly ms: number;
    }
  | { readonly kind: 'observed'; readonly effects: Effects }
  | { readonly kind: 'guard-warning'; readonly finding: GuardFinding }
  | {
      readonly kind: 'validated';
      readonly changes: readonly string[];
      readonly reinstated: readonly string[];
      readonly schemaRestored?: boolean;
      /** All that the program declares works on the schema as it is now. */
      readonly contractHolds?: boolean;
      /** Only where `schemaRestored` is false, and the revert need not be what is to blame. */
      readonly unproven?: Unproven;
    }
  | { readonly kind: 'recorded'; readonly position: number }
  | {
      readonly kind: 'step-failed';
      readonly phase: 'backup' | 'work' | 'guard' | 'contract' | 'validate' | 'record';
      readonly error: MigrateError;
    }
  | {
      /** A backup is proven before it is put back: its stored bytes, then what is in it. */
      readonly kind: 'verify-progress';
      readonly pass: 'stored' | 'content';
      readonly doneBytes: number;
      readonly totalBytes: number;
    }
  | { readonly kind: 'restore-progress'; readonly doneBytes: number; readonly totalBytes: number };
