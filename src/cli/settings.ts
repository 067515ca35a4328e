// The settings of a call: flags, then MIGRATE_SAFE_*, then DATABASE_URL, then the config file, then defaults.
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { err, ok, type Result } from 'neverthrow';
import type { MigrateSafeOptions } from '../config.js';
import { migrateError, reasonOf, type MigrateError } from '../core/errors/migrate-error.js';
import { findConfigFile, loadConfigFile } from './config-file.js';

/** What commander makes of the command line: the global flags, and those of `up` that are settings too. */
export interface Flags {
  readonly config?: string;
  readonly database?: string;
  readonly steps?: string;
  readonly contract?: string;
  readonly backups?: string;
  readonly component?: string;
  readonly guard?: string;
  readonly lockWait?: string;
  readonly envFile?: string;
  readonly fileBackup?: string;
  readonly fileBackupBy?: string;
  readonly onFailure?: string;
  readonly onAhead?: string;
  readonly outOfOrder?: boolean;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
}

export interface Settings {
  /** Not checked yet, except for what a config file says; `database` may be missing. */
  readonly options: Partial<MigrateSafeOptions>;
  readonly configFile: string | undefined;
  /** The variables that count: what they say may have been meant for another program. */
  readonly variables: readonly string[];
}

const NAMES = [
  'database',
  'steps',
  'contract',
  'backups',
  'component',
  'guard',
  'lockWait',
  'fileBackup',
  'fileBackupBy',
  'onFailure',
  'onAhead',
] as const;
const DEFAULTS = { steps: './migrations', backups: './backups' };

/** `lockWait` -> `MIGRATE_SAFE_LOCK_WAIT`. */
const variable = (name: string): string =>
  `MIGRATE_SAFE_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** Reads what is named, and nothing that is not: an env file lying about may point at production. */
export async function readSettings(flags: Flags): Promise<Result<Settings, MigrateError>> {
  if (flags.envFile !== undefined) {
    const loaded = loadEnvFile(flags.envFile);
    if (loaded.isErr()) return err(loaded.error);
  }
  const file = configFileOf(flags.config ?? fromEnvironment('config'));
  if (file.isErr()) return err(file.error);
  const said = file.value === undefined ? ok({}) : await loadConfigFile(file.value);
  if (said.isErr()) return err(said.error);
  const options: Record<string, unknown> = { ...DEFAULTS, ...said.value };
  const url = process.env['DATABASE_URL'];
  if (url) options['database'] = url;
  for (const name of NAMES) {
    const value = flags[name] ?? fromEnvironment(name);
    if (value !== undefined) options[name] = value;
  }
  if (flags.outOfOrder) options['outOfOrder'] = 'allow';
  if (options['database'] === undefined && namesServer()) options['database'] = 'postgres:';
  const variables = NAMES.filter((name) => flags[name] === undefined && fromEnvironment(name)).map(variable);
  if (url && flags.database === undefined && !fromEnvironment('database')) variables.unshift('DATABASE_URL');
  return ok({ options, configFile: file.value, variables });
}

/** The database that every command would take, where no flag and no config file names one. */
export const databaseOfEnvironment = (): string | undefined =>
  fromEnvironment('database') ?? (process.env['DATABASE_URL'] || (namesServer() ? 'postgres:' : undefined));

/** Whoever has set the variables of PostgreSQL's own tools has named a database with them. */
const namesServer = (): boolean => ['PGDATABASE', 'PGHOST'].some((name) => process.env[name]);

/** An empty variable is as good as none. */
const fromEnvironment = (name: string): string | undefined => process.env[variable(name)] || undefined;

/** Variables that are set already stay as they are. */
function loadEnvFile(file: string): Result<void, MigrateError> {
  try {
    process.loadEnvFile(file);
    return ok(undefined);
  } catch (thrown) {
    const reason = existsSync(file) ? reasonOf(thrown) : 'there is no such file';
    return err(
      migrateError({
        kind: 'usage',
        reason: `the env file ${file} could not be read: ${reason}`,
        suggestion: 'Name one that is there with --env-file, or leave it out.',
      }),
    );
  }
}

function configFileOf(named: string | undefined): Result<string | undefined, MigrateError> {
  if (named === undefined) return findConfigFile(process.cwd());
  const file = path.resolve(named);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile()) return ok(file);
  const reason = found === undefined ? 'there is no such file' : 'it is a directory';
  return err(migrateError({ kind: 'config-unreadable', file: named, reason }));
}

/** A command that works on a database needs one to be named. */
export function withDatabase(settings: Settings): Result<Settings & { options: MigrateSafeOptions }, MigrateError> {
  const { options } = settings;
  const { database } = options;
  if (database !== undefined) return ok({ ...settings, options: { ...options, database } });
  return err(
    migrateError({
      kind: 'usage',
      reason: 'no database is named',
      suggestion:
        'Name one with --database sqlite:app.db or --database postgres://user@host/name, with MIGRATE_SAFE_DATABASE or DATABASE_URL, or in migrate-safe.config.ts, which this makes: migrate-safe init',
    }),
  );
}
