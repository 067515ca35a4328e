// Runs a step's code under a deadline and a signal; what it throws, an Error or not, becomes a value.
import { err, ok, type Result } from 'neverthrow';

export type Interruption = { readonly kind: 'threw'; readonly thrown: unknown } | { readonly kind: 'timed-out' } | { readonly kind: 'aborted' };

/** A promise that never settles is left behind after the deadline; what it does later goes nowhere. */
export async function underDeadline<T>(work: () => T | PromiseLike<T>, ms: number, signal: AbortSignal): Promise<Result<Awaited<T>, Interruption>> {
  let stop = (): void => undefined;
  const interrupted = new Promise<Result<Awaited<T>, Interruption>>((resolve) => {
    const timer = setTimeout(() => resolve(err({ kind: 'timed-out' })), ms);
    const onAbort = (): void => resolve(err({ kind: 'aborted' }));
    signal.addEventListener('abort', onAbort, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    if (signal.aborted) onAbort();
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
