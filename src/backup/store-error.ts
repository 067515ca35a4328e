// Classifies what the file system throws, once, into the store's errors.
import type { BackupError } from '../core/ports/backup-store.js';

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'something in its path is not a directory',
  EEXIST: 'something is in the way',
};

/** What happened, in words that name no system call. */
export function wordsFor(thrown: unknown): { readonly reason: string; readonly diskFull: boolean } {
  const { code, message } = thrown as { readonly code?: string; readonly message?: string };
  return { reason: WORDS[code ?? ''] ?? message ?? String(thrown), diskFull: code === 'ENOSPC' || code === 'EDQUOT' };
}

/** Not there; what may not be looked at is another matter. */
export const isAbsent = (thrown: unknown): boolean => (thrown as { readonly code?: string }).code === 'ENOENT';

export function toStoreError(directory: string, thrown: unknown): BackupError {
  return { kind: 'store-failed', directory, ...wordsFor(thrown), cause: thrown };
}
