// The closed union of facts that a journal can hold, in the past tense, each with its data.
import type { Effects } from './effects.js';

interface Fact<T extends string, D extends object> {
  readonly type: T;
  readonly data: Readonly<D>;
}

/** A step as events name it. `checksum` is `sha256:<hex>` of its content (LF line ends, no BOM). */
export interface StepIdentity {
  readonly version: string;
  readonly description: string;
  readonly checksum: string;
}

/** What a run does. */
export type RunKind = 'up' | 'down' | 'stamp' | 'restore' | 'backup';
/** The rungs of the rollback ladder, in the order in which they are tried. */
export type Rung = 'transaction' | 'revert' | 'file-backup';
/** Something that a step made: what its own revert may remove again. */
export interface CreatedObject {
  readonly type:
    | 'table'
    | 'column'
    | 'index'
    | 'view'
    | 'trigger'
    | 'check'
    | 'unique'
    | 'constraint'
    | 'policy'
    | 'rule';
  readonly name: string;
  readonly table?: string;
}

export interface StepOutcomeData extends StepIdentity {
  readonly attempt: string;
  readonly durationMs: number;
  readonly effects: Effects;
  /** Fingerprint of the schema before and after. */
  readonly schemaBefore: string;
  readonly schemaAfter: string;
}

export type RunStarted = Fact<
  'RunStarted',
  {
    readonly databaseId: string;
    readonly kind: RunKind;
    /** Versions that the run intends to work on, in order. */
    readonly plan: readonly string[];
    readonly fileBackup: string;
    readonly guard: string;
    readonly outOfOrder?: boolean;
  }
>;
export type BackupTaken = Fact<
  'BackupTaken',
  {
    readonly backupId: string;
    /**
     * `tables`: single tables, copied within the database. `restore-point`: a moment that the archived log of the server
     * leads back to. Of neither is there a file, and `sha256` is empty. `clone`: a database beside the live one.
     */
    readonly kind: 'file' | 'tables' | 'restore-point' | 'clone';
    readonly bytes: number;
    readonly sha256: string;
    readonly tables?: readonly { readonly table: string; readonly rows: number }[];
    readonly reason: string;
    readonly version?: string;
    /** Of a restore point before a step was reverted. */
    readonly direction?: 'revert';
    readonly restorePoint?: { readonly name: string; readonly lsn: string };
    readonly journalPosition: number;
  }
>;
export type BackupVerified = Fact<'BackupVerified', { readonly backupId: string; readonly checks: readonly string[] }>;
export type StepStarted = Fact<
  'StepStarted',
  StepIdentity & {
    readonly attempt: string;
    readonly direction: 'apply' | 'revert';
    readonly transactional: boolean;
    readonly backupId?: string;
  }
>;
export type SchemaValidated = Fact<
  'SchemaValidated',
  {
    readonly version: string;
    readonly fingerprint: string;
    readonly changes: number;
    readonly reinstated: readonly string[];
    readonly warnings: readonly string[];
  }
>;
export type StepApplied = Fact<
  'StepApplied',
  StepOutcomeData & { readonly backups: readonly string[]; readonly created: readonly CreatedObject[] }
>;
export type StepReverted = Fact<'StepReverted', StepOutcomeData & { readonly schemaRestored: boolean }>;
export type StepFailed = Fact<
  'StepFailed',
  {
    readonly version: string;
    readonly attempt: string;
    readonly direction: 'apply' | 'revert';
    readonly error: { readonly code: string; readonly kind: string; readonly message: string };
  }
>;
export type StepRolledBack = Fact<
  'StepRolledBack',
  { readonly version: string; readonly attempt: string; readonly rung: Rung; readonly schema: string }
>;
export type StepStamped = Fact<
  'StepStamped',
  {
    /** `base`, or the version up to which steps count as applied. */
    readonly target: string;
    readonly steps: readonly StepIdentity[];
    readonly schema: string;
  }
>;
export type DriftDetected = Fact<
  'DriftDetected',
  { readonly expected: string; readonly actual: string; readonly changes: readonly string[] }
>;
export type RestoreStarted = Fact<
  'RestoreStarted',
  { readonly backupId: string; readonly safetyBackupId: string | null; readonly tables: readonly string[] | 'all' }
>;
export type BackupRestored = Fact<
  'BackupRestored',
  {
    readonly backupId: string;
    readonly safetyBackupId: string | null;
    readonly tables: readonly string[] | 'all';
    readonly rows: number;
    /** Position whose data is live again; null when only tables were put back. */
    readonly rewoundTo: number | null;
    readonly schema: string;
    /** Where the backup was put back beside the live database: what that one, with the state before, is called since. */
    readonly keptAs?: string;
  }
>;
export type BackupPruned = Fact<'BackupPruned', { readonly backupId: string; readonly reason: string }>;
export type RunCompleted = Fact<
  'RunCompleted',
  { readonly steps: number; readonly durationMs: number; readonly schema: string }
>;
export type RunFailed = Fact<
  'RunFailed',
  {
    readonly version?: string;
    readonly error: { readonly code: string; readonly kind: string; readonly message: string };
  }
>;
export type RunRecovered = Fact<
  'RunRecovered',
  {
    readonly interruptedRunId: string;
    /** The step that was under way, if one was. */
    readonly version: string | null;
    readonly finding:
      | 'nothing-of-it-committed'
      | 'step-was-done'
      | 'can-be-repeated'
      | 'restore-undone'
      | 'between-steps';
  }
>;

/** Every fact that this version can write. */
export type DomainEvent =
  | RunStarted
  | BackupTaken
  | BackupVerified
  | StepStarted
  | SchemaValidated
  | StepApplied
  | StepReverted
  | StepFailed
  | StepRolledBack
  | StepStamped
  | DriftDetected
  | RestoreStarted
  | BackupRestored
  | BackupPruned
  | RunCompleted
  | RunFailed
  | RunRecovered;

/** The stable name of a fact, in the past tense. */
export type EventType = DomainEvent['type'];
