// The transactions of a run's steps, one after the other on its connection: what one has found out, the next need not ask.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { StepTransactionOptions } from '../../../core/ports/database.js';
import type { SqlError } from '../../../core/ports/session.js';
import type { StepTransaction } from '../../../core/ports/step-transaction.js';
import type { SchemaSnapshot } from '../../../core/schema/snapshot.js';
import type { HostKnexConfig } from '../../host-knex.js';
import type { JournalKeeper } from '../../system/journal-keeper.js';
import type { EngineLock } from './engine-lock.js';
import { inspectAgain } from './inspect/inspector.js';
import { KnownSchema } from './inspect/known-schema.js';
import type { Moment } from './inspect/moment.js';
import { LOCK_PATIENCE } from './settings.js';
import { beginStep, beginStepAt, type BeginOptions } from './step/begin.js';
import { namingBlockers } from './step/blockers.js';
import { PostgresStepTransaction } from './step/step-transaction.js';
import type { TransactionContext } from './step/transaction-context.js';

export interface StepsAtWork extends Pick<TransactionContext, 'connection' | 'second' | 'record'> {
  readonly journal: JournalKeeper;
  readonly host: HostKnexConfig;
  readonly lock: EngineLock | undefined;
}

export class StepTransactions {
  readonly #work: StepsAtWork;
  readonly #schema: KnownSchema;
  /** What the database was when the transaction of a step began that is open, as long as that is the first try. */
  #begun: SchemaSnapshot | undefined;
  /** The only relations that the session can have counters of, where nothing but a step has worked since they were looked at. */
  #counted: ReadonlySet<number> | undefined;

  constructor(work: StepsAtWork) {
    this.#work = work;
    this.#schema = new KnownSchema(work.connection);
  }

  /** The schema now, outside of a transaction. */
  snapshot(): ResultAsync<SchemaSnapshot, SqlError> {
    const { connection, second } = this.#work;
    return namingBlockers(this.#schema.read(), connection, second, LOCK_PATIENCE);
  }

  /** A transaction of the engine's own that changes nothing of the schema. */
  owns(transaction: number): void {
    this.#schema.owns(transaction);
  }

  /** The schema with which the open transaction began, where nobody has changed it until that moment. */
  begunAs(at: Moment | undefined): SchemaSnapshot | undefined {
    return at === undefined || this.#schema.isUntil(at) ? this.#begun : undefined;
  }

  begin({ transactional, repeats = false, isLast }: StepTransactionOptions): ResultAsync<StepTransaction, SqlError> {
    const { connection, second, host, journal, lock, record } = this.#work;
    const { projected } = journal;
    // A holder that stands still in the middle of a step is to keep no table locked.
    const watched = (): ResultAsync<void, SqlError> =>
      (transactional ? lock?.watch() : undefined) ?? okAsync(undefined);
    return this.#beginWith({ transactional, searchPath: host.searchPath }, watched).map((before): StepTransaction => {
      this.#begun = transactional ? before : undefined;
      const counted = this.#counted;
      this.#counted = undefined;
      return new PostgresStepTransaction({
        connection,
        second,
        inspector: { snapshot: () => inspectAgain(connection) },
        before,
        transactional,
        repeats,
        host,
        record,
        onRestart: () => {
          this.#begun = undefined;
          return watched();
        },
        known: ({ at }) => this.#schema.relationsAt(at),
        counted,
        leave: (left) => this.#schema.leave(left, isLast === true ? undefined : second),
        onEnd: (ending, seen) => {
          this.#begun = undefined;
          // Through a pooler the next transaction may meet another server process, with counters of its own.
          this.#counted = connection.isPooled ? undefined : seen;
          this.#schema.ended(transactional ? ending : 'committed');
          if (ending === 'rolled-back') journal.projected = projected;
          return okAsync(undefined);
        },
      });
    });
  }

  /** Begins, and says with which schema: in one message where nobody has changed what is known. */
  #beginWith(options: BeginOptions, watched: () => ResultAsync<void, SqlError>): ResultAsync<SchemaSnapshot, SqlError> {
    const { connection } = this.#work;
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
}
