// `backup create | list | show`: copies that retention leaves alone, and what there is.
import { errAsync, okAsync } from 'neverthrow';
import { migrateError } from '../../core/errors/migrate-error.js';
import { bytesOf } from '../../core/manager/clone-facts.js';
import type { BackupListing, StoredBackup } from '../../core/ports/backup-store.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { archiveRows, formText, reasonText } from '../backup-text.js';
import { cancelOnSignal } from '../cancellation.js';
import { backupDocument } from '../documents.js';
import { withEngine } from '../engine.js';
import { ago, bytes, count, duration, localTime } from '../format.js';
import { observed } from '../observed.js';
import { relative } from '../progress-lines.js';
import type { Flags } from '../settings.js';
import { table } from '../table.js';
import type { Sink } from '../terminal.js';

export function runBackupCreate(context: CommandContext, flags: Flags & { readonly verify?: string }): CommandResult {
  const started = performance.now();
  return withEngine(flags, (engine) => {
    const reporter = observed(context, engine);
    const verify = flags.verify === 'full' ? 'full' : 'quick';
    return engine.manager
      .createBackup({ verify, signal: cancelOnSignal(context) })
      .map((backup): Answer => ({
        document: { backup: backupDocument(backup) },
        lines: (sink) => createdLines(backup, performance.now() - started, sink),
      }))
      .andTee(() => reporter.end());
  });
}

function createdLines({ manifest, file }: StoredBackup, ms: number, { paint }: Sink): string[] {
  return [
    `${paint.bold(manifest.database.label)}   ${paint.green('✔')} ${bytes(bytesOf(manifest))} in ${duration(ms)}, verified (${manifest.verified.checks.join(', ')})`,
    paint.dim(relative(file)),
    `backup ${paint.bold(manifest.id)}`,
  ];
}

export const runBackupList = (_context: CommandContext, flags: Flags): CommandResult =>
  withEngine(flags, ({ manager, info }) =>
    manager.listBackups().map((listing): Answer => ({
      document: { backups: listing.backups.map(backupDocument), damaged: listing.damaged },
      lines: (sink) => listLines(listing, info().label, sink),
    })),
  );

function listLines({ backups, damaged }: BackupListing, database: string, { paint, width }: Sink): string[] {
  const total = backups.reduce((all, { manifest }) => all + bytesOf(manifest), 0);
  const rows = backups.map(({ manifest }) => [
    manifest.id,
    reasonText(manifest.reason),
    bytes(bytesOf(manifest)),
    localTime(manifest.createdAt),
    formText(manifest),
  ]);
  const broken = damaged.map(({ id, detail }) => `${paint.red('✖')} ${id} is not whole: ${detail}`);
  const legend = Object.entries(LEGEND).flatMap(([kind, line]) =>
    backups.some(({ manifest }) => manifest.kind === kind) ? [line] : [],
  );
  const none = damaged.length === 0 ? 'no backups' : 'no backup that can be read';
  return [
    `${paint.bold(database)}   ${backups.length === 0 ? none : `${count(backups.length, 'backup')}, ${bytes(total)}`}`,
    ...(rows.length === 0 ? [] : ['']),
    ...table(rows, { width: width - 2, shrink: 1, right: [2] }, (cell, column) =>
      column === 0 ? paint.bold(cell) : column > 2 ? paint.dim(cell) : cell,
    ).map((line) => `  ${line}`),
    ...(broken.length === 0 ? [] : ['', ...broken]),
    ...(legend.length === 0 ? [] : ['', ...legend.map((line) => paint.dim(line))]),
    ...(backups.length === 0 ? [] : ['', 'Put one back with: migrate-safe restore ID']),
  ];
}

/** What is no file. */
const LEGEND = {
  tables: 'copies: of the tables that a step could touch, in the database itself',
  clone: 'clone: a database beside it, on its server',
} as const;

export function runBackupShow(_context: CommandContext, flags: Flags, id: string): CommandResult {
  return withEngine(flags, ({ manager, config }) =>
    manager.listBackups().andThen(({ backups, damaged }) => {
      const found = backups.find(({ manifest }) => manifest.id === id);
      if (found !== undefined)
        return okAsync<Answer>({
          document: { backup: { ...backupDocument(found), manifest: found.manifest } },
          lines: (sink) => showLines(found, sink),
        });
      const broken = damaged.find((one) => one.id === id);
      if (broken !== undefined)
        return errAsync(
          migrateError({ kind: 'backup-corrupt', backupId: id, check: 'manifest', detail: broken.detail }),
        );
      return errAsync(migrateError({ kind: 'backup-not-found', wanted: id, directory: relative(config.backups) }));
    }),
  );
}

function showLines({ manifest, file }: StoredBackup, { paint, width }: Sink): string[] {
  const { id, database, reason, createdAt, copy, journal, verified, files, engine, driver, tables, restorePoint } =
    manifest;
  const rows = [
    ['of', `${database.label} (${database.dialect})`],
    ['taken', `${localTime(createdAt, true)}, ${ago(createdAt)}, ${reasonText(reason)}`],
    ...(restorePoint
      ? [
          ['name', restorePoint.name],
          ['place', `${restorePoint.lsn} in the server's log`],
        ]
      : [
          ['size', bytes(bytesOf(manifest))],
          [
            'tables',
            tables?.map((one) => `${one.table} (${count(one.rows, 'row')})`).join(', ') ??
              (copy.tables.join(', ') || 'none'),
          ],
          ...archiveRows(copy),
        ]),
    ['journal', `up to event ${journal.position}`],
    ['verified', `${localTime(verified.at, true)}: ${verified.checks.join(', ')}`],
    ...(tables || restorePoint ? [] : [['sha256', files[0]?.sha256 ?? '']]),
    ['by', `${engine}, ${driver}`],
    ...(tables ? [['copies', tables.map((one) => one.copy).join(', ')]] : []),
    ...(file === '' ? [] : [['clone' in copy ? 'note' : 'file', relative(file)]]),
  ];
  return [
    `backup ${paint.bold(id)}`,
    '',
    ...table(rows, { width: width - 2, shrink: 1 }, (cell, column) => (column === 0 ? paint.dim(cell) : cell)).map(
      (line) => `  ${line}`,
    ),
    '',
    restorePoint
      ? `How the server is brought back to it: migrate-safe restore ${id}`
      : `Put it back with: migrate-safe restore ${id}`,
  ];
}
