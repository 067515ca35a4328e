// `restore`: says what would be lost, asks for the database's name, and puts a backup back.
import path from 'node:path';
import { errAsync, ok, err, type Result } from 'neverthrow';
import { migrateError, type MigrateError } from '../../core/errors/migrate-error.js';
import { shellWord } from '../../core/errors/shell-word.js';
import type { BackupChoice } from '../../core/manager/choose-backup.js';
import type { RestorePreview, RestoreReport } from '../../core/manager/restore-context.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { askText } from '../ask.js';
import { previewLines } from '../backup-text.js';
import { cancelOnSignal } from '../cancellation.js';
import { backupDocument } from '../documents.js';
import { withEngine } from '../engine.js';
import { commandLines, count, duration, wrap } from '../format.js';
import { observed } from '../observed.js';
import { relative } from '../progress-lines.js';
import type { Flags } from '../settings.js';
import type { Sink, Terminal } from '../terminal.js';

export interface RestoreFlags extends Flags {
  readonly latest?: boolean;
  readonly beforeStep?: string;
  readonly tables?: string;
  readonly by?: 'auto' | 'in-place' | 'swap';
  readonly asCopy?: string;
}

export function runRestore(context: CommandContext, flags: RestoreFlags, id: string | undefined): CommandResult {
  const { terminal } = context;
  const choice = choiceOf(flags, id);
  if (choice.isErr()) return errAsync(choice.error);
  const names = flags.tables
    ?.split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  if (names?.length === 0)
    return errAsync(
      migrateError({
        kind: 'usage',
        reason: '--tables names no table',
        suggestion: 'Name them with commas between: --tables customers,orders',
      }),
    );
  if (!flags.yes && !terminal.canAsk) {
    return errAsync(
      migrateError({
        kind: 'usage',
        reason: 'a restore asks before it replaces what is there, and nobody can be asked here',
        suggestion: 'In a script, say so: add --yes',
      }),
    );
  }
  return withEngine(flags, (engine) => {
    const reporter = observed(context, engine);
    const signal = cancelOnSignal(context);
    const started = performance.now();
    terminal.live.set(
      () => `proving the backup, counting what was written since, ${duration(performance.now() - started)}`,
    );
    const confirm = async (preview: RestorePreview): Promise<boolean> => {
      reporter.end();
      const sink = flags.yes ? terminal.log : terminal.error;
      terminal.say([...previewLines(preview, sink), ...(flags.yes ? [''] : [])], sink);
      return flags.yes === true || (await typeName(preview.database, terminal, signal));
    };
    return engine.manager
      .restore({ choice: choice.value, tables: names ?? 'all', by: flags.by ?? 'auto', confirm, signal })
      .map((report) => answer(report, names))
      .andTee(() => reporter.end());
  });
}

/** Exactly one backup must be meant. */
export function choiceOf(
  { latest, beforeStep }: RestoreFlags,
  id: string | undefined,
): Result<BackupChoice, MigrateError> {
  const said: readonly BackupChoice[] = [
    ...(id === undefined ? [] : [{ id }]),
    ...(latest ? [{ latest: true } as const] : []),
    ...(beforeStep === undefined ? [] : [{ beforeStep }]),
  ];
  const [choice, other] = said;
  if (choice !== undefined && other === undefined) return ok(choice);
  const reason = choice === undefined ? 'no backup is named' : 'more than one backup is named';
  return err(
    migrateError({
      kind: 'usage',
      reason,
      suggestion: 'Name one: by its ID (migrate-safe backup list), with --latest, or with --before-step V.',
    }),
  );
}

/** The last part of the path is enough: what is asked for is attention. */
async function typeName(database: string, terminal: Terminal, signal: AbortSignal): Promise<boolean> {
  const name = path.basename(database);
  const typed = await askText({
    message: `Type the database's name (${name}) to go on:`,
    signal,
    colour: terminal.error.coloured,
    validate: (value) =>
      value === name || value === database
        ? undefined
        : `That is not its name. ${name} goes on, Ctrl-C leaves everything as it is.`,
  });
  terminal.say([''], terminal.error);
  return typed !== undefined;
}

function answer(
  { backup, restored, by, kept, journal, safetyBackupId, movedAside }: RestoreReport,
  asked: readonly string[] | undefined,
): Answer {
  const { tables, rows } = restored;
  return {
    document: {
      backup: backupDocument(backup),
      restored: { tables, rows },
      by,
      kept,
      journal,
      safetyBackupId,
      movedAside,
    },
    lines: ({ paint, width }: Sink) => [
      `${paint.green('✔')} ${asked === undefined ? 'the whole database' : count(tables.length, 'table')} put back, ${count(rows, 'row')}; journal at event ${journal.position}`,
      ...(movedAside.length === 0
        ? []
        : wrap(`What was there is kept as ${movedAside.map(relative).join(', ')}.`, width)),
      ...(kept === null
        ? []
        : [
            ...wrap(`What was there is the database ${kept.database}, with all that was written until then.`, width),
            ...commandLines('Once nobody needs it:', kept.drop, width),
          ]),
      ...(safetyBackupId === null
        ? []
        : commandLines(
            'To undo it:',
            `migrate-safe restore ${safetyBackupId}${asked === undefined ? '' : ` --tables ${shellWord(asked.join(','))}`}`,
            width,
          )),
    ],
  };
}
