// The closed unions of what can go wrong, one per area: facts only. The catalogue gives each its words.
import type { BrokenChain } from '../journal/chain.js';
import type { ContractFinding } from '../schema/contract-finding.js';
import type { GuardFinding } from '../schema/guard.js';
import type { ContractUnreadable } from '../ports/contract.js';
import type { LockOwner } from '../ports/run-lock.js';
import type { SqlError } from '../ports/session.js';
import type { StepSourceError } from '../ports/step-source.js';
import type { StepLanguage } from '../steps/migration-step.js';

/** Configuration and usage. */
export type ConfigFacts =
  | { readonly kind: 'config-invalid'; readonly where: string; readonly issues: readonly string[] }
  | { readonly kind: 'config-unreadable'; readonly file: string; readonly reason: string }
  | ContractUnreadable
  | { readonly kind: 'usage'; readonly reason: string; readonly suggestion?: string }
  | {
      readonly kind: 'unknown-version';
      readonly version: string;
      readonly known: readonly string[];
      /** Those that were looked at: the applied ones, in place of all. */
      readonly of?: 'applied';
    }
  | { readonly kind: 'database-missing'; readonly database: string }
  | { readonly kind: 'database-is-directory'; readonly database: string }
  | {
      readonly kind: 'database-absent';
      readonly database: string;
      readonly create: string;
      /** Where backups of it are, if there are any. */
      readonly backups?: string;
    }
  | {
      readonly kind: 'driver-missing';
      readonly driver: string;
      readonly installed: boolean;
      readonly alternative: string | undefined;
    }
  | { readonly kind: 'driver-conflict'; readonly driver: string; readonly loaded: string }
  | { readonly kind: 'driver-unsupported'; readonly driver: string; readonly reason: string };

/** Step files and registered steps. */
export type StepFileFacts =
  | Exclude<StepSourceError, { kind: 'step-load' }>
  | { readonly kind: 'step-load'; readonly file: string; readonly reason: string };

/** Checks that found something before anything was changed. */
export type CheckFacts =
  | { readonly kind: 'changed-step'; readonly versions: readonly string[]; readonly files: readonly string[] }
  | { readonly kind: 'missing-step'; readonly versions: readonly string[]; readonly renamedTo?: string }
  | { readonly kind: 'out-of-order'; readonly versions: readonly string[]; readonly current: string }
  | { readonly kind: 'ahead'; readonly versions: readonly string[] }
  | { readonly kind: 'pending'; readonly count: number }
  | { readonly kind: 'contract-differs'; readonly count: number; readonly pending: number }
  | {
      readonly kind: 'no-journal';
      readonly database: string;
      readonly tables: number;
      readonly tool?: { readonly name: string; readonly table: string };
    }
  | {
      readonly kind: 'database-gone';
      readonly database: string;
      readonly directory: string;
      /** Whether there is a file, though without a journal. */
      readonly present: boolean;
    }
  | { readonly kind: 'chain-broken'; readonly at: BrokenChain; readonly where: 'database' | 'mirror' }
  | { readonly kind: 'projection-differs'; readonly detail: string }
  | { readonly kind: 'mirror-ahead'; readonly mirror: number; readonly database: number; readonly diverged: boolean }
  | { readonly kind: 'journal-newer'; readonly detail: string }
  | { readonly kind: 'backup-corrupt'; readonly backupId: string; readonly check: string; readonly detail: string };

/** A step that failed. */
export type StepFacts =
  | {
      readonly kind: 'step-failed';
      readonly version: string;
      readonly reason: string;
      readonly near?: string;
      readonly sqlError?: SqlError;
    }
  | {
      readonly kind: 'guard-refused';
      readonly version: string;
      readonly direction: 'apply' | 'revert';
      readonly findings: readonly GuardFinding[];
      readonly declare: readonly string[];
      readonly language: StepLanguage;
      /** The step is applied as its file stands: to declare anything in it now would make it another step. */
      readonly sealed?: boolean;
    }
  | {
      readonly kind: 'contract-broken';
      readonly version: string;
      /** `step`: it would spoil what worked before it. `end`: what no step has made by the end of the run. */
      readonly by: 'step' | 'end';
      readonly findings: readonly ContractFinding[];
    }
  | { readonly kind: 'validation-failed'; readonly version: string; readonly reason: string }
  | { readonly kind: 'step-timeout'; readonly version: string; readonly ms: number }
  | {
      readonly kind: 'step-ended-transaction';
      readonly version: string;
      readonly what: string;
      /** It came after the step had ended. */
      readonly late?: boolean;
    }
  | { readonly kind: 'step-foreign-connection'; readonly version: string; readonly reason: string }
  | { readonly kind: 'no-revert'; readonly version: string }
  | {
      readonly kind: 'needs-person';
      readonly version: string;
      readonly reason: string;
      /** What differs from the backup: the half of the step itself, and what others wrote. */
      readonly rowsAtStake: number | undefined;
      readonly command: string;
      /** Puts back only the tables that the step could touch. */
      readonly gentler?: string;
      readonly near?: string;
    };

/** Everything around the steps. */
export type RunFacts =
  | { readonly kind: 'locked'; readonly owner: LockOwner | undefined; readonly waitedMs: number }
  | { readonly kind: 'lock-failed'; readonly path: string; readonly reason: string }
  | { readonly kind: 'cancelled' }
  | {
      readonly kind: 'database-busy';
      readonly database: string;
      readonly doing: string;
      /** Who is in the way, where the database says so, and what ends that. */
      readonly held?: string;
      readonly fix?: string;
    }
  | {
      readonly kind: 'database-unusable';
      readonly database: string;
      readonly reason: SqlError['kind'];
      readonly detail: string;
      readonly fix?: string;
    }
  | {
      readonly kind: 'database-failed';
      readonly doing: string;
      readonly reason: SqlError['kind'];
      readonly detail: string;
      readonly fix?: string;
    }
  | {
      readonly kind: 'disk-space';
      readonly directory: string;
      readonly neededBytes: number;
      readonly freeBytes: number;
    }
  | { readonly kind: 'backup-failed'; readonly directory: string; readonly reason: string }
  | { readonly kind: 'mirror-failed'; readonly file: string; readonly reason: string }
  | {
      readonly kind: 'backup-not-found';
      readonly wanted: string;
      readonly directory: string;
      /** Why those that are there cannot be read, where none can. */
      readonly unread?: string;
      /** One from before the run that had the step among others: it stands before that run's first step. */
      readonly instead?: { readonly id: string; readonly step: string };
      /** What was copied within the database before the step. */
      readonly copies?: { readonly version: string; readonly tables: readonly string[] };
    }
  | { readonly kind: 'tools-missing'; readonly detail: string; readonly fix: string }
  | { readonly kind: 'backups-unsupported'; readonly reason: string }
  | { readonly kind: 'restore-failed'; readonly reason: string; readonly fix?: string }
  | { readonly kind: 'restore-declined' }
  | { readonly kind: 'clone-refused'; readonly database: string; readonly reason: string; readonly fix: string }
  | { readonly kind: 'backup-declined'; readonly database: string }
  | { readonly kind: 'stale-journal'; readonly expected: number; readonly actual: number };

/** What is known of an error, by its `kind`: tells apart what a program may want to tell apart. */
export type ErrorFacts = ConfigFacts | StepFileFacts | CheckFacts | StepFacts | RunFacts;
/** Each has a code, a cause and a cure in the reference. */
export type ErrorKind = ErrorFacts['kind'];
