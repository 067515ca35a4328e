// Reads the table of contents of an archive of pg_dump's custom format: exact names, which the listing of pg_restore has not.
import { open } from 'node:fs/promises';
import { err, ok, type Result } from 'neverthrow';
import { decoderOf, type Decode } from './encoding.js';

/** One object of an archive; absent texts are empty. */
export interface ArchiveEntry {
  readonly id: number;
  /** `TABLE`, `TABLE DATA`, `ACL`, `EXTENSION` … */
  readonly kind: string;
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  readonly definition: string;
  /** `COPY … FROM stdin;` of a table's data. */
  readonly copy: string;
  readonly hasData: boolean;
  /** Where its data begins in the file; noted at the very end of a dump. */
  readonly offset: number | undefined;
}

export interface Archive {
  /** As pg_restore prints it: 1.14-0. */
  readonly format: string;
  readonly serverVersion: string;
  readonly dumpVersion: string;
  readonly entries: readonly ArchiveEntry[];
}

export const MAGIC = 'PGDMP';
const CUSTOM = 1;
const OFFSET_NOTED = 2;
const FIRST_READ = 1024 * 1024;
/** Versions of the format whose contents are laid out as is read here: of PostgreSQL 9.0 to 18. */
const [OLDEST, NEWEST] = [111, 116];

/** The error is one line. */
export async function readArchive(file: string): Promise<Result<Archive, string>> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    // The length of the contents is said nowhere: what ends too early is read again with more of the file.
    for (let length = Math.min(size, FIRST_READ); ; length = Math.min(size, length * 4)) {
      const head = Buffer.alloc(length);
      const { bytesRead } = await handle.read(head, 0, length, 0);
      const parsed = parseArchive(head.subarray(0, bytesRead), size);
      if (parsed.isOk() || parsed.error !== ENDS_EARLY || length >= size) return parsed;
    }
  } finally {
    await handle.close();
  }
}

const ENDS_EARLY = 'it ends within its table of contents';

/** https://git.postgresql.org: src/bin/pg_dump/pg_backup_archiver.c, ReadHead and ReadToc. */
function parseArchive(bytes: Buffer, size: number): Result<Archive, string> {
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    return err('it does not begin as an archive of pg_dump does');
  try {
    const from = new Reader(bytes);
    const [major, minor, revision] = [from.byte(), from.byte(), from.byte()];
    const version = major * 100 + minor;
    if (version < OLDEST || version > NEWEST) return err(`its format ${major}.${minor} is not known to this version`);
    from.sizes(from.byte(), from.byte());
    if (from.byte() !== CUSTOM) return err('it is not of the custom format');
    if (version >= 115) from.byte();
    else from.int();
    // The time of its making, in seven numbers, and the name of the database.
    for (let number = 0; number < 7; number += 1) from.int();
    from.text();
    const [serverVersion, dumpVersion] = [from.text(), from.text()];
    const count = from.int();
    if (count <= 0 || count > bytes.length) return err('its table of contents is empty or absurd');
    const entries = Array.from({ length: count }, () => entryOf(from, version));
    const beyond = entries.find(({ offset }) => offset !== undefined && offset >= size);
    if (beyond !== undefined) return err(`it ends before the data of ${beyond.schema}.${beyond.name}`);
    const unfinished = entries.find(({ hasData, offset }) => hasData && offset === undefined);
    if (unfinished !== undefined)
      return err(`it was not finished: ${unfinished.schema}.${unfinished.name} has no data`);
    return ok({ format: `${major}.${minor}-${revision}`, serverVersion, dumpVersion, entries });
  } catch (thrown) {
    if (thrown instanceof RangeError) return err(ENDS_EARLY);
    throw thrown;
  }
}

function entryOf(from: Reader, version: number): ArchiveEntry {
  const id = from.int();
  const hasData = from.int() !== 0;
  // Its place in the catalogs.
  from.text();
  from.text();
  const [name, kind] = [from.text(), from.text()];
  from.int();
  const definition = from.text();
  from.text();
  const [copy, schema] = [from.text(), from.text()];
  // Tablespace, access method, kind of relation.
  from.text();
  if (version >= 114) from.text();
  if (version >= 116) from.int();
  const owner = from.text();
  from.text();
  while (from.optionalText() !== undefined);
  // It is the first one, and has no letters of its own.
  if (kind === ENCODING) from.encoding(encodingIn(definition));
  return { id, kind, schema, name, owner, definition, copy, hasData, offset: from.offset() };
}

const ENCODING = 'ENCODING';
/** `SET client_encoding = 'LATIN1';` */
const encodingIn = (definition: string): string => /'([^']*)'/.exec(definition)?.[1] ?? '';

/** The encoding of its texts and its rows, in the server's words. */
export const encodingOf = (entries: readonly ArchiveEntry[]): string =>
  encodingIn(entries.find(({ kind }) => kind === ENCODING)?.definition ?? '');

/** Numbers and texts as the archive has them; reading past the end is a RangeError. */
class Reader {
  readonly #bytes: Buffer;
  #at = MAGIC.length;
  #intSize = 4;
  #offsetSize = 8;
  #decode: Decode = decoderOf('UTF8');

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  sizes(int: number, offset: number): void {
    this.#intSize = int;
    this.#offsetSize = offset;
  }

  encoding(name: string): void {
    this.#decode = decoderOf(name);
  }

  byte(): number {
    const value = this.#bytes.readUInt8(this.#at);
    this.#at += 1;
    return value;
  }

  int(): number {
    const negative = this.byte() !== 0;
    const value = this.#number(this.#intSize);
    return negative ? -value : value;
  }

  optionalText(): string | undefined {
    const length = this.int();
    if (length < 0) return undefined;
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError(ENDS_EARLY);
    const text = this.#decode(this.#bytes, this.#at, end);
    this.#at = end;
    return text;
  }

  text(): string {
    return this.optionalText() ?? '';
  }

  offset(): number | undefined {
    const state = this.byte();
    const value = this.#number(this.#offsetSize);
    return state === OFFSET_NOTED ? value : undefined;
  }

  /** Little-endian, whatever the machine. */
  #number(size: number): number {
    let value = 0;
    for (let at = 0; at < size; at += 1) value += this.byte() * 256 ** at;
    return value;
  }
}
