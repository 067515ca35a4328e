// Finds PostgreSQL's own programs that fit a server: pg_dump, pg_restore and psql of its major version, or of a newer one.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { err, ok, type Result } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';

export interface PgTools {
  readonly pgDump: string;
  readonly pgRestore: string;
  readonly psql: string;
  /** Of pg_dump, as `server_version_num` counts: 150018 is 15.18. */
  readonly version: number;
}

export interface ToolsMissing {
  readonly kind: 'tools-missing';
  /** The server's major version. */
  readonly major: number;
  readonly lookedFor: readonly string[];
  readonly lookedIn: readonly string[];
  /** What is there and does not fit. */
  readonly found: readonly { readonly folder: string; readonly version: string }[];
  /** The command or the page that mends it. */
  readonly install: string;
}

interface Candidate {
  readonly folder: string;
  /** 0 where it does not say. */
  readonly version: number;
}

const NAMES = ['pg_dump', 'pg_restore', 'psql'] as const;
/** Where the programs of every system are. */
export const DOWNLOADS = 'https://www.postgresql.org/download/';
const ANSWER_WITHIN_MS = 10_000;
const run = promisify(execFile);

/** The major version of a `server_version_num`. */
export const majorOf = (versionNum: number): number => Math.floor(versionNum / 10_000);

/**
 * pg_dump refuses a server that is newer than itself, and a script of a newer pg_dump can have settings that an older
 * server does not know: the equal version is the best, the next newer one comes after it.
 */
export async function findTools(
  serverVersionNum: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Result<PgTools, ToolsMissing>> {
  const major = majorOf(serverVersionNum);
  const folders = foldersFor(major, env);
  const candidates = await Promise.all(complete(folders).map(versionIn));
  const fitting = candidates.filter(({ version }) => majorOf(version) >= major);
  const [best] = fitting.toSorted((a, b) => majorOf(a.version) - majorOf(b.version));
  if (best !== undefined) {
    const [pgDump, pgRestore, psql] = [
      tool(best.folder, 'pg_dump'),
      tool(best.folder, 'pg_restore'),
      tool(best.folder, 'psql'),
    ];
    return ok({ pgDump, pgRestore, psql, version: best.version });
  }
  const found = candidates.map(({ folder, version }) => ({ folder, version: versionText(version) }));
  return err({
    kind: 'tools-missing',
    major,
    lookedFor: NAMES,
    lookedIn: folders,
    found,
    install: installation(major),
  });
}

/** What is missing as an error of the database, for those who only know that. */
export function asSqlError({ major, lookedFor, lookedIn, found, install }: ToolsMissing): SqlError {
  const misfits = found.map(({ folder, version }) => `${version} in ${folder}`);
  const there = misfits.length === 0 ? '' : `; what is there does not fit: ${misfits.join(', ')}`;
  const where = lookedIn.length === 0 ? 'there is no folder to look in' : `looked in ${lookedIn.join(', ')}`;
  return {
    kind: 'tools-missing',
    code: '',
    message: `${lookedFor.join(', ')} of PostgreSQL ${major} or newer are not there: ${where}${there}`,
    fix: install,
  };
}

/** Where they may be. A folder that is named in PG_BIN is the only one; of all others, those that are there. */
function foldersFor(major: number, env: NodeJS.ProcessEnv): readonly string[] {
  const named = listed(env['PG_BIN']);
  if (named.length > 0) return named;
  const folders = [...usualFolders(major, env), ...listed(env['PATH'] ?? env['Path'])];
  return [...new Set(folders)].filter((folder) => existsSync(folder));
}

const listed = (paths: string | undefined): string[] => (paths ?? '').split(path.delimiter).filter((one) => one !== '');

/** Where packages put the programs of one version, by system. */
function usualFolders(major: number, env: NodeJS.ProcessEnv): readonly string[] {
  if (process.platform === 'win32') {
    const roots = [env['ProgramW6432'], env['ProgramFiles']].flatMap((root) =>
      root ? [path.join(root, 'PostgreSQL')] : [],
    );
    return roots.flatMap((root) => versionsIn(root).map((version) => path.join(root, version, 'bin')));
  }
  const debian = '/usr/lib/postgresql';
  const app = '/Applications/Postgres.app/Contents/Versions';
  const brews = ['/opt/homebrew/opt', '/usr/local/opt', '/home/linuxbrew/.linuxbrew/opt'];
  return [
    ...versionsIn(debian).map((version) => path.join(debian, version, 'bin')),
    `/usr/pgsql-${major}/bin`,
    `/usr/libexec/postgresql${major}`,
    ...brews.flatMap((root) => [path.join(root, `postgresql@${major}`, 'bin'), path.join(root, 'libpq', 'bin')]),
    ...versionsIn(app).map((version) => path.join(app, version, 'bin')),
  ];
}

/** Folders that are named for a version, the newest last. */
function versionsIn(root: string): readonly string[] {
  const names = existsSync(root) ? readdirSync(root) : [];
  return names
    .filter((name) => /^\d+(?:\.\d+)?$/.test(name))
    .toSorted((a, b) => Number.parseFloat(a) - Number.parseFloat(b));
}

const tool = (folder: string, name: string): string =>
  path.join(folder, process.platform === 'win32' ? `${name}.exe` : name);

/** The folders that have all the programs themselves. Debian's wrapper chooses a version anew at every call. */
function complete(folders: readonly string[]): readonly string[] {
  const isReal = (file: string): boolean =>
    existsSync(file) && !path.basename(realpathSync(file)).startsWith('pg_wrapper');
  return folders.filter((folder) => NAMES.every((name) => isReal(tool(folder, name))));
}

async function versionIn(folder: string): Promise<Candidate> {
  try {
    const { stdout } = await run(tool(folder, 'pg_dump'), ['--version'], { timeout: ANSWER_WITHIN_MS });
    return { folder, version: parseVersion(stdout) };
  } catch {
    // A program that does not even start is one that does not fit.
    return { folder, version: 0 };
  }
}

/** `pg_dump (PostgreSQL) 15.18 (Debian 15.18-1)`, `17beta1`, `9.6.24`: as `server_version_num` counts; 0 for any other text. */
export function parseVersion(text: string): number {
  const [, first, second, third] = /\(PostgreSQL\) (\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text) ?? [];
  const major = Number(first ?? 0);
  return major < 10
    ? major * 10_000 + Number(second ?? 0) * 100 + Number(third ?? 0)
    : major * 10_000 + Number(second ?? 0);
}

/** `15.18`; what does not say its version is unknown. */
export const versionText = (version: number): string =>
  version === 0 ? 'an unknown version' : `${majorOf(version)}.${version % 10_000}`;

function installation(major: number): string {
  if (process.platform === 'darwin') return `brew install postgresql@${major}`;
  if (existsSync('/etc/debian_version')) return `apt-get install postgresql-client-${major}`;
  return DOWNLOADS;
}
