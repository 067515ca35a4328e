// Writes one backup set: nothing of it is listed before all of it is on disk and proven.
import path from 'node:path';
import { err, ok, type Result } from 'neverthrow';
import type { CopyForm } from '../core/ports/backup-source.js';
import type { BackupError, BackupManifest, StoredBackup, TakeBackup } from '../core/ports/backup-store.js';
import type { Clock } from '../core/ports/clock.js';
import {
  createExclusive,
  makeDirectory,
  readBack,
  renameDurably,
  syncDirectory,
  syncFile,
  writeDurably,
} from './durable.js';
import { seal } from './manifest.js';
import { toStoreError } from './store-error.js';

export const SERIES = 'db';
/** The folder of the copy, as the manifest names it. */
export const DATA = 'data';

export interface SetToWrite {
  readonly request: TakeBackup;
  readonly id: string;
  /** The folder while it is written, and where it ends. */
  readonly partial: string;
  readonly final: string;
  /** The store, for messages. */
  readonly label: string;
  readonly clock: Clock;
  readonly engine: string;
}

/** Copies, makes last, reads back, checks, seals; the folder moves to its place as the last act. */
export async function writeSet({
  request,
  id,
  partial,
  final,
  label,
  clock,
  engine,
}: SetToWrite): Promise<Result<StoredBackup, BackupError>> {
  const { source, verify } = request;
  const { fileName } = source.form;
  const file = path.join(partial, DATA, fileName);
  try {
    await makeDirectory(path.dirname(file));
    await createExclusive(file);
    const copied = await source.copyTo(file, request.onProgress, request.signal);
    if (copied.isErr()) return err(failed(label, copied.error));
    // The copy is complete: it is made to last, read back and checked side by side. Nobody else knows the file yet.
    const [stored, checked] = await Promise.all([readBack(file), source.check(file, verify), syncFile(file)]);
    if (checked.isErr()) {
      const { error } = checked;
      return err(error.kind === 'check-failed' ? corrupt(id, error.check, error.detail) : failed(label, error));
    }
    const copy = checked.value;
    const wrong = wrongShape(stored, copy, source.form);
    if (wrong !== undefined) return err(corrupt(id, 'header', wrong));
    const content = verify === 'full' ? await source.fingerprint(file) : undefined;
    if (content?.isErr()) return err(failed(label, content.error));
    const checks = ['header', 'size', 'sha256', source.form.checks[verify], ...(content ? ['content'] : [])];
    const manifest = seal({
      format: 1,
      id,
      series: SERIES,
      kind: 'clone' in copy ? 'clone' : 'file',
      databaseId: request.databaseId,
      database: request.database,
      engine,
      driver: request.driver,
      createdAt: clock.now().toISOString(),
      reason: request.reason,
      journal: request.journal,
      files: [{ path: `${DATA}/${fileName}`, bytes: stored.bytes, sha256: stored.sha256 }],
      copy,
      verified: { at: clock.now().toISOString(), checks },
      ...(content?.isOk() ? { fingerprint: content.value } : {}),
    });
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    await writeDurably(path.join(partial, 'manifest.copy.json'), text);
    await writeDurably(path.join(partial, 'manifest.json'), text);
    await syncDirectory(path.dirname(file));
    await syncDirectory(partial);
    await renameDurably(partial, final);
    return ok({ manifest, directory: final, file: path.join(final, DATA, fileName) });
  } catch (thrown) {
    return err(toStoreError(label, thrown));
  }
}

/** What the database said while it was copied or checked, as the store's error. */
export const failed = (directory: string, error: { readonly kind: string; readonly message: string }): BackupError => ({
  kind: 'store-failed',
  directory,
  reason: error.message,
  diskFull: error.kind === 'disk-full',
  cause: error,
});

export const corrupt = (backupId: string, check: string, detail: string): BackupError => ({
  kind: 'backup-corrupt',
  backupId,
  check,
  detail,
});

/** What is wrong with the bytes of a copy, seen without its database. */
export function wrongShape(
  stored: { readonly bytes: number; readonly head: Buffer },
  copy: BackupManifest['copy'],
  { header }: CopyForm,
): string | undefined {
  if (!stored.head.toString('latin1').startsWith(header)) return 'the copy does not begin as one of its kind does';
  if (!('pageSize' in copy)) return undefined;
  const expected = copy.pageSize * copy.pageCount;
  return stored.bytes === expected ? undefined : `${stored.bytes} bytes, but its header says ${expected}`;
}
