// The run lock as the engine's own transactions know it.
import type { ResultAsync } from 'neverthrow';
import type { RunLock } from '../../../core/ports/run-lock.js';
import type { SqlError } from '../../../core/ports/session.js';

export interface EngineLock extends RunLock {
  /**
   * To be called first thing in a transaction that a step works in: fails where the lock is another run's by now. Should
   * this process stand still in the middle, the server ends the transaction.
   */
  watch(): ResultAsync<void, SqlError>;
  /**
   * To be called on the work connection before anything is written to the journal: fails where the lock is another
   * run's by now, and keeps it from becoming that until the transaction ends. `settings`: statements to be run first.
   */
  fence(settings?: string): ResultAsync<void, SqlError>;
  /**
   * To be called once the work connection has been replaced: when it gives back, whatever the old one had open has ended,
   * and the lock is held again. Fails where it is another run's.
   */
  retake(): ResultAsync<void, SqlError>;
}
