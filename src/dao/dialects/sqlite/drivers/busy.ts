// Waiting for a lock from JavaScript: a driver's own busy timeout blocks a thread that the holder may need.
import { errAsync, ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';

/** How long a driver itself waits, in milliseconds; the rest of the wait is ours. */
export const DRIVER_BUSY_MS = 20;
const PAUSE_MS = 15;

/** Runs again what met a lock, until it goes through or the time is up. */
export function whileBusy<T>(
  attempt: () => ResultAsync<T, SqlError>,
  waitMs: number,
  since = Date.now(),
): ResultAsync<T, SqlError> {
  return attempt().orElse((error) => {
    if (error.kind !== 'busy' || Date.now() - since >= waitMs) return errAsync(error);
    const pause = ResultAsync.fromSafePromise(new Promise<void>((resolve) => setTimeout(resolve, PAUSE_MS)));
    return pause.andThen(() => whileBusy(attempt, waitMs, since));
  });
}
