// `stamp`, and `up --fake`: records what a database already has, and runs nothing.
import type { StampReport } from '../../core/manager/run-stamp.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { cancelOnSignal } from '../cancellation.js';
import { withEngine } from '../engine.js';
import { count } from '../format.js';
import { observed } from '../observed.js';
import type { Flags } from '../settings.js';

export function runStamp(context: CommandContext, flags: Flags, target: string): CommandResult {
  return withEngine(flags, (engine) => {
    const reporter = observed(context, engine);
    return engine.manager
      .stamp(target, { signal: cancelOnSignal(context) })
      .map((report) => answer(report, engine.info().label))
      .andTee(() => reporter.end());
  });
}

const answer = ({ runId, stamped, current }: StampReport, database: string): Answer => ({
  document: { runId, stamped, current },
  lines: ({ paint }) => [
    `${paint.bold(database)}   ${stamped.length === 0 ? 'no step counts as applied; the next `migrate-safe up` begins from here' : `${count(stamped.length, 'step counts', 'steps count')} as applied, none was run`}`,
    `current ${paint.bold(current ?? 'base')}`,
  ],
});
