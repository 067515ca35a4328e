// Reads the data script that pg_dump and pg_restore print (`-a`): the rows of its COPY blocks, and its large objects, as they come.
import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { QualifiedName } from '../name.js';
import { decoderOf, type Decode } from './encoding.js';

/** The head of one COPY block. */
export interface CopyHead {
  readonly table: QualifiedName;
  readonly columns: readonly string[];
}

/** Takes one row: the bytes of its line without the line break, which are valid until the next chunk is read. */
export type TakeRow = (bytes: Buffer, start: number, end: number) => void;

/** Says who takes the rows of a block; undefined where nobody wants them. `decode`: for those who want their text. */
export type OnTable = (head: CopyHead, decode: Decode) => TakeRow | undefined;

/** Large objects as rows of the table that holds them: `oid<TAB>sha256`. */
export const LARGE_OBJECTS: CopyHead = {
  table: { schema: 'pg_catalog', name: 'pg_largeobject' },
  columns: ['oid', 'sha256'],
};

const LINE_BREAK = 10;
const BEGINS = 'COPY ';
const ENDS = ' FROM stdin;';
/** Ahead of the first name. */
const ENCODING = /^SET client_encoding = '([^']*)';$/;
const LARGE_OBJECT = /^SELECT pg_catalog\.(lo_open|lowrite|lo_close)\((?:'(\d+)'|0(?:, '\\x([^']*)')?)/;

/**
 * Reads `script` to its end. A name can have line breaks in it; a row never has. `afterChunk` is told how many bytes it had
 * and waited for before more is read; until it ends, the bytes of the rows so far are valid.
 */
export async function readRows(
  script: Readable,
  onTable: OnTable,
  afterChunk?: (bytes: number) => Promise<void> | void,
): Promise<void> {
  const reader = new ScriptReader(onTable);
  // A line that is not complete yet, in the pieces in which it came.
  let pieces: Buffer[] = [];
  for await (const chunk of script as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_BREAK); end >= 0; end = chunk.indexOf(LINE_BREAK, start)) {
      if (pieces.length > 0) {
        const line = Buffer.concat([...pieces, chunk.subarray(start, end)]);
        pieces = [];
        reader.line(line, 0, line.length);
      } else reader.line(chunk, start, end);
      start = end + 1;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
    await afterChunk?.(chunk.length);
  }
  reader.end();
}

class ScriptReader {
  readonly #onTable: OnTable;
  /** Inside a block; `take` is undefined where its rows are passed over. */
  #block: { readonly take: TakeRow | undefined } | undefined;
  /** The lines so far of a statement that begins a block. */
  #statement = '';
  #object: { readonly oid: string; readonly hash: Hash } | undefined;
  #takeObject: TakeRow | undefined;
  #decode = decoderOf('UTF8');

  constructor(onTable: OnTable) {
    this.#onTable = onTable;
  }

  line(bytes: Buffer, start: number, end: number): void {
    if (this.#block === undefined) this.#outside(this.#decode(bytes, start, end));
    else if (end - start === 2 && bytes[start] === 0x5c && bytes[start + 1] === 0x2e) this.#block = undefined;
    else this.#block.take?.(bytes, start, end);
  }

  end(): void {
    if (this.#block !== undefined || this.#statement !== '' || this.#object !== undefined)
      throw new Error('the data ends in the middle of a table');
  }

  #outside(line: string): void {
    if (this.#statement === '' && !line.startsWith(BEGINS)) {
      const [, encoding] = ENCODING.exec(line) ?? [];
      if (encoding === undefined) this.#largeObject(line);
      else this.#decode = decoderOf(encoding);
      return;
    }
    this.#statement += this.#statement === '' ? line : `\n${line}`;
    if (!this.#statement.endsWith(ENDS)) return;
    this.#block = { take: this.#onTable(parseHead(this.#statement), this.#decode) };
    this.#statement = '';
  }

  #largeObject(line: string): void {
    const [, what, oid = '', hex = ''] = LARGE_OBJECT.exec(line) ?? [];
    if (what === 'lo_open') this.#object = { oid, hash: createHash('sha256') };
    // However its content was cut into pieces, the digits of all of them are the same.
    else if (what === 'lowrite') this.#object?.hash.update(hex);
    else if (what === 'lo_close' && this.#object !== undefined) {
      this.#takeObject ??= this.#onTable(LARGE_OBJECTS, this.#decode);
      const row = Buffer.from(`${this.#object.oid}\t${this.#object.hash.digest('hex')}`);
      this.#takeObject?.(row, 0, row.length);
      this.#object = undefined;
    }
  }
}

const IDENTIFIER = /"((?:[^"]|"")*)"|[^\s".,()]+/g;

/** `COPY schema."Table" (a, "B") FROM stdin;`, as pg_dump writes it. */
export function parseHead(statement: string): CopyHead {
  const [schema = '', name = '', ...columns] = identifiersIn(statement.slice(BEGINS.length, -ENDS.length));
  return { table: { schema, name }, columns };
}

/** The names in a list of them, in quotes or not; a name with its schema is two. */
export const identifiersIn = (list: string): readonly string[] =>
  [...list.matchAll(IDENTIFIER)].map(([bare, quoted]) => quoted?.replaceAll('""', '"') ?? bare);

/** The fields of a row; null for NULL. https://www.postgresql.org/docs/current/sql-copy.html, text format */
export const fieldsOf = (row: string): (string | null)[] =>
  row.split('\t').map((field) => (field === '\\N' ? null : unescaped(field)));

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const unescaped = (field: string): string =>
  field.includes('\\') ? field.replaceAll(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter) : field;
