// An open SQLite database: one pinned work connection, the journal in it, and the steps' transactions on it.
import type { StaleJournal } from '../../../core/ports/refusals.js';
import { okAsync, type ResultAsync } from 'neverthrow';
import type { RecordedEvent, StoredEvent } from '../../../core/events/envelope.js';
import type { AppliedStep } from '../../../core/history/history.js';
import type { Preparable, Unprepared } from '../../../core/ports/contract.js';
import type { JournalHead } from '../../../core/journal/chain.js';
import type {
  DatabaseInfo,
  Hold,
  JournalGlance,
  OpenDatabase,
  StepTransactionOptions,
} from '../../../core/ports/database.js';
import type { SqlError } from '../../../core/ports/session.js';
import type { StepTransaction } from '../../../core/ports/step-transaction.js';
import type { ContractRules } from '../../../core/schema/contract.js';
import type { SchemaSnapshot } from '../../../core/schema/snapshot.js';
import { JournalKeeper } from '../../system/journal-keeper.js';
import { SqliteBackupSource } from './backup/backup-source.js';
import { LiveRestore } from './backup/live-restore.js';
import { MemoryImage } from './backup/memory-image.js';
import type { SqliteConnection, SqliteDriver } from './drivers/driver.js';
import { SqliteLock } from './sqlite-lock.js';
import { SqliteInspector } from './inspect/inspector.js';
import { historyTableOf } from '../../history-tables.js';
import { LAYOUT, raiseLayout } from './layout.js';
import { SecondConnection } from './step/before-image.js';
import type { HostKnexConfig } from '../../host-knex.js';
import { SqliteHold } from './hold.js';
import { sqliteContractRules } from './app/contract-rules.js';
import { prepareOn } from './step/prepare.js';
import { settle } from './step/settle.js';
import { SqliteStepTransaction } from './step/step-transaction.js';
import { SQLITE_TABLES } from './system-tables.js';

export interface OpenOptions {
  readonly info: DatabaseInfo;
  readonly driver: SqliteDriver;
  readonly connection: SqliteConnection;
  readonly host: HostKnexConfig;
  readonly busyWaitMs: number;
  readonly giveBack?: () => Promise<void>;
}

export class OpenSqliteDatabase implements OpenDatabase {
  readonly info: DatabaseInfo;
  readonly backups: SqliteBackupSource;
  readonly restore: LiveRestore;
  readonly #options: OpenOptions;
  /** A step left settings behind: the next one gets a fresh connection. */
  #stale = false;
  #connection: SqliteConnection;
  #inspector: SqliteInspector;
  #journal: JournalKeeper;

  constructor(options: OpenOptions) {
    this.#options = options;
    this.info = options.info;
    this.#connection = options.connection;
    this.#inspector = new SqliteInspector(this.#connection);
    this.#journal = new JournalKeeper(this.#connection, SQLITE_TABLES);
    this.backups = new SqliteBackupSource(
      options.driver,
      options.info.path,
      options.busyWaitMs,
      () => this.#connection,
    );
    this.restore = new LiveRestore(
      () => this.#connection,
      (events, steps) => this.#journal.record(events, steps),
      () => {
        this.#journal.projected = undefined;
      },
    );
  }

  readonly layout = LAYOUT;

  historyTool(table: string): string | undefined {
    return historyTableOf(table);
  }

  glance(): ResultAsync<JournalGlance | undefined, SqlError> {
    return this.#journal.glance();
  }

  prepareJournal(): ResultAsync<void, SqlError> {
    return makeDurable(this.#connection).andThen(() => raiseLayout(this.#connection));
  }

  readJournal(from = 0): ResultAsync<StoredEvent[], SqlError> {
    return this.#journal.read(from);
  }

  append(
    expected: JournalHead,
    events: readonly RecordedEvent[],
    steps?: readonly AppliedStep[],
  ): ResultAsync<void, SqlError | StaleJournal> {
    return this.#journal.append({ begin: 'BEGIN IMMEDIATE' }, expected, events, steps);
  }

  snapshot(): ResultAsync<SchemaSnapshot, SqlError> {
    return this.#inspector.snapshot().map(({ snapshot }) => snapshot);
  }

  contractRules(): ResultAsync<ContractRules, SqlError> {
    return okAsync(sqliteContractRules);
  }

  prepare(statements: readonly Preparable[]): ResultAsync<readonly Unprepared[], SqlError> {
    return prepareOn(this.#connection, this.#options.host, statements);
  }

  isLocked(): ResultAsync<boolean, SqlError> {
    const { driver, info } = this.#options;
    return info.path === undefined ? okAsync(false) : new SqliteLock(driver, info.path).isHeld();
  }

  foreignWrites(): ResultAsync<number, SqlError> {
    return this.#connection.all<{ data_version: number }>('PRAGMA data_version').map(([row]) => row?.data_version ?? 0);
  }

  hold(): ResultAsync<Hold, SqlError> {
    const { driver, info } = this.#options;
    return SqliteHold.take(
      this.#connection,
      () => driver.connect(info.path ?? ':memory:', 'read', { busyWaitMs: 0 }),
      this.restore,
    );
  }

  begin(options: StepTransactionOptions): ResultAsync<StepTransaction, SqlError> {
    return this.#stale ? this.#reconnect().andThen(() => this.#begin(options)) : this.#begin(options);
  }

  #begin(options: StepTransactionOptions): ResultAsync<StepTransaction, SqlError> {
    const { transactional } = options;
    const { driver, info, busyWaitMs, host } = this.#options;
    const image =
      info.path === undefined
        ? MemoryImage.of(this.#connection)
        : okAsync<MemoryImage | undefined, SqlError>(undefined);
    return image.andThen((memory) =>
      settle(this.#connection, options)
        .andThen(() => (transactional ? this.#connection.run('BEGIN IMMEDIATE') : okAsync({ changes: 0 })))
        .andThen(() => this.#inspector.snapshot())
        .map((before): StepTransaction => {
          const connection = this.#connection;
          const { projected } = this.#journal;
          return new SqliteStepTransaction({
            connection,
            inspector: this.#inspector,
            before,
            beforeImage: new SecondConnection(driver, info.path ?? ':memory:', memory?.file, busyWaitMs),
            transactional,
            host,
            record: (events, steps) => this.#journal.record(events, steps),
            onEnd: (ending, settingsChanged) => {
              memory?.remove();
              if (ending === 'rolled-back') this.#journal.projected = projected;
              // The step has ended as it did: a connection that cannot be renewed now is the next one's business.
              if (settingsChanged) this.#stale = true;
              return okAsync(undefined);
            },
          });
        }),
    );
  }

  close(): ResultAsync<void, SqlError> {
    return this.#connection.close().map(() => void this.#options.giveBack?.());
  }

  /** A fresh connection has none of the settings that a step left behind. */
  #reconnect(): ResultAsync<void, SqlError> {
    const { driver, info, busyWaitMs } = this.#options;
    if (info.path === undefined) return okAsync(undefined);
    return driver
      .connect(info.path, 'read', { busyWaitMs })
      .andThen((fresh) => makeDurable(fresh).map(() => fresh))
      .andThen((fresh) => {
        const old = this.#connection;
        this.#connection = fresh;
        this.#stale = false;
        this.#inspector = new SqliteInspector(fresh);
        this.#journal = new JournalKeeper(fresh, SQLITE_TABLES, this.#journal.projected);
        return old.close();
      });
  }
}

/**
 * The mirror must never be ahead of the database after a power cut, so a commit must last once it is told. EXTRA syncs
 * the directory after the rollback journal is gone; better-sqlite3 would use NORMAL in WAL mode.
 * https://sqlite.org/pragma.html#pragma_synchronous
 */
const makeDurable = (connection: SqliteConnection): ResultAsync<void, SqlError> =>
  connection.run('PRAGMA synchronous = EXTRA').map(() => undefined);
