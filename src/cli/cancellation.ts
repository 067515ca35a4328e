// SIGINT and SIGTERM: the first stops the run at the next safe point, the second ends the process.
import type { CommandContext } from './answer.js';

const CANCELLED = 130;

/** Aborted by the first signal, or by what a step did not await. The database needs no second one: an uncommitted transaction is gone with the process. */
export function cancelOnSignal({ terminal, strayed }: CommandContext): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(CANCELLED);
    terminal.say(['', 'Stopping: what is under way is rolled back. Once more to leave at once.'], terminal.error);
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  return AbortSignal.any([controller.signal, strayed]);
}
