// An open PostgreSQL database: one pinned work connection, the journal in it, and the steps' transactions on it.
import type { StaleJournal } from '../../../core/ports/refusals.js';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { RecordedEvent, StoredEvent } from '../../../core/events/envelope.js';
import type { AppliedStep } from '../../../core/history/history.js';
import type { LiveRestorePort } from '../../../core/ports/backup-source.js';
import type { Preparable, Unprepared } from '../../../core/ports/contract.js';
import type { JournalHead } from '../../../core/journal/chain.js';
import type {
  DatabaseInfo,
  JournalGlance,
  OpenDatabase,
  StepTransactionOptions,
} from '../../../core/ports/database.js';
import type { SqlError } from '../../../core/ports/session.js';
import type { StepTransaction } from '../../../core/ports/step-transaction.js';
import type { ContractRules } from '../../../core/schema/contract.js';
import type { SchemaSnapshot } from '../../../core/schema/snapshot.js';
import { JournalKeeper } from '../../system/journal-keeper.js';
import { PostgresBackupSource } from './backup/backup-source.js';
import { PostgresClones } from './backup/clone/clones.js';
import { PostgresRestorePoints } from './backup/restore-points.js';
import type { PostgresServer } from './backup/server.js';
import type { PostgresConnection } from './connection.js';
import type { EngineLock } from './engine-lock.js';
import { historyTableOf } from './history-tables.js';
import { inspectAgain } from './inspect/inspector.js';
import { KnownSchema } from './inspect/known-schema.js';
import { archiveFits, restoreArchived } from './restore/table-restore.js';
import { clearRemains } from './restore/swap/remains.js';
import { PostgresSwapRestore } from './restore/swap/swap-restore.js';
import { PostgresWholeRestore } from './restore/whole-restore.js';
import { namingBlockers } from './step/blockers.js';
import { beginStep, beginStepAt, type BeginOptions } from './step/begin.js';
import { contractRulesOf, prepareAlone } from './step/prepare.js';
import { PostgresStepTransaction } from './step/step-transaction.js';
import { LAYOUT, raiseLayout } from './layout.js';
import { withMissingRight } from './missing-right.js';
import { LOCK_PATIENCE } from './settings.js';
import type { PostgresTarget } from './target.js';
import { POSTGRES_TABLES } from './system-tables.js';
import { PostgresTableBackups } from './tables/table-backups.js';
import type { RefillOptions } from './tables/transaction.js';

export interface OpenOptions {
  readonly info: DatabaseInfo;
  readonly target: PostgresTarget;
  readonly connection: PostgresConnection;
  readonly server: PostgresServer;
  /** Where a run works: the connection holds the lock too, and is closed with it. */
  readonly lock?: EngineLock;
}

export class OpenPostgresDatabase implements OpenDatabase {
  readonly info: DatabaseInfo;
  readonly layout = LAYOUT;
  readonly #options: OpenOptions;
  readonly #connection: PostgresConnection;
  readonly #journal: JournalKeeper;
  readonly backups: PostgresBackupSource;
  readonly restore: LiveRestorePort;
  readonly tables: PostgresTableBackups;
  readonly restorePoints: PostgresRestorePoints;
  readonly clones: PostgresClones;
  readonly #schema: KnownSchema;
  #other: PostgresConnection | undefined;
  /** What the database was when the transaction of a step began that is open, as long as that is the first try. */
  #begun: SchemaSnapshot | undefined;
  /** The only relations that the session can have counters of, where nothing but a step has worked since they were looked at. */
  #counted: ReadonlySet<number> | undefined;

  constructor(options: OpenOptions) {
    this.#options = options;
    this.info = options.info;
    this.#connection = options.connection;
    this.#schema = new KnownSchema(this.#connection);
    this.#journal = new JournalKeeper(this.#connection, POSTGRES_TABLES);
    this.backups = new PostgresBackupSource(options.server);
    this.restorePoints = new PostgresRestorePoints(this.#connection);
    this.clones = new PostgresClones({
      connection: this.#connection,
      server: options.server,
      backups: this.backups,
      alone: () => this.#alone(),
    });
    const refill: RefillOptions = {
      connection: this.#connection,
      record: (events, steps) => this.#fence().andThen(() => this.#journal.record(events, steps)),
      onRolledBack: () => (this.#journal.projected = undefined),
    };
    this.tables = new PostgresTableBackups({
      ...refill,
      connect: () => this.#connection.another(),
      onKept: (transaction) => this.#schema.owns(transaction),
      begun: (at) => (at === undefined || this.#schema.isUntil(at) ? this.#begun : undefined),
    });
    const { contents } = this.backups;
    const whole = (): PostgresWholeRestore =>
      new PostgresWholeRestore(this.#connection, options.target.options, () => this.reconnect(), contents);
    this.restore = {
      fits: archiveFits(this.#connection),
      restoreTables: restoreArchived(refill),
      obstacleInPlace: (file) => whole().obstacleInPlace(file),
      restoreWhole: (restore) => {
        this.#journal.projected = undefined;
        return whole().restoreWhole(restore);
      },
      swap: new PostgresSwapRestore({
        connection: this.#connection,
        server: options.server,
        contents: this.backups.contents,
        leave: () => this.#leave(),
        reconnect: () => this.reconnect(),
      }),
    };
  }

  historyTool(table: string): string | undefined {
    return historyTableOf(table);
  }

  glance(): ResultAsync<JournalGlance | undefined, SqlError> {
    return this.#journal.glance().orElse(withMissingRight(this.#connection));
  }

  prepareJournal(): ResultAsync<void, SqlError> {
    // It can be done again, whatever became of it.
    return raiseLayout(this.#connection).orElse((error) =>
      error.kind === 'connection-lost'
        ? this.reconnect().andThen(() => raiseLayout(this.#connection))
        : withMissingRight(this.#connection)(error),
    );
  }

  readJournal(from = 0): ResultAsync<StoredEvent[], SqlError> {
    return this.#journal.read(from).orElse(withMissingRight(this.#connection));
  }

  append(
    expected: JournalHead,
    events: readonly RecordedEvent[],
    steps?: readonly AppliedStep[],
  ): ResultAsync<void, SqlError | StaleJournal> {
    return this.#journal.append({ begin: 'BEGIN', fence: () => this.#fence() }, expected, events, steps);
  }

  snapshot(): ResultAsync<SchemaSnapshot, SqlError> {
    return namingBlockers(this.#schema.read(), this.#connection, () => this.#second(), LOCK_PATIENCE);
  }

  contractRules(): ResultAsync<ContractRules, SqlError> {
    return contractRulesOf(this.#connection, this.#options.target.host);
  }

  prepare(statements: readonly Preparable[]): ResultAsync<readonly Unprepared[], SqlError> {
    return prepareAlone(this.#connection, this.#options.target.host, statements);
  }

  /** Any number of others write to a server at any time. */
  foreignWrites(): ResultAsync<undefined, SqlError> {
    return okAsync(undefined);
  }

  begin({ transactional, repeats = false, isLast }: StepTransactionOptions): ResultAsync<StepTransaction, SqlError> {
    const { host } = this.#options.target;
    const connection = this.#connection;
    const { projected } = this.#journal;
    // A holder that stands still in the middle of a step is to keep no table locked.
    const watched = (): ResultAsync<void, SqlError> =>
      (transactional ? this.#options.lock?.watch() : undefined) ?? okAsync(undefined);
    return this.#beginWith({ transactional, searchPath: host.searchPath }, watched).map((before): StepTransaction => {
      this.#begun = transactional ? before : undefined;
      const counted = this.#counted;
      this.#counted = undefined;
      return new PostgresStepTransaction({
        connection,
        second: () => this.#second(),
        inspector: { snapshot: () => inspectAgain(this.#connection) },
        before,
        transactional,
        repeats,
        host,
        record: (events, steps, settings) => this.#fence(settings).andThen(() => this.#journal.record(events, steps)),
        onRestart: () => {
          this.#begun = undefined;
          return watched();
        },
        known: ({ at }) => this.#schema.relationsAt(at),
        counted,
        leave: (left) => this.#schema.leave(left, isLast === true ? undefined : () => this.#second()),
        onEnd: (ending, counted) => {
          this.#begun = undefined;
          // Through a pooler the next transaction may meet another server process, with counters of its own.
          this.#counted = connection.isPooled ? undefined : counted;
          this.#schema.ended(transactional ? ending : 'committed');
          if (ending === 'rolled-back') this.#journal.projected = projected;
          return okAsync(undefined);
        },
      });
    });
  }

  /** Begins, and says with which schema: in one message where nobody has changed what is known. */
  #beginWith(options: BeginOptions, watched: () => ResultAsync<void, SqlError>): ResultAsync<SchemaSnapshot, SqlError> {
    const connection = this.#connection;
    const begin = <T>(begun: ResultAsync<T, SqlError>): ResultAsync<T, SqlError> =>
      begun.andThrough(watched).orElse((error) =>
        connection
          .run('ROLLBACK')
          .orElse(() => okAsync({ changes: 0 }))
          .andThen(() => errAsync(error)),
      );
    const afterLooking = (): ResultAsync<SchemaSnapshot, SqlError> =>
      this.snapshot().andThen((before) => begin(beginStep(connection, options)).map(() => before));
    if (!options.transactional || connection.isPooled || !this.#schema.isLikely) return afterLooking();
    return begin(beginStepAt(connection, options)).andThen((at) => {
      const before = this.#schema.asOf(at);
      return before === undefined ? connection.run('ROLLBACK').andThen(afterLooking) : okAsync(before);
    });
  }

  /** For looking on while the work connection is busy; opened once. */
  #second(): ResultAsync<PostgresConnection, SqlError> {
    if (this.#other !== undefined && !this.#other.isLost) return okAsync(this.#other);
    return this.#connection.another().map((other) => (this.#other = other));
  }

  /** Without a run there is no lock that could be another's by now. `settings`: statements to be run first. */
  #fence(settings?: string): ResultAsync<void, SqlError> {
    const { lock } = this.#options;
    if (lock !== undefined) return lock.fence(settings);
    return settings === undefined ? okAsync(undefined) : this.#connection.query(settings).map(() => undefined);
  }

  reconnect(): ResultAsync<void, SqlError> {
    this.#journal.projected = undefined;
    const { lock } = this.#options;
    return this.#connection.reconnect().andThen(() => lock?.retake() ?? okAsync(undefined));
  }

  clearRemains(): ResultAsync<void, SqlError> {
    return clearRemains(this.#connection);
  }

  /** Without any connection but the one that holds the lock. */
  #alone(): ResultAsync<void, SqlError> {
    const other = this.#other;
    this.#other = undefined;
    return (other?.close() ?? okAsync(undefined)).andThen(() => this.tables.close());
  }

  /** As `close`, with the connection that holds the lock: somebody else may have it from then on. */
  #leave(): ResultAsync<void, SqlError> {
    return this.#alone().andThen(() => this.#connection.close());
  }

  close(): ResultAsync<void, SqlError> {
    return this.#alone().andThen(() => (this.#options.lock ? okAsync(undefined) : this.#connection.close()));
  }
}
