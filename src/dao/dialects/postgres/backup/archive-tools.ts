// Reading archives with pg_restore: the program that fits the archive, and what it prints.
import type { Readable } from 'node:stream';
import { err, ResultAsync } from 'neverthrow';
import type { CheckError } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { classify } from '../classify.js';
import { readArchive, type Archive } from './archive.js';
import { offlineEnvironment } from './environment.js';
import { runTool } from './run-tool.js';
import { asSqlError, findTools, parseVersion, type PgTools } from './tools.js';

/** An archive with the programs that can read it. */
export interface OpenArchive extends Archive {
  readonly file: string;
  readonly tools: PgTools;
}

/** The programs that fit a version, as `server_version_num` counts. */
export const toolsFor = (versionNum: number): ResultAsync<PgTools, SqlError> =>
  ResultAsync.fromPromise(findTools(versionNum), (thrown) => classify(thrown)).andThen((found) =>
    found.mapErr(asSqlError),
  );

/** Reads the contents of an archive. No server is needed: who made it can read it. */
export function openArchive(file: string): ResultAsync<OpenArchive, CheckError> {
  return ResultAsync.fromPromise(readArchive(file), (thrown): CheckError => ({ ...classify(thrown), kind: 'io' }))
    .andThen((read) => read.mapErr((detail): CheckError => ({ kind: 'check-failed', check: 'header', detail })))
    .andThen((archive) =>
      toolsFor(parseVersion(`(PostgreSQL) ${archive.dumpVersion}`)).map((tools) => ({ ...archive, file, tools })),
    );
}

/** What is wrong with an archive, for those who only know errors of a database. */
export const asDamage = (error: CheckError): SqlError =>
  error.kind === 'check-failed' ? { kind: 'corrupt', code: '', message: `${error.check}: ${error.detail}` } : error;

/** Longer than any disk takes for the next rows. */
const SILENT_MS = 60_000;

/** Gives what `pg_restore` prints of the archive to `read`. */
export const printed = <T>(
  { file, tools }: OpenArchive,
  args: readonly string[],
  read: (output: Readable) => Promise<T>,
): ResultAsync<T, SqlError> =>
  runTool(
    { program: tools.pgRestore, args: [...args, '--', file], env: offlineEnvironment(), silentMs: SILENT_MS },
    read,
  );

/** The rows of an archive, as a data script. */
export const readData = <T>(
  archive: OpenArchive,
  read: (script: Readable) => Promise<T>,
  only: readonly string[] = [],
): ResultAsync<T, SqlError> => printed(archive, ['--data-only', '--file=-', ...only], read);

/** The word of pg_restore that something in the archive is not what it should be. */
export function asCheck<T>(checked: ResultAsync<T, SqlError>, check: string): ResultAsync<T, CheckError> {
  return checked.orElse((error) =>
    error.kind === 'tools-missing' || error.kind === 'interrupted'
      ? err(error)
      : err<never, CheckError>({ kind: 'check-failed', check, detail: error.message }),
  );
}
