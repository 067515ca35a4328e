// SIGINT and SIGTERM: the first stops the run at the next safe point, the second ends the process.
import type { Terminal } from './terminal.js';

const CANCELLED = 130;

/** Aborted by the first signal. The database needs no second one: an uncommitted transaction is gone with the process. */
export function cancelOnSignal(terminal: Terminal): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(CANCELLED);
    terminal.say(['', 'Stopping: what is under way is rolled back. Once more to leave at once.'], terminal.error);
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  return controller.signal;
}
