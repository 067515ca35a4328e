// Puts a file in the place of a database that is gone or cannot be opened. Called with the lock held, and nothing opened here.
import { closeSync, existsSync, fsyncSync, openSync, renameSync } from 'node:fs';
import path from 'node:path';
import { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../core/ports/session.js';
import { classify } from './classify.js';

const SIDE_FILES = ['', '-wal', '-shm', '-journal'];

/**
 * Main file and side files are moved aside together: an old `-wal` beside a new main file would be blended into it
 * (https://sqlite.org/howtocorrupt.html, section 1.4). Returns what was moved, with its new name.
 */
export function replaceFile(
  database: string,
  copy: string,
  suffix: string,
): ResultAsync<{ readonly movedAside: readonly string[] }, SqlError> {
  const replace = (): { readonly movedAside: readonly string[] } => {
    const moved = SIDE_FILES.map((side) => `${database}${side}`).filter((file) => existsSync(file));
    // The main file last: until it is moved, a crash leaves a set that the next attempt finds again.
    for (const file of moved.toReversed()) renameSync(file, `${file}.${suffix}`);
    renameSync(copy, database);
    syncDirectory(path.dirname(database));
    return { movedAside: moved.map((file) => `${file}.${suffix}`) };
  };
  return ResultAsync.fromPromise(Promise.resolve().then(replace), (thrown) => classify(thrown));
}

/** Makes a rename last. Windows cannot open a directory, and needs no such thing. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
