// An open PostgreSQL database: one pinned work connection, the journal in it, and the steps' transactions on it.
import type { StaleJournal } from '../../../core/ports/refusals.js';
import { okAsync, type ResultAsync } from 'neverthrow';
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
import { lockIsHeld } from './lock-held.js';
import { historyTableOf } from './history-tables.js';
import { archiveFits, restoreArchived } from './restore/table-restore.js';
import { clearRemains } from './restore/swap/remains.js';
import { PostgresSwapRestore } from './restore/swap/swap-restore.js';
import { PostgresWholeRestore } from './restore/whole-restore.js';
import { contractRulesOf, prepareAlone } from './step/prepare.js';
import { LAYOUT, raiseLayout } from './layout.js';
import { withMissingRight } from './missing-right.js';
import type { PostgresTarget } from './target.js';
import { StepTransactions } from './step-transactions.js';
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
  readonly #steps: StepTransactions;
  #other: PostgresConnection | undefined;

  constructor(options: OpenOptions) {
    this.#options = options;
    this.info = options.info;
    this.#connection = options.connection;
    this.#journal = new JournalKeeper(this.#connection, POSTGRES_TABLES);
    this.#steps = new StepTransactions({
      connection: this.#connection,
      second: () => this.#second(),
      journal: this.#journal,
      host: options.target.host,
      lock: options.lock,
      record: (events, steps, settings) => this.#fence(settings).andThen(() => this.#journal.record(events, steps)),
    });
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
      onKept: (transaction) => this.#steps.owns(transaction),
      begun: (at) => this.#steps.begunAs(at),
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

  isLocked(): ResultAsync<boolean, SqlError> {
    return lockIsHeld(this.#connection);
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
    return this.#steps.snapshot();
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

  begin(options: StepTransactionOptions): ResultAsync<StepTransaction, SqlError> {
    return this.#steps.begin(options);
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
