// The list of entries that pg_restore is to read, and nothing else.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { errAsync, ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { classify } from '../classify.js';
import type { ArchiveEntry } from './archive.js';

/** The list that `pg_restore -L` takes: the numbers are what it reads of it. */
export const listOf = (entries: readonly ArchiveEntry[]): string => entries.map(({ id }) => `${id};\n`).join('');

/** The list in a file, which is gone afterwards. */
export function withList<T>(list: string, work: (file: string) => ResultAsync<T, SqlError>): ResultAsync<T, SqlError> {
  const made = mkdtemp(path.join(tmpdir(), 'migrate-safe-list-'));
  return ResultAsync.fromPromise(made, (thrown) => classify(thrown)).andThen((directory) => {
    const file = path.join(directory, 'contents');
    const gone = (): ResultAsync<void, never> =>
      ResultAsync.fromSafePromise(rm(directory, { recursive: true, force: true }));
    return ResultAsync.fromPromise(writeFile(file, list, { mode: 0o600 }), (thrown) => classify(thrown))
      .andThen(() => work(file))
      .andThen((value) => gone().map(() => value))
      .orElse((error) => gone().andThen(() => errAsync(error)));
  });
}
