// Waiting for a lock from JavaScript: a driver's own busy timeout blocks a thread that the holder may need.
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { ResultAsync, type Result } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';

/** How long a driver itself waits, in milliseconds; the rest of the wait is ours. */
export const DRIVER_BUSY_MS = 20;
const PAUSE_MS = 15;

/** Runs again what met a lock, until it goes through or the time is up. */
export function whileBusy<T>(
  attempt: () => PromiseLike<Result<T, SqlError>>,
  waitMs: number,
): ResultAsync<T, SqlError> {
  const since = Date.now();
  const tried = async (): Promise<Result<T, SqlError>> => {
    for (;;) {
      const result = await attempt();
      if (result.isOk() || result.error.kind !== 'busy' || Date.now() - since >= waitMs) return result;
      await pause(PAUSE_MS);
      // Timers of several that wait so would follow one another for ever, and the holder's files and sockets never have a turn.
      await turn();
    }
  };
  return new ResultAsync(tried());
}
