// `restore --as-copy NAME`: a backup becomes a new database; nothing is replaced, so nobody is asked.
import { errAsync } from 'neverthrow';
import { migrateError } from '../../core/errors/migrate-error.js';
import type { CopyReport } from '../../core/manager/restore-as-copy.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { cancelOnSignal } from '../cancellation.js';
import { backupDocument } from '../documents.js';
import { withEngine } from '../engine.js';
import { count, wrap } from '../format.js';
import { observed } from '../observed.js';
import type { Sink } from '../terminal.js';
import { choiceOf, type RestoreFlags } from './restore.js';

export function runRestoreAsCopy(
  context: CommandContext,
  flags: RestoreFlags & { readonly asCopy: string },
  id: string | undefined,
): CommandResult {
  const choice = choiceOf(flags, id);
  if (choice.isErr()) return errAsync(choice.error);
  if (flags.tables !== undefined || flags.by !== undefined)
    return errAsync(
      migrateError({
        kind: 'usage',
        reason: `a copy is of the whole, and takes nobody's place: ${flags.tables === undefined ? '--by' : '--tables'} does not go with --as-copy`,
        suggestion: 'Leave one of the two out.',
      }),
    );
  return withEngine(flags, (engine) => {
    const reporter = observed(context, engine);
    return engine.manager
      .restoreAsCopy({ choice: choice.value, name: flags.asCopy, signal: cancelOnSignal(context) })
      .map(answer)
      .andTee(() => reporter.end());
  });
}

const answer = ({ backup, restored: { tables, rows }, copy, journal }: CopyReport): Answer => ({
  document: { backup: backupDocument(backup), restored: { tables, rows }, copy, journal },
  lines: ({ paint, width }: Sink) => [
    `${paint.green('✔')} ${copy.database} made of ${backup.manifest.id}, ${count(rows, 'row')}`,
    ...wrap(
      'Its history begins there, with the steps that were applied then; its id, and so its backups, are its own.',
      width,
    ),
  ],
});
