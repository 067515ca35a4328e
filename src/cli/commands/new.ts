// `new`: the files of the next step, numbered like the others, that run as they are.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { err, errAsync, ok, ResultAsync, type Result } from 'neverthrow';
import { migrateError, type MigrateError } from '../../core/errors/migrate-error.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { nextVersion, snakeName } from '../next-version.js';
import { sqlStep, tsStep } from '../scaffold.js';
import { readSettings, type Flags, type Settings } from '../settings.js';
import { writeNew, type Written } from '../write-new.js';

export interface NewFlags extends Flags {
  readonly sql?: boolean;
  readonly ts?: boolean;
}

export function runNew(_context: CommandContext, flags: NewFlags, name: string): CommandResult {
  if (flags.sql && flags.ts)
    return errAsync(migrateError({ kind: 'usage', reason: '--sql and --ts: it is one or the other' }));
  const snake = snakeName(name);
  if (snake === undefined)
    return errAsync(
      migrateError({
        kind: 'usage',
        reason: `${JSON.stringify(name)} has no letters to name a file with`,
        suggestion: 'Say in a few words what the step does: migrate-safe new add_email',
      }),
    );
  return new ResultAsync(readSettings(flags)).andThen((settings) =>
    directoryOf(settings).andThen((directory) => {
      const stem = `${nextVersion(versionsIn(directory))}_${snake}`;
      const files = (flags.ts ? tsStep : sqlStep)(stem, snake.replaceAll('_', ' '));
      return writeNew(files.map((file) => ({ file: path.join(directory, file.name), text: file.text }))).map(answer);
    }),
  );
}

function directoryOf({ options: { steps } }: Settings): Result<string, MigrateError> {
  if (typeof steps === 'string') return ok(path.resolve(steps));
  return err(
    migrateError({
      kind: 'usage',
      reason: 'the steps of this project are registered in code',
      suggestion: 'Name a directory with --steps, or write the step beside the others.',
    }),
  );
}

/** What stands before the first other character of a file's name, in digits. */
function versionsIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).flatMap((file) => /^\d+(?=[_.-])/.exec(file)?.[0] ?? []);
  } catch {
    return [];
  }
}

const answer = ({ files }: Written): Answer => ({
  document: { files },
  lines: ({ paint }) => [
    ...files.map((file) => `${paint.green('✔')} ${file}`),
    '',
    `Write the change, look at it with \`migrate-safe plan\`, then: migrate-safe up`,
  ],
});
