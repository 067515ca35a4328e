// The run lock as the engine's own transactions know it.
import type { ResultAsync } from 'neverthrow';
import type { RunLock } from '../../../core/ports/run-lock.js';
import type { SqlError } from '../../../core/ports/session.js';

export interface EngineLock extends RunLock {
  /**
   * To be called on the work connection first thing in each transaction that writes: fails where the lock is another
   * run's by now, and keeps it from becoming that until the transaction ends.
   */
  fence(): ResultAsync<void, SqlError>;
  /**
   * To be called once the work connection has been replaced: when it gives back, whatever the old one had open has ended,
   * and the lock is held again. Fails where it is another run's.
   */
  retake(): ResultAsync<void, SqlError>;
}
