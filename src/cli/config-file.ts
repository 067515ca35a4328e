// The config file: found in the working directory, loaded whatever its language, its paths taken from where it lies.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { err, ok, type Result } from 'neverthrow';
import type { MigrateSafeOptions } from '../config.js';
import { migrateError, reasonOf, type MigrateError } from '../core/errors/migrate-error.js';

const EXTENSIONS = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'];
const NAMES: readonly string[] = EXTENSIONS.map((extension) => `migrate-safe.config.${extension}`);

/** Undefined where there is none; two of them are refused, because only one would be read. */
export function findConfigFile(directory: string): Result<string | undefined, MigrateError> {
  const found = filesIn(directory).filter((name) => NAMES.includes(name));
  const [first, ...others] = found;
  if (first === undefined) return ok(undefined);
  if (others.length === 0) return ok(path.join(directory, first));
  return err(
    migrateError({
      kind: 'usage',
      reason: `there is more than one config file: ${found.join(', ')}`,
      suggestion: `Keep one, or name it: --config ${first}`,
    }),
  );
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** The options that its default export states, checked, with absolute paths. */
export async function loadConfigFile(file: string): Promise<Result<Partial<MigrateSafeOptions>, MigrateError>> {
  const label = path.relative(process.cwd(), file) || file;
  let loaded: unknown;
  try {
    const { loadModule } = await import('../wiring.js');
    loaded = await loadModule(file);
  } catch (thrown) {
    return err(migrateError({ kind: 'config-unreadable', file: label, reason: reasonOf(thrown) }, { cause: thrown }));
  }
  const said = defaultOf(loaded);
  if (said === null || typeof said !== 'object' || Array.isArray(said)) {
    return err(
      migrateError({
        kind: 'config-unreadable',
        file: label,
        reason: 'it has no default export with the options: export default defineConfig({ … })',
      }),
    );
  }
  const { parseConfig } = await import('../config.js');
  // Alone it need not name a database: a flag may.
  return parseConfig({ database: ':memory:', ...said }, label)
    .map(() => rebase(said, path.dirname(file)))
    .mapErr((error) => migrateError(error));
}

/** ES modules, and CommonJS as compilers and people write it. */
function defaultOf(loaded: unknown): unknown {
  if (loaded === null || typeof loaded !== 'object' || !('default' in loaded)) return loaded;
  const { default: inner } = loaded;
  return inner !== null && typeof inner === 'object' && 'default' in inner && '__esModule' in inner
    ? inner.default
    : inner;
}

/** Relative paths in a config file are relative to it, from wherever the command is called. */
function rebase(said: Partial<MigrateSafeOptions>, directory: string): Partial<MigrateSafeOptions> {
  const at = (name: string): string => path.resolve(directory, name);
  const { database, steps, contract, backups } = said;
  return {
    ...said,
    ...(typeof steps === 'string' ? { steps: at(steps) } : {}),
    ...(typeof contract === 'string' ? { contract: at(contract) } : {}),
    ...(typeof backups === 'string' ? { backups: at(backups) } : {}),
    ...(database === undefined ? {} : { database: rebaseDatabase(database, at) }),
  };
}

function rebaseDatabase(
  database: MigrateSafeOptions['database'],
  at: (name: string) => string,
): MigrateSafeOptions['database'] {
  if (typeof database === 'string') return rebaseUrl(database, at);
  if (typeof database === 'function') return database;
  const { connection } = database;
  if (
    connection === null ||
    typeof connection !== 'object' ||
    !('filename' in connection) ||
    typeof connection.filename !== 'string'
  )
    return database;
  const { filename } = connection;
  return isPlainFile(filename) ? { ...database, connection: { ...connection, filename: at(filename) } } : database;
}

const isPlainFile = (name: string): boolean =>
  name !== '' && name !== ':memory:' && !path.isAbsolute(name) && !name.startsWith('file:');

function rebaseUrl(url: string, at: (name: string) => string): string {
  const [, scheme = '', name = '', query = ''] = /^(sqlite3?:(?:\/\/(?!\/))?)?([^?]*)(\?.*)?$/i.exec(url) ?? [];
  const foreign = scheme === '' && /^[a-z][a-z0-9+.-]+:/i.test(name);
  return foreign || !isPlainFile(name) || name.startsWith('/') ? url : `sqlite:${at(name)}${query}`;
}
