// What a step's transaction is given to work with, and whom it tells.
import type { ResultAsync } from 'neverthrow';
import type { RecordedEvent } from '../../../../core/events/envelope.js';
import type { AppliedStep } from '../../../../core/history/history.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { HostKnexConfig } from '../../../host-knex.js';
import type { Left } from '../inspect/known-schema.js';
import type { Found } from './ledger.js';
import type { ObserveContext } from './observe.js';
import type { Way } from './way.js';

export type Ending = 'committed' | 'rolled-back';

export interface TransactionContext extends Omit<ObserveContext, 'trace'>, Found {
  readonly transactional: boolean;
  /** For a step without a transaction: it was interrupted before, and what it had done is no error. */
  readonly repeats?: boolean;
  /** It began in the transaction of the step before, which would be undone with it. */
  readonly isShared?: true;
  /** Of that one, and of those before it, all that became of the schema was observed. */
  readonly isWhole?: boolean;
  /** What that one had set, where it is the engine's own way since. */
  readonly way?: Way | undefined;
  readonly host: HostKnexConfig;
  /** Writes events and their projection behind `settings`; called inside a transaction. */
  readonly record: (
    events: readonly RecordedEvent[],
    steps: readonly AppliedStep[],
    settings: string,
  ) => ResultAsync<void, SqlError>;
  /** Called before the commit, where all that became of the schema was observed. */
  readonly leave?: (left: Left) => ResultAsync<void, SqlError>;
  /**
   * Called once the step has ended, with the session as it was; `counted`: the only relations that the session can have
   * counters of, where that is known.
   */
  readonly onEnd: (ending: Ending, counted?: ReadonlySet<number>) => ResultAsync<void, SqlError>;
  /** What has to be done again at the beginning where the transaction begins anew. */
  readonly onRestart?: () => ResultAsync<void, SqlError>;
}
