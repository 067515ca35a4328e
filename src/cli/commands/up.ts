// `up`: applies what is pending, draws it while it goes on, or only says what it would do.
import { ok } from 'neverthrow';
import type { UpReport } from '../../core/manager/plan-up.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { cancelOnSignal } from '../cancellation.js';
import { appliedDocument } from '../documents.js';
import { withEngine } from '../engine.js';
import { duration } from '../format.js';
import { planAnswer } from './plan.js';
import { runStamp } from './stamp.js';
import { observed } from '../observed.js';
import type { Flags } from '../settings.js';
import type { Sink } from '../terminal.js';

export interface UpFlags extends Flags {
  readonly to?: string;
  readonly dryRun?: boolean;
  readonly fake?: boolean;
}

export function runUp(context: CommandContext, flags: UpFlags): CommandResult {
  const to = flags.to === undefined ? {} : { to: flags.to };
  if (flags.fake) return runStamp(context, flags, flags.to ?? 'head');
  if (flags.dryRun)
    return withEngine(flags, ({ manager, info }) =>
      manager.plan(to).map((plan) => planAnswer(plan, info(), 'dry-run', flags)),
    );
  return withEngine(flags, (engine) => {
    const reporter = observed(context, engine);
    return engine.manager
      .up({ ...to, signal: cancelOnSignal(context) })
      .andThen((report) => ok(answer(report, engine.info().label, reporter.hasBegun)))
      .andTee(() => reporter.end());
  });
}

function answer(report: UpReport, database: string, begun: boolean): Answer {
  const { runId, applied, current, ahead, durationMs } = report;
  return {
    document: { runId, applied: applied.map(appliedDocument), current, durationMs, ahead },
    lines: ({ paint }: Sink) =>
      begun
        ? ['', `current ${paint.bold(current ?? 'base')}, in ${duration(durationMs)}`]
        : [`${paint.bold(database)}   nothing to do, current ${paint.bold(current ?? 'base')}`],
  };
}
