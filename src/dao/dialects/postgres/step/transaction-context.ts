// What a step's transaction is given to work with, and whom it tells.
import type { ResultAsync } from 'neverthrow';
import type { RecordedEvent } from '../../../../core/events/envelope.js';
import type { AppliedStep } from '../../../../core/history/history.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { HostKnexConfig } from '../../../host-knex.js';
import type { Left } from '../inspect/known-schema.js';
import type { KnownRelations, Start } from './ledger.js';
import type { ObserveContext } from './observe.js';

export interface TransactionContext extends Omit<ObserveContext, 'trace'> {
  readonly transactional: boolean;
  /** For a step without a transaction: it was interrupted before, and what it had done is no error. */
  readonly repeats?: boolean;
  /** It began in the transaction of the step before, which would be undone with it. */
  readonly isShared?: true;
  /** Of that one, and of those before it, all that became of the schema was observed. */
  readonly isWhole?: boolean;
  /** How that one left it. */
  readonly start?: Start | undefined;
  readonly host: HostKnexConfig;
  /** Writes events and their projection behind `settings`; called inside a transaction. */
  readonly record: (
    events: readonly RecordedEvent[],
    steps: readonly AppliedStep[],
    settings: string,
  ) => ResultAsync<void, SqlError>;
  /** What is known of the relations, and how to tell that nobody has changed any. */
  readonly known?: KnownRelations;
  /** Called before the commit, where all that became of the schema was observed. */
  readonly leave?: (left: Left) => ResultAsync<void, SqlError>;
  /** Called once the step has ended, with the session as it was. */
  readonly onEnd: (ending: 'committed' | 'rolled-back') => ResultAsync<void, SqlError>;
  /** What has to be done again at the beginning where the transaction begins anew. */
  readonly onRestart?: () => ResultAsync<void, SqlError>;
}
