// `history` and `audit`: the journal as it was written, and the proof that it still is.
import type { AuditReport } from '../../core/manager/audit.js';
import type { StoredEvent } from '../../core/events/envelope.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { withEngine } from '../engine.js';
import { bytes, count, duration, localTime, wrap } from '../format.js';
import { effectsText } from '../effects.js';
import type { Effects } from '../../core/events/effects.js';
import type { Flags } from '../settings.js';
import { relative } from '../progress-lines.js';
import { table } from '../table.js';
import type { Sink } from '../terminal.js';

export const runHistory = (_context: CommandContext, flags: Flags): CommandResult =>
  withEngine(flags, ({ manager, info }) =>
    manager
      .history()
      .map((events): Answer => ({ document: { events }, lines: (sink) => historyLines(events, info().label, sink) })),
  );

export const runAudit = (_context: CommandContext, flags: Flags): CommandResult =>
  withEngine(flags, ({ manager, info, config }) =>
    manager.audit().map((report): Answer => {
      const { events, head, mirrored } = report;
      return {
        document: { events, head, mirrored },
        lines: (sink) => [
          `${sink.paint.bold(info().label)}   ${sink.paint.green('✔')} ${count(events, 'event')}, chain intact; ${sameText(report)}`,
          ...mirrorLines(report, info().location === undefined ? undefined : relative(config.backups), sink),
          `head ${head.position} ${head.hash}`,
        ],
      };
    }),
  );

const isMirrored = ({ events, mirrored }: AuditReport): boolean => mirrored > 0 && mirrored === events;

const sameText = (report: AuditReport): string =>
  isMirrored(report) ? 'the table of steps and the mirror say the same' : 'the table of steps says the same';

/** What the mirror does not prove; a database in memory has none to miss. */
function mirrorLines(report: AuditReport, backups: string | undefined, sink: Sink): readonly string[] {
  const { events, mirrored } = report;
  if (isMirrored(report) || events === 0 || backups === undefined) return [];
  const what =
    mirrored === 0
      ? `There is no mirror of the journal in ${backups}, so nothing was compared with it. One that lies elsewhere is named with --backups.`
      : `The mirror in ${backups} ends at event ${mirrored}: what comes after it was not compared.`;
  return wrap(`${what} The next run that writes to the journal completes it.`, sink.width - 2).map(
    (line, at) => `${at === 0 ? sink.paint.yellow('!') : ' '} ${line}`,
  );
}

function historyLines(events: readonly StoredEvent[], database: string, { paint, width }: Sink): string[] {
  if (events.length === 0) return [`${paint.bold(database)}   no journal yet`];
  const rows = events.map((event) => [
    String(event.position),
    localTime(event.recordedAt, true),
    event.type,
    summary(event),
  ]);
  // A run is a paragraph.
  const lines = table(rows, { width, shrink: 3, right: [0] }, (cell, column) =>
    column === 1 ? paint.dim(cell) : column === 2 ? paint.bold(cell) : cell,
  );
  return lines.flatMap((line, at) => (at > 0 && events[at]?.runId !== events[at - 1]?.runId ? ['', line] : [line]));
}

/** A backup says of each table how many rows it has, a restore only its name. */
const tableName = (table: unknown): string =>
  table !== null && typeof table === 'object' && 'table' in table ? String(table.table) : String(table);

/** Events are shown whatever version wrote them: what is not there is left out. */
function summary({ data }: StoredEvent): string {
  const text = (key: string): string =>
    typeof data[key] === 'string' || typeof data[key] === 'number' ? String(data[key]) : '';
  const error = data['error'] as { readonly code?: string; readonly message?: string } | undefined;
  const effects = data['effects'] as Effects | undefined;
  const plan = data['plan'];
  const parts = [
    `${text('version')} ${text('description')}`.trim(),
    text('kind') === 'file' ? '' : text('kind'),
    Array.isArray(plan) && plan.length > 0
      ? plan.length > 5
        ? `${plan.length} steps, ${String(plan[0])} to ${String(plan.at(-1))}`
        : plan.join(', ')
      : '',
    text('target') && `to ${text('target')}`,
    text('backupId'),
    typeof data['bytes'] === 'number' ? bytes(data['bytes']) : '',
    effects === undefined ? '' : (effectsText(effects) ?? ''),
    Array.isArray(data['tables']) ? `only ${data['tables'].map(tableName).join(', ')}` : '',
    typeof data['rows'] === 'number' ? `${data['rows']} rows` : '',
    text('rung') && `by ${text('rung')}`,
    text('finding'),
    error === undefined ? '' : `${error.code ?? ''} ${error.message ?? ''}`.trim(),
    typeof data['durationMs'] === 'number' ? duration(data['durationMs']) : '',
  ];
  return parts.filter(Boolean).join(', ');
}
