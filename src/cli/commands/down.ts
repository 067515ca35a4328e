// `down`: reverts applied steps, and says where the schema is not again what it was.
import { errAsync } from 'neverthrow';
import { migrateError } from '../../core/errors/migrate-error.js';
import type { DownReport } from '../../core/manager/run-down.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { cancelOnSignal } from '../cancellation.js';
import { withEngine } from '../engine.js';
import { duration } from '../format.js';
import { observed } from '../observed.js';
import type { Flags } from '../settings.js';

export interface DownFlags extends Flags {
  readonly count?: string;
  readonly to?: string;
}

export function runDown(context: CommandContext, flags: DownFlags): CommandResult {
  const { count, to } = flags;
  if (count !== undefined && to !== undefined) {
    return errAsync(
      migrateError({
        kind: 'usage',
        reason: '--count and --to say two different things',
        suggestion: 'Keep one of them: --count is how many steps go, --to is the version that stays.',
      }),
    );
  }
  if (count !== undefined && !/^\d+$/.test(count)) {
    return errAsync(
      migrateError({ kind: 'usage', reason: `--count is a number of steps, not ${JSON.stringify(count)}` }),
    );
  }
  const target = to === undefined ? { count: Number(count ?? 1) } : { to };
  return withEngine(flags, (engine) => {
    const reporter = observed(context, engine);
    return engine.manager
      .down({ target, signal: cancelOnSignal(context) })
      .map((report) => answer(report, engine.info().label, reporter.hasBegun))
      .andTee(() => reporter.end());
  });
}

function answer({ runId, reverted, current, durationMs }: DownReport, database: string, begun: boolean): Answer {
  const unlike = reverted.filter((step) => !step.schemaRestored);
  const undo = unlike.flatMap(({ backups }) => backups).at(0);
  return {
    document: { runId, reverted, current, durationMs },
    lines: ({ paint }) => {
      if (!begun) return [`${paint.bold(database)}   nothing to revert, current ${paint.bold(current ?? 'base')}`];
      const warning =
        unlike.length === 0
          ? []
          : [
              `${paint.yellow('!')} The schema is not what it was before ${unlike.map(({ version }) => version).join(', ')}: see above. What is left may be in the way of \`up\`.`,
              `  Take it away in a step${undo === undefined ? '.' : `, or undo the revert: migrate-safe restore ${undo}`}`,
            ];
      return ['', ...warning, `current ${paint.bold(current ?? 'base')}, in ${duration(durationMs)}`];
    },
  };
}
