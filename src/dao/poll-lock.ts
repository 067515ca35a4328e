// Waiting for a run lock by trying again and again: nothing is held while waiting, and a cancel is heard.
import { errAsync, okAsync, ResultAsync } from 'neverthrow';
import type { LockError, LockOwner, RunLock } from '../core/ports/run-lock.js';

export type AcquireOptions = Parameters<RunLock['acquire']>[1];

/** The lock was had, or who has it, as far as that is known. */
export type LockAttempt = 'taken' | { readonly holder: LockOwner | undefined };

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;

/** Attempts until the lock is taken, the wait is over, or cancelled. */
export function pollLock(
  attempt: () => ResultAsync<LockAttempt, LockError>,
  options: AcquireOptions,
  since = Date.now(),
  pauseMs = FIRST_PAUSE_MS,
): ResultAsync<void, LockError> {
  if (options.signal.aborted) return errAsync({ kind: 'cancelled' });
  return attempt().andThen((outcome): ResultAsync<void, LockError> => {
    if (outcome === 'taken') return okAsync(undefined);
    const waitedMs = Date.now() - since;
    if (waitedMs >= options.waitMs) return errAsync({ kind: 'locked', owner: outcome.holder, waitedMs });
    options.onWaiting(outcome.holder, waitedMs);
    // Several starters poll side by side: a little chance keeps them from meeting again and again.
    const pause = Math.min(pauseMs * (0.75 + Math.random() / 2), options.waitMs - waitedMs);
    return ResultAsync.fromSafePromise(new Promise<void>((resolve) => setTimeout(resolve, pause))).andThen(() =>
      pollLock(attempt, options, since, Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)),
    );
  });
}
