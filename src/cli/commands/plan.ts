// `plan`, and `up --dry-run`: what would be done, with the statements; nothing is written.
import { compareVersions } from '../../core/brands.js';
import type { PlannedStep, PlanReport } from '../../core/manager/inspect-state.js';
import type { DatabaseInfo } from '../../core/ports/database.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { openRunDocument } from '../documents.js';
import { withEngine } from '../engine.js';
import { count, oneLine, truncate } from '../format.js';
import { noteLines, openRunNote, openRunText } from '../open-run-text.js';
import type { Flags } from '../settings.js';
import type { Sink } from '../terminal.js';

const SHOWN = 6;

interface PlanFlags extends Flags {
  readonly to?: string;
}

export function runPlan({ terminal }: CommandContext, flags: PlanFlags): CommandResult {
  return withEngine(flags, ({ manager, info }) =>
    manager
      .plan(flags.to === undefined ? {} : { to: flags.to })
      .map((plan) => planAnswer(plan, info(), 'plan', flags, terminal.verbose ? Infinity : SHOWN)),
  );
}

export function planAnswer(
  { current, steps, ahead, openRun, isUnderWay }: PlanReport,
  { label }: DatabaseInfo,
  as: 'plan' | 'dry-run',
  { to, outOfOrder }: PlanFlags,
  shown = SHOWN,
): Answer {
  return {
    document:
      as === 'plan'
        ? { current, steps, ahead, openRun: openRunDocument(openRun, isUnderWay) }
        : {
            dryRun: true,
            runId: null,
            applied: [],
            current,
            steps,
            ahead,
            openRun: openRunDocument(openRun, isUnderWay),
            durationMs: 0,
          },
    lines: (sink) => {
      const { paint } = sink;
      const now = current === null ? 'nothing applied yet' : `current ${current}`;
      const notes = openRun === undefined ? [] : ['', ...noteLines([openRunNote(openRun, isUnderWay)], sink)];
      if (steps.length === 0) return [`${paint.bold(label)}   nothing to do, ${now}`, ...notes];
      const last = steps.at(-1)?.version ?? '';
      // A step that is applied late lies below what is current, and stays there.
      const then = current !== null && compareVersions(current, last) > 0 ? current : last;
      const said = ['migrate-safe up', to === undefined ? '' : `--to ${to}`, outOfOrder ? '--out-of-order' : ''];
      const command = said.filter(Boolean).join(' ');
      return [
        `${paint.bold(label)}   ${count(steps.length, 'step')} to apply, ${now}`,
        ...steps.flatMap((step) => ['', ...stepLines(step, sink, shown)]),
        ...notes,
        '',
        // What is half-done may be a person's to settle first: only the run itself can tell.
        openRun !== undefined && openRunText(openRun, isUnderWay).halfDone
          ? `Nothing was changed. \`${command}\` goes on once that is settled.`
          : `Nothing was changed. \`${command}\` would bring it to ${paint.bold(then)}.`,
      ];
    },
  };
}

function stepLines(
  { version, description, file, transactional, statements }: PlannedStep,
  { paint, width }: Sink,
  shown: number,
): string[] {
  const name = `${version} ${description === version ? '' : description}`.trim();
  const outside = transactional ? '' : paint.yellow('   outside a transaction');
  const head = `  ${paint.bold(name)}${file === null ? '' : `   ${paint.dim(file)}`}${outside}`;
  if (statements === null) return [head, `    ${paint.dim('code, which only running it shows')}`];
  const more = statements.length - shown;
  return [
    head,
    ...statements.slice(0, shown).map((sql) => `    ${truncate(oneLine(sql), width - 5)};`),
    ...(more > 0 ? [`    ${paint.dim(`… and ${count(more, 'statement')} more (--verbose shows all)`)}`] : []),
  ];
}
