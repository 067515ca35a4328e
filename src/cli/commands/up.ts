// `up`: applies what is pending, draws it while it goes on, or only says what it would do.
import { ok } from 'neverthrow';
import type { UpReport } from '../../core/manager/plan-up.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { askText } from '../ask.js';
import { cancelOnSignal } from '../cancellation.js';
import { appliedDocument } from '../documents.js';
import { withEngine } from '../engine.js';
import { duration } from '../format.js';
import { planAnswer } from './plan.js';
import { runStamp } from './stamp.js';
import { observed } from '../observed.js';
import type { Flags } from '../settings.js';
import type { Sink, Terminal } from '../terminal.js';

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
    const { terminal } = context;
    const signal = cancelOnSignal(context);
    const asks = terminal.canAsk && flags.yes !== true;
    return engine.manager
      .up({ ...to, signal, ...(asks ? { confirm: () => goOn(terminal, signal) } : {}) })
      .andThen((report) => ok(answer(report, engine.info().label, reporter.hasBegun)))
      .andTee(() => reporter.end());
  });
}

/** What there is to know stands above the question already. */
async function goOn(terminal: Terminal, signal: AbortSignal): Promise<boolean> {
  terminal.live.end();
  const answer = await askText({
    message: 'Dump it and go on? (yes or no)',
    signal,
    colour: terminal.error.coloured,
    validate: (value) =>
      /^(?:y|yes|n|no)$/i.test(value ?? '') ? undefined : 'yes goes on, no leaves everything as it is.',
  });
  terminal.say([''], terminal.error);
  return answer !== undefined && /^y/i.test(answer);
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
