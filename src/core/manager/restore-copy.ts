// Puts a whole backup back: built aside with the newer events in it, then switched in. The data goes back, the journal goes on.
import { err, errAsync, okAsync, safeTry, ok, type Result, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { RecordedEvent, StoredEvent } from '../events/envelope.js';
import { EMPTY_HEAD, findBreak } from '../journal/chain.js';
import type { CopyFiles } from '../ports/backup-source.js';
import type { StoredBackup, VerifyProgress } from '../ports/backup-store.js';
import type { Hold } from '../ports/database.js';
import type { SqlError } from '../ports/session.js';
import { fingerprint } from '../schema/fingerprint.js';
import { fromStore } from './as-error.js';
import type { ManagerPorts } from './ports.js';
import type { Recorder } from './recorder.js';

export interface CopyRestore {
  readonly ports: ManagerPorts;
  readonly recorder: Recorder;
  readonly copies: CopyFiles;
  readonly backup: StoredBackup;
  readonly safetyBackupId: string | null;
  /** Every event up to where the recorder began to buffer. */
  readonly written: readonly StoredEvent[];
  /** Where the copy is built; it is gone afterwards. */
  readonly aside: string;
  /** Puts the finished copy in place, unless somebody wrote meanwhile. */
  readonly switchIn: (aside: string) => ResultAsync<void, SqlError | 'others-wrote'>;
}

export interface Restored {
  readonly tables: readonly string[];
  readonly rows: number;
}

/** The backup was verified by the caller. On an error nothing was switched in. */
export function restoreCopy(restore: CopyRestore): ResultAsync<Restored, MigrateError | 'others-wrote'> {
  const { ports, recorder, copies, backup, aside, written } = restore;
  const failed = (error: SqlError): MigrateError =>
    migrateError({ kind: 'restore-failed', reason: error.message }, { cause: error.cause });
  const failedOrMoved = (error: SqlError | 'others-wrote'): MigrateError | 'others-wrote' =>
    error === 'others-wrote' ? error : failed(error);
  return safeTry(async function* () {
    yield* ports.store.copyOut(backup, aside).mapErr(fromStore);
    const inCopy = yield* copies.journalOf(aside).mapErr(failed);
    const head = inCopy.at(-1) ?? EMPTY_HEAD;
    yield* fitsJournal(inCopy, written, backup.manifest.id);
    const { rows, snapshot } = yield* copies.contentOf(aside).mapErr(failed);
    const { extend } = copies;
    if (extend === undefined || snapshot === undefined)
      return errAsync(
        migrateError({ kind: 'restore-failed', reason: 'a copy of this database is not switched in as it is' }),
      );
    recorder.record({
      type: 'finish-restore',
      backupId: backup.manifest.id,
      safetyBackupId: restore.safetyBackupId,
      tables: 'all',
      rows,
      rewoundTo: head.position,
      schema: fingerprint(snapshot, sha256),
    });
    const tail = written.slice(head.position);
    yield* recorder
      .flushThrough((events: readonly RecordedEvent[], steps) => extend(aside, [...tail, ...events], steps))
      .andThen(() => restore.switchIn(aside))
      .mapErr(failedOrMoved);
    yield* recorder.written();
    return ok({ tables: backup.manifest.copy.tables, rows });
  });
}

/** A backup whose journal is not the beginning of this one belongs to another past: its data does not fit our record. */
export function fitsJournal(
  inCopy: readonly StoredEvent[],
  written: readonly StoredEvent[],
  backupId: string,
): Result<void, MigrateError> {
  const head = inCopy.at(-1) ?? EMPTY_HEAD;
  if (findBreak(inCopy) === undefined && (head.position === 0 || written[head.position - 1]?.hash === head.hash))
    return ok(undefined);
  const detail = 'its journal is not the beginning of this database’s journal';
  return err(migrateError({ kind: 'backup-corrupt', backupId, check: 'journal', detail }));
}

/** Switches an open database over from under a hold. */
export const switchInto =
  (ports: ManagerPorts, hold: Hold): CopyRestore['switchIn'] =>
  (aside) =>
    hold.switchTo(aside, (doneBytes, totalBytes) =>
      ports.observer.progress({ kind: 'restore-progress', doneBytes, totalBytes }),
    );

/** Proves a backup before anything else is done with it: stored bytes, structure, rows. */
export function provenBackup(
  ports: ManagerPorts,
  backup: StoredBackup,
  source: Parameters<ManagerPorts['store']['verify']>[1],
): ResultAsync<void, MigrateError> {
  return ports.store
    .verify(backup, source, 'full', tellingVerify(ports))
    .mapErr(fromStore)
    .andThen(() => okAsync(undefined));
}

export const tellingVerify =
  ({ observer }: Pick<ManagerPorts, 'observer'>): VerifyProgress =>
  (pass, doneBytes, totalBytes) =>
    observer.progress({ kind: 'verify-progress', pass, doneBytes, totalBytes });
