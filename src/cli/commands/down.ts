// `down`: reverts applied steps, and says where the schema is not again what it was.
import { errAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../../core/errors/migrate-error.js';
import type { Unproven } from '../../core/manager/progress.js';
import type { DownOptions, DownReport, RevertReport } from '../../core/manager/run-down.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { cancelOnSignal } from '../cancellation.js';
import { withEngine } from '../engine.js';
import { duration, wrap } from '../format.js';
import { observed } from '../observed.js';
import type { Flags } from '../settings.js';
import type { Sink } from '../terminal.js';

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
      .mapErr((error) => goingOn(error, reporter.failure.reverted ?? [], target))
      .andTee(() => reporter.end());
  });
}

/** The same number once more would take steps that nobody meant: those that went through already are not among them. */
function goingOn(error: MigrateError, reverted: readonly string[], target: DownOptions['target']): MigrateError {
  if (!('count' in target) || reverted.length === 0 || reverted.length >= target.count) return error;
  const rest = `migrate-safe down --count ${target.count - reverted.length}`;
  const hint = error.hint.replace(SAME, (_, goesOn: string | undefined) => `\`${rest}\`${goesOn ?? ''}`);
  return { ...error, hint: hint === error.hint ? `${hint}\n\nThen: ${rest}` : hint };
}

/** How hints speak of the command that failed. */
const SAME = /\b(?:it|the same command)(?: again|( goes on from there))/;

function answer({ runId, reverted, current, durationMs }: DownReport, database: string, begun: boolean): Answer {
  return {
    document: { runId, reverted, current, durationMs },
    lines: (sink) =>
      begun
        ? [
            '',
            ...warningLines(reverted, sink),
            `current ${sink.paint.bold(current ?? 'base')}, in ${duration(durationMs)}`,
          ]
        : [`${sink.paint.bold(database)}   nothing to revert, current ${sink.paint.bold(current ?? 'base')}`],
  };
}

/** A revert is blamed only for what it left; what nobody can know is said to be that. */
function warningLines(reverted: readonly RevertReport[], { paint, width }: Sink): readonly string[] {
  const unlike = reverted.filter((step) => !step.schemaRestored);
  if (unlike.length === 0) return [];
  const because = (why: Unproven | null): string =>
    unlike
      .filter(({ unproven }) => unproven === why)
      .map(({ version }) => version)
      .join(', ');
  const [left, stamped, changed] = [because(null), because('stamped'), because('changed-since')];
  const undo = unlike.flatMap(({ backups }) => backups).at(0);
  const restore = undo === undefined ? '' : `migrate-safe restore ${undo}`;
  const lines = [
    ...(left === ''
      ? []
      : [`The schema is not what it was before ${left}: see above. What is left may be in the way of \`up\`.`]),
    ...(stamped === ''
      ? []
      : [`Whether the schema is what it was before ${stamped} is not known: stamped, not applied. See above.`]),
    ...(changed === ''
      ? []
      : [`The schema had changed since ${changed} was applied: whether all of it is undone is not known. See above.`]),
  ].flatMap((text) => wrap(text, width - 2).map((line, at) => `${at === 0 ? paint.yellow('!') : ' '} ${line}`));
  const advice =
    left === ''
      ? restore === ''
        ? []
        : [`  If it is not right, undo the revert: ${restore}`]
      : [`  Take it away in a step${restore === '' ? '.' : `, or undo the revert: ${restore}`}`];
  return [...lines, ...advice];
}
