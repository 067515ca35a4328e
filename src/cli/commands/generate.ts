// `generate dao`: the files of a table's DAO, from the live schema. The database is only read.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import { migrateError, type MigrateError } from '../../core/errors/migrate-error.js';
import type { GeneratedDao } from '../../generate-dao.js';
import { Tokens } from '../../tokens.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { withEngine } from '../engine.js';
import { count } from '../format.js';
import { relative } from '../progress-lines.js';
import { readSettings, withDatabase, type Flags } from '../settings.js';
import { writeNew } from '../write-new.js';

export interface GenerateFlags extends Flags {
  readonly out?: string;
  readonly force?: boolean;
}

export function runGenerateDao(_context: CommandContext, flags: GenerateFlags, table: string): CommandResult {
  const directory = path.resolve(flags.out ?? 'dao');
  return new ResultAsync(readSettings(flags)).andThen(withDatabase).andThen(({ options }) =>
    withEngine(flags, ({ config, get }) =>
      ResultAsync.fromSafePromise(import('../../generate-dao.js')).andThen(({ generateDao }) =>
        generateDao({
          config,
          port: get(Tokens.Database),
          database: options.database,
          table,
          steps: typeof options.steps === 'string' ? stepsOf(options.steps) : './migrations',
        }),
      ),
    ).andThen((made) => written(made, directory, flags)),
  );
}

/** As tests that are started here name it. */
const stepsOf = (steps: string): string => {
  const from = relative(path.resolve(steps)).split(path.sep).join('/');
  return path.isAbsolute(from) || from.startsWith('.') ? from : `./${from}`;
};

function written(
  made: GeneratedDao,
  directory: string,
  { force = false }: GenerateFlags,
): Result<Answer, MigrateError> {
  const files = made.files.map(({ name, text }) => ({ file: path.join(directory, name), text }));
  const there = files.filter(({ file }) => existsSync(file)).map(({ file }) => relative(file));
  if (there.length > 0 && !force)
    return err(
      migrateError({
        kind: 'usage',
        reason: `${there.join(' and ')} ${there.length === 1 ? 'is' : 'are'} there already; nothing was written`,
        suggestion: 'Choose another folder with --out, or write over what is there with --force.',
      }),
    );
  return writeNew(files, 'replace').andThen(({ files: paths }) => ok(answer(made, paths)));
}

function answer(made: GeneratedDao, paths: readonly string[]): Answer {
  const [dao = '', test = ''] = paths;
  const what = `${made.dao}: ${count(made.columns, 'column')}, key ${made.primaryKey.join(', ')}`;
  const todo = made.todo === null ? 'an insert and a read' : `the insert is left to do: ${made.todo}`;
  return {
    document: { ...made, files: paths },
    lines: ({ paint }) => [
      `${paint.green('✔')} ${dao}   ${what}`,
      `${paint.green('✔')} ${test}   ${todo}`,
      ...(made.notes.length === 0 ? [] : ['', 'What the database could not say for certain stands in it as comments:']),
      ...made.notes.map(({ column, note }) => `  ${column}: ${note}`),
      '',
      `Read it through, then call it: new ${made.dao}(openDatabase({ database }))`,
    ],
  };
}
