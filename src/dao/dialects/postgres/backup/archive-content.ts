// Reads all rows of an archive once: proves them, digests them, and tells how far it has come.
import type { Readable } from 'node:stream';
import { stat } from 'node:fs/promises';
import { ResultAsync } from 'neverthrow';
import type { CopyProgress } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { classify } from '../classify.js';
import type { Archive } from './archive.js';
import { readData, type OpenArchive } from './archive-tools.js';
import { LARGE_OBJECTS, readRows, type CopyHead } from './copy-text.js';
import { digesting, type TableDigests } from './table-digests.js';

export interface ArchiveContent {
  /** What the data has that the contents do not announce, or the reverse. */
  readonly strange: string | undefined;
  readonly digests: TableDigests;
  /** The length of its rows as a script. */
  readonly textBytes: number;
  readonly fileBytes: number;
}

export const readContent = (archive: OpenArchive, onProgress?: CopyProgress): ResultAsync<ArchiveContent, SqlError> =>
  ResultAsync.fromPromise(stat(archive.file), (thrown) => classify(thrown)).andThen(({ size }) =>
    readData(archive, (script) => contentOf(archive, script, new ArchiveProgress(archive, size, onProgress))).map(
      (read) => ({ ...read, fileBytes: size }),
    ),
  );

/** The number of a large object has no checksum. */
async function contentOf(
  { entries }: Archive,
  script: Readable,
  progress: ArchiveProgress,
): Promise<Omit<ArchiveContent, 'fileBytes'>> {
  const announced = new Set(entries.filter(({ kind }) => kind === 'BLOB').map(({ name }) => name));
  const strangers: string[] = [];
  const digests = digesting();
  let [tables, textBytes] = [0, 0];
  await readRows(
    script,
    (head, decode) => {
      const digest = digests.onTable(head, decode);
      if (head !== LARGE_OBJECTS) {
        tables += 1;
        progress.begin(head);
        return digest;
      }
      return (bytes, start, end) => {
        const [number = ''] = bytes.toString('latin1', start, end).split('\t');
        // From version 17 on they are announced in groups, without their numbers.
        if (announced.size > 0 && !announced.has(number)) strangers.push(number);
        digest?.(bytes, start, end);
      };
    },
    (bytes) => {
      textBytes += bytes;
      progress.add(bytes);
    },
  );
  progress.end();
  const expected = entries.filter(({ copy }) => copy !== '').length;
  const strange =
    strangers.length > 0
      ? `large object ${strangers[0]} is not in its contents`
      : tables === expected
        ? undefined
        : `rows of ${tables} tables instead of ${expected}`;
  return { strange, digests: digests.result(), textBytes };
}

/** So many bytes of rows are in one of an archive, as long as nothing better is known. */
const USUAL_RATIO = 5;
const EVERY_MS = 100;

/** Where each table begins in an archive is in its contents; in between it is estimated from what came before. */
class ArchiveProgress {
  readonly #extents: ReadonlyMap<string, { readonly from: number; readonly to: number }>;
  readonly #size: number;
  readonly #tell: CopyProgress | undefined;
  #extent = { from: 0, to: 0 };
  #text = 0;
  #passed = { text: 0, bytes: 0 };
  #told = 0;

  constructor({ entries }: Archive, size: number, tell: CopyProgress | undefined) {
    const data = entries
      .flatMap(({ schema, name, offset }) => (offset === undefined ? [] : [{ key: keyOf({ schema, name }), offset }]))
      .toSorted((a, b) => a.offset - b.offset);
    this.#extents = new Map(
      data.map(({ key, offset }, at) => [key, { from: offset, to: data[at + 1]?.offset ?? size }]),
    );
    this.#size = size;
    this.#tell = tell;
  }

  begin({ table }: CopyHead): void {
    this.#passed = {
      text: this.#passed.text + this.#text,
      bytes: this.#passed.bytes + this.#extent.to - this.#extent.from,
    };
    this.#text = 0;
    this.#extent = this.#extents.get(keyOf(table)) ?? { from: this.#extent.to, to: this.#extent.to };
  }

  add(bytes: number): void {
    this.#text += bytes;
    const now = performance.now();
    if (this.#tell === undefined || now - this.#told < EVERY_MS) return;
    this.#told = now;
    const { from, to } = this.#extent;
    const ratio = this.#passed.bytes > 0 ? Math.max(1, this.#passed.text / this.#passed.bytes) : USUAL_RATIO;
    this.#tell(Math.round(Math.min(to, from + this.#text / ratio)), this.#size);
  }

  end(): void {
    this.#tell?.(this.#size, this.#size);
  }
}

const keyOf = ({ schema, name }: { readonly schema: string; readonly name: string }): string =>
  JSON.stringify([schema, name]);

/** What was read of an archive stays known as long as the file is the same. */
export class KnownContents {
  readonly #known = new Map<string, { readonly stamp: string; readonly content: ArchiveContent }>();

  read(archive: OpenArchive, onProgress?: CopyProgress): ResultAsync<ArchiveContent, SqlError> {
    return stampOf(archive.file).andThen((stamp) =>
      readContent(archive, onProgress).map((content) => {
        this.#known.set(archive.file, { stamp, content });
        return content;
      }),
    );
  }

  /** As it was read; undefined where it was not. */
  of(file: string): ResultAsync<ArchiveContent | undefined, SqlError> {
    const known = this.#known.get(file);
    return stampOf(file).map((stamp) => (known?.stamp === stamp ? known.content : undefined));
  }
}

const stampOf = (file: string): ResultAsync<string, SqlError> =>
  ResultAsync.fromPromise(stat(file, { bigint: true }), (thrown) => classify(thrown)).map(
    ({ ino, size, mtimeNs }) => `${ino} ${size} ${mtimeNs}`,
  );
