// Ties the reporter to a command: the engine's progress to it, its knowledge to the telling of a failure.
import type { CommandContext } from './answer.js';
import type { Engine } from './engine.js';
import { Reporter } from './reporter.js';

/** From now on progress is drawn, and a failure knows where it happened. */
export function observed(context: CommandContext, { manager, info, config }: Engine): Reporter {
  const reporter = new Reporter(context.terminal, info, config.policy);
  manager.onProgress(reporter.take);
  context.failure = () => {
    reporter.end();
    return reporter.failure;
  };
  return reporter;
}
