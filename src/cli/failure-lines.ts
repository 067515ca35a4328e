// A failure as people read it: what happened and where, whether the data is safe, what to type next.
import type { MigrateError, StepLocation } from '../core/errors/migrate-error.js';
import type { FailureContext, Finding } from './answer.js';
import { widthOf, wrap } from './format.js';
import { phaseLines, TEXT_AT } from './progress-lines.js';
import type { Sink } from './terminal.js';

const SHOWN_LINES = 3;
const USAGE = 2;
const LOCKED = 4;

/** The last line is what to do; a hint is not repeated by the line about the database's state. */
export function failureLines(
  error: MigrateError | Finding,
  { phase, kept, reverted = [], readOnly }: FailureContext,
  sink: Sink,
): string[] {
  const { paint, width } = sink;
  const code = paint.dim(`[${error.code}]`);
  const step = 'step' in error ? error.step : undefined;
  const near = 'near' in error ? error.near : undefined;
  const head =
    phase === undefined
      ? signed(paint.red('✖'), error.message, width)
      : phaseLines('failed', phase, error.message, sink);
  const indent = phase === undefined ? '  ' : ' '.repeat(TEXT_AT);
  const source = step === undefined ? [] : sourceLines(step, near, sink).map((line) => indent + line);
  const state =
    readOnly || error.exitCode === USAGE || error.exitCode === LOCKED ? undefined : stateText(error, kept, reverted);
  const hint = state === undefined ? error.hint : withoutRepetition(error.hint);
  const lines = [...head, ...source];
  if (state === undefined) return [...withCode(lines, code, width), ...hintLines(hint, width)];
  return [...lines, '', ...withCode(wrap(state, width), code, width), ...hintLines(hint, width)];
}

function signed(sign: string, message: string, width: number): string[] {
  const [first = '', ...rest] = wrap(message, width - 2);
  return [`${sign} ${first}`, ...rest.map((line) => `  ${line}`)];
}

/** The code ends the last line where there is room. */
function withCode(lines: readonly string[], code: string, width: number): string[] {
  const last = lines.at(-1) ?? '';
  const fits = widthOf(last) + 3 + widthOf(code) <= width;
  return fits ? [...lines.slice(0, -1), `${last}   ${code}`] : [...lines, `  ${code}`];
}

const hintLines = (hint: string, width: number): string[] => (hint === '' ? [] : wrap(hint, width));

/** `file:line`, the line itself, and a mark under what it stumbled over. */
function sourceLines(
  { file, line, statement }: StepLocation,
  near: string | undefined,
  { paint, width }: Sink,
): string[] {
  const at = (row: number): readonly string[] =>
    file === undefined ? [] : [line === undefined ? file : `${file}:${line + row}`];
  if (statement === undefined) return [...at(0)];
  const all = statement.split('\n').map((text) => text.replaceAll('\t', '  '));
  const found = near === undefined ? undefined : findNear(all, near);
  const from = Math.max(0, Math.min(found?.line ?? 0, all.length - 1) - (SHOWN_LINES - 1));
  const to = found === undefined ? Math.min(all.length, SHOWN_LINES) : found.line + 1;
  const first = line ?? 1;
  const digits = String(first + to - 1).length;
  const shown = all.slice(from, to).flatMap((text, row) => {
    const number = line === undefined ? ''.padStart(digits) : String(first + from + row).padStart(digits);
    const shownLine = `  ${paint.dim(`${number} │`)} ${text.slice(0, width - TEXT_AT - digits - 6)}`;
    if (found === undefined || from + row !== found.line) return [shownLine];
    return [
      shownLine,
      `  ${paint.dim(`${' '.repeat(digits)} │`)} ${' '.repeat(found.column)}${paint.red('^'.repeat(found.length))}`,
    ];
  });
  const more = found === undefined && all.length > to ? [`  ${paint.dim(`${' '.repeat(digits)} │`)} …`] : [];
  return [...at(found?.line ?? 0), ...shown, ...more];
}

/** The first place where the word stands by itself. */
function findNear(
  lines: readonly string[],
  near: string,
): { readonly line: number; readonly column: number; readonly length: number } | undefined {
  const names = [near, near.slice(near.lastIndexOf('.') + 1)].filter(Boolean);
  for (const name of names) {
    const word = new RegExp(`(?<![\\w$])${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w$])`, 'i');
    for (const [line, text] of lines.entries()) {
      const at = text.search(word);
      if (at >= 0) return { line, column: at, length: [...name].length };
    }
  }
  return undefined;
}

/** Whether the data is safe, in one sentence. */
function stateText({ state }: Pick<Finding, 'state'>, kept: readonly string[], reverted: readonly string[]): string {
  const stays = [earlierText(kept, 'applied'), earlierText(reverted, 'reverted')].join('');
  switch (state) {
    case 'unchanged':
      return stays === '' ? 'Nothing was changed.' : `Nothing else was changed.${stays}`;
    case 'rolled-back':
      return stays === ''
        ? 'Nothing was changed: the step was rolled back and the schema is what it was.'
        : `Nothing of the step is left: it was rolled back and the schema is what it was before it.${stays}`;
    case 'restored':
      return `The database is what it was before the step: its backup was put back.${stays}`;
    case 'needs-attention':
      return `This needs a person: nothing more will be changed until somebody has looked.${stays}`;
  }
}

function earlierText(steps: readonly string[], done: 'applied' | 'reverted'): string {
  if (steps.length === 0) return '';
  const [it, they] = done === 'applied' ? ['stays', 'stay'] : ['stays so', 'stay so'];
  if (steps.length === 1) return ` ${steps.join('')} was ${done} before it and ${it}.`;
  return steps.length <= 4
    ? ` ${steps.join(', ')} were ${done} before it and ${they}.`
    : ` The ${steps.length} steps before it, ${done === 'applied' ? 'up' : 'down'} to ${steps.at(-1) ?? ''}, were ${done} and ${they}.`;
}

/** What a hint says about the state is told by the line above it. */
const SAID: readonly RegExp[] = [
  /(?:The step|It|What was under way) was rolled back(?: and nothing of it is left)?[.;]\s*/,
  /Nothing (?:was changed|was written)(?: in the database)?\.\s*/,
  /Nothing half-done was left\.\s*/,
  /The database (?:was not touched|is what it was)\.\s*/,
  /The step was not begun\.\s*/,
];
const withoutRepetition = (hint: string): string => {
  const text = SAID.reduce((rest, said) => rest.replace(said, ''), hint).trim();
  return text.charAt(0) === '`' ? text : text.charAt(0).toUpperCase() + text.slice(1);
};
