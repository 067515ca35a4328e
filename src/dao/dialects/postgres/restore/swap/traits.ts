// What a database is beside what is in it: owner, encoding, locale, settings, rights, comment. pg_dump knows the words for all of it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { err, errAsync, ok, ResultAsync, type Result } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import { readArchive, type ArchiveEntry } from '../../backup/archive.js';
import { runQuietly } from '../../backup/run-tool.js';
import type { Toolbox } from '../../backup/server.js';
import { classify } from '../../classify.js';
import { quoted } from '../../name.js';

/** What creates an empty database like it, of that name, on a server of that version. */
export type CreateDatabase = (name: string, serverVersion: number) => string;

export interface DatabaseTraits {
  readonly create: CreateDatabase;
  /** Make one that bears the same name what this one is; each may be several statements. */
  readonly statements: readonly string[];
}

/** The statements name the database by the name that it has now. */
export const traitsOf = (toolbox: Toolbox): ResultAsync<DatabaseTraits, SqlError> =>
  dumpedEntries(toolbox, ['--exclude-schema=*']).andThen(traitsIn);

/** What pg_dump says of a database beside its rows; `which`: its own words for a part of it. */
export function dumpedEntries(
  { tools, env }: Toolbox,
  which: readonly string[],
): ResultAsync<readonly ArchiveEntry[], SqlError> {
  const made = mkdtemp(path.join(tmpdir(), 'migrate-safe-traits-'));
  return ResultAsync.fromPromise(made, (thrown) => classify(thrown)).andThen((directory) => {
    const file = path.join(directory, 'traits');
    const gone = (): ResultAsync<void, never> =>
      ResultAsync.fromSafePromise(rm(directory, { recursive: true, force: true }));
    return runQuietly({
      program: tools.pgDump,
      args: ['--format=custom', '--schema-only', ...which, '--no-password', `--file=${file}`],
      env,
    })
      .andThen(() => ResultAsync.fromPromise(readArchive(file), (thrown) => classify(thrown)))
      .andThen((read) => read.map(({ entries }) => entries).mapErr(unreadable))
      .andThen((entries) => gone().map(() => entries))
      .orElse((error) => gone().andThen(() => errAsync(error)));
  });
}

const unreadable = (message: string): SqlError => ({ kind: 'other', code: '', message });

/** `CREATE DATABASE name WITH TEMPLATE = template0 …`, where the name is in quotes if it needs them. */
const CREATION = /^CREATE DATABASE (?:"(?:[^"]|"")*"|[^\s"]+) WITH ([^]*?);?\s*$/;

function traitsIn(entries: readonly ArchiveEntry[]): Result<DatabaseTraits, SqlError> {
  const owner = entries.find(({ kind }) => kind === 'DATABASE')?.owner ?? '';
  const ofIt = entries.filter(
    ({ kind, name }) => kind === 'DATABASE PROPERTIES' || (OF_DATABASE.has(kind) && name.startsWith('DATABASE ')),
  );
  return creationOf(entries, owner).map((create) => ({
    create,
    statements: ofIt.map(({ definition }) => definition),
  }));
}

/** What creates an empty database with the encoding and the locale that the archive's had; `owner`: without one, who creates it. */
export function creationOf(entries: readonly ArchiveEntry[], owner?: string): Result<CreateDatabase, SqlError> {
  const [, how] = CREATION.exec(entries.find(({ kind }) => kind === 'DATABASE')?.definition ?? '') ?? [];
  if (how === undefined) return err(unreadable('pg_dump does not say how the database was made'));
  const whose = owner === undefined ? '' : `OWNER = ${quoted(owner)} `;
  return ok((name, serverVersion) => {
    const known = serverVersion < 150_000 ? how.replace(PROVIDER, '') : how;
    return `CREATE DATABASE ${quoted(name)} WITH ${whose}${known}`;
  });
}

/** A newer pg_dump says it of older servers too, which have no other one, and do not know the word. */
const PROVIDER = / LOCALE_PROVIDER = libc\b/;

const OF_DATABASE = new Set(['ACL', 'COMMENT', 'SECURITY LABEL']);
