// `init`: a config file, a first step and lines for .gitignore; what is there already stays as it is.
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { err, errAsync, ok, ResultAsync, type Result } from 'neverthrow';
import { migrateError, reasonOf, type MigrateError } from '../../core/errors/migrate-error.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { askText } from '../ask.js';
import { findConfigFile } from '../config-file.js';
import { relative } from '../progress-lines.js';
import { configFile, firstStep, missingIgnores } from '../scaffold.js';
import { withoutPassword } from '../secrets.js';
import { databaseOfEnvironment, type Flags } from '../settings.js';
import type { Terminal } from '../terminal.js';
import { writeNew, type NewFile } from '../write-new.js';

const CONFIG = 'migrate-safe.config.ts';
const PASSWORD_LEFT_OUT = '! The password is written nowhere: let PGPASSWORD or ~/.pgpass have it.';

interface Choices {
  readonly database: string;
  readonly steps: string;
  readonly backups: string;
}

export function runInit({ terminal }: CommandContext, flags: Flags): CommandResult {
  const found = findConfigFile(process.cwd());
  if (found.isErr()) return errAsync(found.error);
  const choices: Choices = {
    database: flags.database ?? databaseOfEnvironment() ?? 'sqlite:app.db',
    steps: flags.steps ?? './migrations',
    backups: flags.backups ?? './backups',
  };
  const asks = !flags.yes && terminal.canAsk && found.value === undefined && flags.database === undefined;
  return new ResultAsync(
    asks ? askDatabase(choices, terminal) : Promise.resolve<Result<Choices, MigrateError>>(ok(choices)),
  ).andThen((chosen) => scaffold(chosen, flags, found.value));
}

async function askDatabase(choices: Choices, terminal: Terminal): Promise<Result<Choices, MigrateError>> {
  const database = await askText({
    message: 'Which database?',
    initialValue: choices.database,
    colour: terminal.error.coloured,
  });
  if (database === undefined) return err(migrateError({ kind: 'cancelled' }, { state: 'unchanged' }));
  return ok({ ...choices, database: database || choices.database });
}

function scaffold(
  { database: named, steps, backups }: Choices,
  { component, envFile }: Flags,
  config: string | undefined,
): Result<Answer, MigrateError> {
  const database = withoutPassword(named);
  const directory = path.resolve(steps);
  const files: NewFile[] = [
    ...(config === undefined
      ? [{ file: path.resolve(CONFIG), text: configFile({ database, steps, backups, component }) }]
      : []),
    ...(hasSteps(directory)
      ? []
      : firstStep(isServer(database)).map(({ name, text }) => ({ file: path.join(directory, name), text }))),
  ];
  return writeNew(files).andThen((written) =>
    ignore(ignoresFor(database, backups)).map((ignored): Answer => {
      const all = [...written.files, ...(ignored.length > 0 ? ['.gitignore'] : [])];
      const kept = [...written.kept, ...(config === undefined ? [] : [relative(config)])];
      return {
        document: { files: all, kept },
        ...(config === undefined ? { toRepeat: envFile === undefined ? {} : { envFile } } : {}),
        lines: ({ paint }) => [
          ...written.files.map((file) => `${paint.green('✔')} ${file}`),
          ...(ignored.length > 0 ? [`${paint.green('✔')} .gitignore   ${paint.dim(ignored.join('  '))}`] : []),
          ...kept.map((file) => paint.dim(`  ${file} was there and stays as it is`)),
          ...(config === undefined && database !== named ? [paint.yellow(PASSWORD_LEFT_OUT)] : []),
          '',
          all.length === 0
            ? 'Everything is there already. Next: migrate-safe status'
            : 'See what it would do with `migrate-safe plan`, then: migrate-safe up',
        ],
      };
    }),
  );
}

function hasSteps(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).some((name) => /^\d+.*\.(sql|[cm]?[jt]s)$/i.test(name));
}

const isServer = (database: string): boolean => /^postgres(?:ql)?:/i.test(database);

/** The database and its side files, the lock beside it, and the backups: data is not for version control. */
function ignoresFor(database: string, backups: string): readonly string[] {
  const folder = isBelow(backups) ? [`${slashes(backups)}/`] : [];
  if (isServer(database)) return folder;
  const [, name = ''] = /^(?:sqlite3?:(?:\/\/)?)?([^?]*)/i.exec(database) ?? [];
  const own =
    isBelow(name) && name !== ':memory:' && !/\.(db|sqlite)$/.test(name) ? [slashes(name), `${slashes(name)}-*`] : [];
  return [...folder, ...own, '*.db', '*.db-*', '*.sqlite', '*.sqlite-*', '*-migrate-lock*'];
}

const isBelow = (name: string): boolean =>
  name !== '' && !path.relative('.', name).startsWith('..') && !path.isAbsolute(name);
const slashes = (name: string): string => path.normalize(name).replaceAll('\\', '/').replace(/\/$/, '');

/** Adds what is missing, at the end. */
function ignore(wanted: readonly string[]): Result<readonly string[], MigrateError> {
  const file = path.resolve('.gitignore');
  try {
    const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const missing = missingIgnores(present, wanted);
    const before = present === '' || present.endsWith('\n') ? '' : '\n';
    if (missing.length > 0) appendFileSync(file, `${before}${missing.join('\n')}\n`);
    return ok(missing);
  } catch (thrown) {
    return err(
      migrateError(
        { kind: 'usage', reason: `.gitignore could not be written: ${reasonOf(thrown)}` },
        { cause: thrown },
      ),
    );
  }
}
