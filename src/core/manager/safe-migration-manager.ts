// The facade: one object that runs, reverts, stamps, restores and tells, for applications and for the command.
import { errAsync, ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { RecordedEvent, StoredEvent } from '../events/envelope.js';
import type { BackupListing, StoredBackup } from '../ports/backup-store.js';
import type { MigrationStep } from '../steps/migration-step.js';
import type { AuditReport } from './audit.js';
import { EventFeed } from './event-feed.js';
import type { PlanReport, StatusReport } from './inspect-state.js';
import type { UpOptions, UpReport } from './plan-up.js';
import type { ManagerPorts, Policy } from './ports.js';
import type { Progress } from './progress.js';
import type { CheckReport } from './run-check.js';
import type { DownOptions, DownReport } from './run-down.js';
import type { CopyOptions, CopyReport } from './restore-as-copy.js';
import type { RestoreOptions, RestoreReport } from './restore-context.js';
import type { StampReport } from './run-stamp.js';
import { runUp } from './run-up.js';

/** Takes steps that are registered in code. */
export interface StepRegistry {
  add(step: MigrationStep): void;
}

type WithSignal<T> = Omit<T, 'signal'> & { readonly signal?: AbortSignal };

/**
 * One run at a time: a second call while one is under way waits for the lock like any other process, up to `lockWait`,
 * then fails with `locked`. Nothing throws and nothing rejects: each method gives a Result whose error has a kind, a
 * code, what to do, and what became of the database (`state`).
 */
export class SafeMigrationManager {
  readonly #ports: ManagerPorts;
  readonly #policy: Policy;
  readonly #registry: StepRegistry;
  readonly #feed: EventFeed;

  constructor(
    ports: Omit<ManagerPorts, 'observer'>,
    policy: Policy,
    registry: StepRegistry,
    onListenerError: (thrown: unknown) => void,
  ) {
    this.#feed = new EventFeed(onListenerError);
    this.#ports = { ...ports, observer: this.#feed };
    this.#policy = policy;
    this.#registry = registry;
  }

  /** Registers a step written in code. Steps may be added in any order. */
  addMigration(step: MigrationStep): this {
    this.#registry.add(step);
    return this;
  }

  /** Applies what is pending; the same as `up()`. */
  runMigrations(options: { readonly signal?: AbortSignal } = {}): ResultAsync<UpReport, MigrateError> {
    return this.up(options);
  }

  /**
   * Applies pending steps up to and with `to`, all by default. Nothing pending: a read, nothing written, and `runId` is
   * null. A step that fails leaves nothing; those before it stay, or go too (`onFailure`). Aborting `signal` rolls back
   * what is under way: `cancelled`. `confirm` is asked before a large PostgreSQL database is dumped; without it nobody is.
   */
  up(options: WithSignal<Partial<UpOptions>> = {}): ResultAsync<UpReport, MigrateError> {
    return this.#told(runUp(this.#ports, this.#policy, { ...options, signal: options.signal ?? never() }));
  }

  /** Reverts steps, newest first: one by default, or `{ count }`, or all above `{ to }`, which stays (`base`: all). */
  down(options: WithSignal<Partial<DownOptions>> = {}): ResultAsync<DownReport, MigrateError> {
    const target = options.target ?? { count: 1 };
    if ('count' in target && (!Number.isSafeInteger(target.count) || target.count < 1)) {
      return errAsync(
        migrateError({
          kind: 'usage',
          reason: `the number of steps to revert must be at least 1, not ${target.count}`,
        }),
      );
    }
    const signal = options.signal ?? never();
    return this.#asked(({ runDown }) => runDown(this.#ports, this.#policy, { target, signal }));
  }

  /** Records that the steps up to `target` (a version, `head` or `base`) are in the database, without running them. */
  stamp(target: string, options: { readonly signal?: AbortSignal } = {}): ResultAsync<StampReport, MigrateError> {
    return this.#asked(({ runStamp }) => runStamp(this.#ports, this.#policy, target, options.signal ?? never()));
  }

  /** What is applied, pending, changed, missing or interrupted; reads only. */
  status(): ResultAsync<StatusReport, MigrateError> {
    return this.#asked(({ readStatus }) => readStatus(this.#ports, this.#policy));
  }

  /** What `up` would do, with its statements; reads only. */
  plan(options: { readonly to?: string } = {}): ResultAsync<PlanReport, MigrateError> {
    return this.#asked(({ readPlan }) => readPlan(this.#ports, this.#policy, options.to));
  }

  /**
   * Compares what the program declares (`contract`) with the schema that is there; reads only. What does not fit is in
   * `findings`; with no `contract` it is a `usage` error.
   */
  check(): ResultAsync<CheckReport, MigrateError> {
    return this.#asked(({ runCheck }) => runCheck(this.#ports, this.#policy));
  }

  /** The journal's events, oldest first. */
  history(): ResultAsync<readonly StoredEvent[], MigrateError> {
    return this.#asked(({ readEvents }) => readEvents(this.#ports));
  }

  /** Proves that the journal, its projection and its mirror are what was written. */
  audit(): ResultAsync<AuditReport, MigrateError> {
    return this.#asked(({ audit }) => audit(this.#ports));
  }

  /**
   * Takes a backup of the whole that retention leaves alone. `full` adds integrity and foreign keys (SQLite), or the
   * reading of the whole archive (PostgreSQL), and a content fingerprint. PostgreSQL's programs have to be installed, or
   * it fails with `tools-missing`.
   */
  createBackup(
    options: { readonly verify?: 'quick' | 'full'; readonly signal?: AbortSignal } = {},
  ): ResultAsync<StoredBackup, MigrateError> {
    return this.#asked(({ createBackup }) =>
      createBackup(this.#ports, this.#policy, options.verify ?? 'quick', options.signal ?? never()),
    );
  }

  /** The backups of this database, newest first, copies of tables within PostgreSQL included. */
  listBackups(): ResultAsync<BackupListing, MigrateError> {
    return this.#asked(({ listBackups }) => listBackups(this.#ports));
  }

  /**
   * Puts a backup back, the whole or only `tables`, proven before anything is changed. Without `confirm` nobody is asked;
   * the present state is always kept first. On PostgreSQL `{ beforeStep }` with `tables` means the copies that were taken
   * before that step, if there are any; `by` says whether the whole is put back in its place, or into a new database that
   * takes its name and ends the sessions of others. What stands in the way comes as `restore-failed`, with nothing changed.
   */
  restore(
    options: WithSignal<Partial<RestoreOptions>> & Pick<RestoreOptions, 'choice'>,
  ): ResultAsync<RestoreReport, MigrateError> {
    const {
      choice,
      tables = 'all',
      by = 'auto',
      signal = never(),
      confirm = (): Promise<boolean> => Promise.resolve(true),
    } = options;
    return this.#asked(({ runRestore }) =>
      runRestore(this.#ports, this.#policy, { choice, tables, by, confirm, signal }),
    );
  }

  /**
   * Makes a new PostgreSQL database of a backup, beside all that is there, on the same server. It has an id of its own: its
   * history begins there, with the steps that were applied then, and its backups are not those of the original.
   */
  restoreAsCopy(options: WithSignal<CopyOptions>): ResultAsync<CopyReport, MigrateError> {
    const { signal = never(), ...what } = options;
    return this.#asked(({ restoreAsCopy }) => restoreAsCopy(this.#ports, this.#policy, { ...what, signal }));
  }

  /**
   * Facts once they are committed, until the manager is closed; for logs, audits and health endpoints. A step's facts
   * come together with its commit: what is under way shows in `onProgress`.
   */
  events(): AsyncIterableIterator<RecordedEvent> {
    return this.#feed.iterate();
  }

  /** Calls `listener` with each recorded fact; gives back what stops it. */
  onEvent(listener: (event: RecordedEvent) => void): () => void {
    return this.#feed.onEvent(listener);
  }

  /** Calls `listener` with what is going on, as it happens: for progress lines and splash screens. Gives back what stops it. */
  onProgress(listener: (progress: Progress) => void): () => void {
    return this.#feed.onProgress(listener);
  }

  #asked<T>(work: (verbs: Verbs) => ResultAsync<T, MigrateError>): ResultAsync<T, MigrateError> {
    return this.#told(verbs().andThen(work));
  }

  /** Of a database that is not there, whether it is known from its backups. */
  #told<T>(outcome: ResultAsync<T, MigrateError>): ResultAsync<T, MigrateError> {
    return outcome.orElse((error) =>
      error.kind === 'database-absent'
        ? verbs().andThen(({ withKnownBackups }) => withKnownBackups(this.#ports, error))
        : errAsync(error),
    );
  }

  /** Ends the event iterators and lets go of files. */
  close(): ResultAsync<void, MigrateError> {
    this.#feed.end();
    return this.#ports.mirror
      .close()
      .mapErr((error) => migrateError({ kind: 'backup-failed', directory: error.file, reason: error.reason }));
  }
}

type Verbs = typeof import('./verbs.js');
const verbs = (): ResultAsync<Verbs, never> => ResultAsync.fromSafePromise(import('./verbs.js'));
const never = (): AbortSignal => new AbortController().signal;
