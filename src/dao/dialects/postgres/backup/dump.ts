// Dumps a database with pg_dump into one archive that pg_restore can put back whole or in parts.
import { open, stat } from 'node:fs/promises';
import { errAsync, ResultAsync } from 'neverthrow';
import type { CopyProgress } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { classify } from '../classify.js';
import { runQuietly } from './run-tool.js';
import type { Toolbox } from './server.js';
import { majorOf } from './tools.js';

export interface Dump {
  readonly toolbox: Toolbox;
  readonly file: string;
  /** Exported by a transaction that is still open: the dump has what that one sees. */
  readonly snapshot?: string | undefined;
  readonly estimate: number;
  readonly onProgress: CopyProgress;
  readonly signal?: AbortSignal | undefined;
}

const PRIVATE = 0o600;
const LOOK_EVERY_MS = 100;
const LOCK_WAIT_MS = 60_000;
/** Copies of tables that lie in the database itself are no part of it. */
const LEFT_OUT = 'migrate_safe_backup';
const NO_ZSTD = /compress/i;

/** The file is there afterwards as pg_dump left it, finished or not. */
export function dump(work: Dump): ResultAsync<void, SqlError> {
  // The default level takes more than twice the time of the first one for a tenth less bytes; zstd came with version 16.
  const fast = '--compress=1';
  const best = majorOf(work.toolbox.tools.version) >= 16 ? '--compress=zstd:1' : fast;
  return ResultAsync.fromPromise(createPrivate(work.file), (thrown) => classify(thrown))
    .andThen(() => watched(work, best))
    .orElse((error) =>
      // A build of it can be without zstd.
      best !== fast && error.kind === 'other' && NO_ZSTD.test(error.message) ? watched(work, fast) : errAsync(error),
    );
}

function watched(work: Dump, compression: string): ResultAsync<void, SqlError> {
  const { toolbox, file, snapshot, estimate, onProgress, signal } = work;
  const look = async (): Promise<void> => {
    const { size } = await stat(file);
    // The estimate is one: what is not finished is never told as done.
    onProgress(Math.min(size, estimate), estimate);
  };
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS);
  const stop = (): void => clearInterval(timer);
  return runQuietly({
    program: toolbox.tools.pgDump,
    args: [
      '--format=custom',
      compression,
      `--file=${file}`,
      '--blobs',
      `--exclude-schema=${LEFT_OUT}`,
      `--lock-wait-timeout=${LOCK_WAIT_MS}`,
      '--no-password',
      ...(snapshot === undefined ? [] : [`--snapshot=${snapshot}`]),
    ],
    env: toolbox.env,
    signal,
  })
    .andTee(() => {
      stop();
      onProgress(estimate, estimate);
    })
    .orTee(stop);
}

/** Nobody else may read it, from its first byte. */
async function createPrivate(file: string): Promise<void> {
  const handle = await open(file, 'a', PRIVATE);
  await handle.close();
}
