// Waiting for a lock from JavaScript: a driver's own busy timeout blocks a thread that the holder may need.
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
      await new Promise<void>((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  return new ResultAsync(tried());
}
