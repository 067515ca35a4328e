// What the store keeps of a clone: a note that says which database it is, with the journal that is in it. Nobody enters a clone to read.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { err, ok, ResultAsync, type Result } from 'neverthrow';
import type { StoredEvent } from '../../../../../core/events/envelope.js';
import type { CloneCopyFacts, CopyForm } from '../../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import { classify } from '../../classify.js';

export const CLONE_FORM: CopyForm = {
  fileName: 'clone.ndjson',
  header: '{"msclone":1,',
  checks: { quick: 'clone', full: 'clone' },
};

export interface CloneNote extends CloneCopyFacts {
  /** Of the backup: the clone bears it, too. */
  readonly id: string;
}

export const isNote = (file: string): boolean => path.basename(file) === CLONE_FORM.fileName;

/** A line for the clone, and one for each event. */
export const noteText = (note: CloneNote, journal: readonly StoredEvent[]): string =>
  [{ msclone: 1, ...note }, ...journal].map((line) => `${JSON.stringify(line)}\n`).join('');

/** Only `noteText` makes one, and the set's checksum is compared before it is read. */
export const readNote = (
  file: string,
): ResultAsync<{ readonly note: CloneNote; readonly journal: StoredEvent[] }, SqlError> =>
  ResultAsync.fromPromise(readFile(file, 'utf8'), (thrown) => classify(thrown)).andThen((text) => {
    const [first, ...events] = text.split('\n').filter((line) => line !== '');
    return (first?.startsWith(CLONE_FORM.header) ? parsed<CloneNote>([first]) : err(NO_NOTE)).andThen(([note]) =>
      note === undefined ? err(NO_NOTE) : parsed<StoredEvent>(events).map((journal) => ({ note, journal })),
    );
  });

function parsed<T>(lines: readonly string[]): Result<T[], SqlError> {
  try {
    return ok(lines.map((line) => JSON.parse(line) as T));
  } catch {
    return err(NO_NOTE);
  }
}
const NO_NOTE: SqlError = { kind: 'corrupt', code: '', message: 'what was noted of the clone cannot be read' };
