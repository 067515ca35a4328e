// The journal's mirror as a file of one event per line, fsynced: what is left of the history when the database is not.
import { existsSync } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { ResultAsync } from 'neverthrow';
import type { RecordedEvent, StoredEvent } from '../core/events/envelope.js';
import type { JournalMirror, MirrorError } from '../core/ports/backup-store.js';
import { FILE_MODE, makeLastingDirectory, syncDirectory } from './durable.js';
import { isAbsent, wordsFor } from './store-error.js';

export class FileMirror implements JournalMirror {
  readonly #root: string;
  #open: { readonly databaseId: string; readonly handle: FileHandle } | undefined;

  constructor(root: string) {
    this.#root = path.resolve(root);
  }

  read(databaseId: string): ResultAsync<StoredEvent[], MirrorError> {
    const file = this.#fileOf(databaseId);
    return this.#attempt(file, async () => {
      const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
        if (isAbsent(thrown)) return '';
        throw thrown;
      });
      return wholeLines(text).map((line, index) => parsed(line, index + 1));
    });
  }

  append(databaseId: string, events: readonly (RecordedEvent | StoredEvent)[]): ResultAsync<void, MirrorError> {
    const file = this.#fileOf(databaseId);
    return this.#attempt(file, async () => {
      const handle = await this.#handleOf(databaseId, file);
      try {
        await handle.appendFile(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
        await handle.datasync();
      } catch (thrown) {
        // What was torn is cut off when the file is opened again.
        this.#open = undefined;
        await handle.close().catch(() => undefined);
        throw thrown;
      }
    });
  }

  close(): ResultAsync<void, MirrorError> {
    const open = this.#open;
    this.#open = undefined;
    return this.#attempt('', async () => open?.handle.close());
  }

  async #handleOf(databaseId: string, file: string): Promise<FileHandle> {
    if (this.#open?.databaseId === databaseId) return this.#open.handle;
    await this.#open?.handle.close();
    await makeLastingDirectory(path.dirname(file));
    const isNew = !existsSync(file);
    // A torn last line would swallow the next one: it is cut off before anything is added.
    if (!isNew) await cutTornLine(file);
    const handle = await open(file, 'a', FILE_MODE);
    if (isNew) await syncDirectory(path.dirname(file));
    this.#open = { databaseId, handle };
    return handle;
  }

  #fileOf(databaseId: string): string {
    return path.join(this.#root, databaseId, 'journal.ndjson');
  }

  #attempt<T>(file: string, work: () => Promise<T>): ResultAsync<T, MirrorError> {
    return ResultAsync.fromPromise(work(), (thrown) => ({
      kind: 'mirror-failed',
      file,
      ...wordsFor(thrown),
      cause: thrown,
    }));
  }
}

/** The lines that were written to their end; the text after the last line break is a torn one. */
const wholeLines = (text: string): string[] =>
  text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '');

/** A line that is no longer JSON was edited by hand: it becomes an event that breaks the chain where it stands. */
function parsed(line: string, position: number): StoredEvent {
  try {
    return JSON.parse(line) as StoredEvent;
  } catch {
    const actor = { user: '', host: '', pid: 0, engine: '' };
    return {
      position,
      runId: '',
      component: '',
      type: '',
      schemaVersion: 0,
      recordedAt: '',
      actor,
      data: {},
      previousHash: '',
      hash: '',
    };
  }
}

async function cutTornLine(file: string): Promise<void> {
  const text = await readFile(file);
  const end = text.lastIndexOf('\n') + 1;
  if (end === text.length) return;
  const handle = await open(file, 'r+');
  try {
    await handle.truncate(end);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
