// What a manifest says of a clone. Pure.
import type { CopyFacts } from '../ports/backup-source.js';
import type { BackupManifest } from '../ports/backup-store.js';

export const isClone = ({ copy }: { readonly copy: CopyFacts }): boolean => 'clone' in copy;

/** What a backup takes of the room there is, wherever that is: of a clone the store has but a note. */
export const bytesOf = ({ copy, files }: Pick<BackupManifest, 'copy' | 'files'>): number =>
  'clone' in copy ? copy.clone.bytes : files.reduce((all, file) => all + file.bytes, 0);
