// `status` and `current`: what is in the database and what is not yet; with --check, exit 3 where something is to be done.
import { migrateError, type MigrateError } from '../../core/errors/migrate-error.js';
import type { StatusReport } from '../../core/manager/inspect-state.js';
import type { StepState, StepStatus } from '../../core/steps/planner.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { statusDocument } from '../documents.js';
import { withEngine } from '../engine.js';
import { ago, bytes, count, duration, localTime, widthOf } from '../format.js';
import { noteLines, openRunNote } from '../open-run-text.js';
import type { Flags } from '../settings.js';
import type { Paint } from '../style.js';
import { table } from '../table.js';
import type { Sink } from '../terminal.js';

export function runStatus(_context: CommandContext, flags: Flags & { readonly check?: boolean }): CommandResult {
  return withEngine(flags, ({ manager }) =>
    manager.status().map((report): Answer => {
      const finding = flags.check ? findingOf(report) : undefined;
      return {
        document: statusDocument(report),
        lines: (sink) => statusLines(report, sink),
        ...(finding ? { finding } : {}),
      };
    }),
  );
}

export const runCurrent = (_context: CommandContext, flags: Flags): CommandResult =>
  withEngine(flags, ({ manager }) =>
    manager.status().map(({ current }): Answer => ({ document: { current }, lines: () => [current ?? 'base'] })),
  );

/** What stands worst against the database, first what `up` would refuse. */
function findingOf({ steps, pending, obstacle }: StatusReport): MigrateError | undefined {
  if (obstacle !== undefined) return obstacle;
  const inState = (state: StepState): readonly StepStatus[] => steps.filter((step) => step.state === state);
  const changed = inState('changed');
  if (changed.length > 0) {
    return migrateError({
      kind: 'changed-step',
      versions: changed.map(({ version }) => version),
      files: changed.map(({ file, description }) => file ?? description),
    });
  }
  const missing = inState('missing');
  if (missing.length > 0)
    return migrateError({ kind: 'missing-step', versions: missing.map(({ version }) => version) });
  return pending > 0 ? migrateError({ kind: 'pending', count: pending }) : undefined;
}

function statusLines(report: StatusReport, sink: Sink): string[] {
  const { steps } = report;
  return [
    ...headerLines(report, sink),
    '',
    ...(steps.length === 0 ? ['  no steps'] : stepTable(report, sink)),
    ...notesOf(report, sink),
    '',
    footer(report),
  ];
}

function headerLines({ database, current, head, pending, obstacle }: StatusReport, { paint, width }: Sink): string[] {
  const size =
    database.bytes === undefined
      ? database.path === undefined
        ? ''
        : obstacle === undefined
          ? ', not there yet'
          : ', not there'
      : `, ${bytes(database.bytes)}`;
  const left = `${paint.bold(database.label)}   ${database.dialect}${size}`;
  const todo = pending === 0 ? paint.green('nothing pending') : paint.yellow(`${pending} pending`);
  const right = `current ${current ?? 'base'}, head ${head ?? 'none'}, ${todo}`;
  const gap = width - widthOf(left) - widthOf(right);
  return gap >= 3 ? [left + ' '.repeat(Math.min(gap, 24)) + right] : [left, right];
}

const paintState = (state: StepState, paint: Paint): ((text: string) => string) => {
  switch (state) {
    case 'applied':
    case 'stamped':
      return paint.green;
    case 'pending':
    case 'ahead':
      return paint.yellow;
    case 'changed':
    case 'missing':
    case 'interrupted':
      return paint.red;
  }
};

const UNDER_WAY = 'under way';

function stepTable({ steps, isUnderWay }: StatusReport, { paint, width }: Sink): string[] {
  const rows = steps.map(({ version, description, state, appliedAt, durationMs }) => [
    version,
    description === version ? '' : description,
    state === 'interrupted' && isUnderWay ? UNDER_WAY : state,
    appliedAt === null ? '' : localTime(appliedAt),
    durationMs === null || state === 'stamped' ? '' : duration(durationMs),
  ]);
  return table(rows, { width: width - 2, shrink: 1, right: [4] }, (cell, column, row) => {
    const state = steps[row]?.state;
    if (column === 2 && state !== undefined)
      return cell === UNDER_WAY ? paint.yellow(cell) : paintState(state, paint)(cell);
    return column > 2 ? paint.dim(cell) : cell;
  }).map((line) => `  ${line}`);
}

/** What the table's words mean, where they need somebody. */
function notesOf({ steps, openRun, isUnderWay, obstacle, damagedBackups }: StatusReport, sink: Sink): string[] {
  const versions = (state: StepState): string =>
    steps
      .filter((step) => step.state === state)
      .map(({ version }) => version)
      .join(', ');
  const notes = [
    obstacle && `${obstacle.message}. ${obstacle.hint}`,
    versions('changed') &&
      `${versions('changed')}: the file is not what was applied. Put it back as it was; write what is new as a new step.`,
    versions('missing') && `${versions('missing')}: applied, but the file is gone. Put it back.`,
    versions('ahead') && `${versions('ahead')}: applied by a newer release than this one.`,
    openRun && openRunNote(openRun, isUnderWay),
    damagedBackups > 0 &&
      `${count(damagedBackups, 'backup is', 'backups are')} not whole, or cannot be read: \`migrate-safe backup list\` says which, and why.`,
  ].filter((note): note is string => Boolean(note));
  return notes.length === 0 ? [] : ['', ...noteLines(notes, sink)];
}

function footer({ lastBackup, damagedBackups, journal, obstacle }: StatusReport): string {
  const none = damagedBackups === 0 ? 'no backup yet' : 'no backup that can be read';
  const backup = lastBackup === undefined ? none : `last backup ${ago(lastBackup.createdAt)}, verified`;
  return `${backup}; ${journal === undefined || journal.position === 0 ? `no journal${obstacle?.kind === 'database-gone' ? '' : ' yet'}` : `journal ${count(journal.position, 'event')}`}`;
}
