// Runs a step's code under a deadline and a signal; what it throws, an Error or not, becomes a value.
import { err, ok, type Result } from 'neverthrow';

export type Interruption =
  | { readonly kind: 'threw'; readonly thrown: unknown }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'aborted' };

// Node fires a timer that is longer than this at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A promise that never settles is left behind after the deadline; what it does later goes nowhere. Under a signal that is aborted already nothing is begun. */
export async function underDeadline<T>(
  work: () => T | PromiseLike<T>,
  ms: number,
  signal: AbortSignal,
): Promise<Result<Awaited<T>, Interruption>> {
  if (signal.aborted) return err({ kind: 'aborted' });
  let stop = (): void => undefined;
  const interrupted = new Promise<Result<Awaited<T>, Interruption>>((resolve) => {
    const timer = setTimeout(() => resolve(err({ kind: 'timed-out' })), Math.min(ms, LONGEST_TIMER_MS));
    const onAbort = (): void => resolve(err({ kind: 'aborted' }));
    signal.addEventListener('abort', onAbort, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
  });
  const done = (async (): Promise<Result<Awaited<T>, Interruption>> => {
    try {
      return ok(await work());
    } catch (thrown) {
      return err({ kind: 'threw', thrown });
    }
  })();
  try {
    return await Promise.race([done, interrupted]);
  } finally {
    stop();
  }
}
