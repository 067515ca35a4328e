// A run that has not ended, in words: what it may have left, and what to type.
import type { OpenRun } from '../core/history/history.js';
import { waysBack } from '../core/history/ways-back.js';
import { timeOfDay, wrap } from './format.js';
import type { Sink } from './terminal.js';

export interface OpenRunText {
  /** A sentence without its full stop. */
  readonly what: string;
  readonly fix: string;
  /** What is in the database may be half of a step: only looking shows whether the next run goes on by itself. */
  readonly halfDone: boolean;
}

/** A step in a transaction is whole or not there; one without may be half-done, and then only a person can decide. */
export function openRunText({ startedAt, actor, step, copied }: OpenRun, isUnderWay: boolean): OpenRunText {
  const run = `a run that began ${timeOfDay(startedAt)} (pid ${actor.pid} on ${actor.host})`;
  if (isUnderWay)
    return { what: `${run} is under way`, fix: 'Another `migrate-safe up` waits until it has ended.', halfDone: false };
  if (step === undefined || step.transactional)
    return {
      what: `${run} has not ended`,
      fix: 'If it is not running any more, `migrate-safe up` goes on from it.',
      halfDone: false,
    };
  const where = `in ${step.version}, which runs without a transaction`;
  const { gentler, command } = waysBack(step, step.backupId, copied);
  const goBack =
    command === undefined
      ? 'finish it by hand, and give it a probe that says so (done-when, isDone)'
      : gentler === undefined
        ? `\`${command}\``
        : `\`${gentler}\` puts back only the tables that the step could touch, \`${command}\` the whole`;
  return step.failed
    ? {
        what: `${run} stopped half-way ${where}${step.failure === undefined ? '' : ` (${step.failure})`}`,
        fix: `It needs a person: ${goBack}`,
        halfDone: true,
      }
    : {
        what: `${run} has not ended; it was ${where}, and may be half-done`,
        fix: `If it is not running any more, \`migrate-safe up\` looks how far it came, and goes on where nothing or all of it was done. Half of it needs a person: ${goBack}`,
        halfDone: true,
      };
}

/** The same as a note below a table or a plan. */
export function openRunNote(openRun: OpenRun, isUnderWay: boolean): string {
  const { what, fix } = openRunText(openRun, isUnderWay);
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}. ${fix}`;
}

/** Notes under what they are about, each with its mark. */
export const noteLines = (notes: readonly string[], { paint, width }: Sink): string[] =>
  notes.flatMap((note) =>
    wrap(note, width - 2).map((line, at) => (at === 0 ? `${paint.yellow('!')} ${line}` : `  ${line}`)),
  );
