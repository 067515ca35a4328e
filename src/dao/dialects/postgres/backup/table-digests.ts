// The content of tables as digests that do not depend on the order of rows, taken from a data script as it streams by.
import type { Readable } from 'node:stream';
import { DigestCounts, type Digest128 } from '../../../digest-counts.js';
import { nameOf, type QualifiedName } from '../name.js';
import { readRows, type CopyHead, type OnTable, type TakeRow } from './copy-text.js';
import { hashRow } from './row-hash.js';

export interface TableDigest {
  readonly table: QualifiedName;
  readonly columns: readonly string[];
  readonly rows: number;
  /** The sum of the rows' hashes, word by word: the same rows in any order give the same sum. */
  readonly digest: string;
}

/** By the name as reports have it. */
export type TableDigests = ReadonlyMap<string, TableDigest>;

/** What is the engine's own is no content of the user's. */
const OWN = new Set(['migrate_safe', 'migrate_safe_backup']);
export const isOwn = ({ schema }: QualifiedName): boolean => OWN.has(schema);

/** Needs the same memory for any number of rows. */
export async function digestTables(script: Readable): Promise<TableDigests> {
  const { onTable, result } = digesting();
  await readRows(script, onTable);
  return result();
}

/** The same for somebody who reads the script for other ends too. */
export function digesting(): { readonly onTable: OnTable; readonly result: () => TableDigests } {
  const found = new Map<string, { readonly head: CopyHead; rows: number; readonly sum: Uint32Array }>();
  const hash = new Uint32Array(4);
  const onTable: OnTable = (head) => {
    if (isOwn(head.table)) return undefined;
    const of = { head, rows: 0, sum: new Uint32Array(4) };
    found.set(nameOf(head.table), of);
    const { sum } = of;
    return (bytes, start, end) => {
      hashRow(bytes, start, end, hash);
      for (let word = 0; word < 4; word += 1) sum[word] = (sum[word] ?? 0) + (hash[word] ?? 0);
      of.rows += 1;
    };
  };
  const result = (): TableDigests =>
    new Map(
      [...found].map(([name, { head, rows, sum }]) => [
        name,
        { table: head.table, columns: head.columns, rows, digest: hex(sum) },
      ]),
    );
  return { onTable, result };
}

const hex = (words: Uint32Array): string => [...words].map((word) => word.toString(16).padStart(8, '0')).join('');

/** The rows that two states of tables do not share, counted as multisets. */
export class RowDifference {
  readonly #counts = new Map<string, DigestCounts>();
  readonly #byName: ReadonlySet<string>;

  /** `byName`: tables whose columns differ between the states. */
  constructor(tables: Iterable<string>, byName: ReadonlySet<string>) {
    this.#byName = byName;
    for (const table of tables) this.#counts.set(table, new DigestCounts());
  }

  /** Adds a script's rows: +1 for each that is live, -1 for each of the backup. */
  read(script: Readable, amount: 1 | -1): Promise<void> {
    return readRows(script, (head) => {
      const name = nameOf(head.table);
      const counts = this.#counts.get(name);
      return counts === undefined ? undefined : counting(counts, amount, this.#byName.has(name) ? head.columns : []);
    });
  }

  /** Live rows that the backup has not, and the reverse. */
  of(table: string): { readonly written: number; readonly deleted: number } {
    const { positive, negative } = this.#counts.get(table)?.totals() ?? { positive: 0, negative: 0 };
    return { written: positive, deleted: negative };
  }
}

function counting(counts: DigestCounts, amount: 1 | -1, columns: readonly string[]): TakeRow {
  const hash: Digest128 = new Uint32Array(4);
  const names = columns.map((name) => Buffer.from(name).toString('latin1'));
  return (bytes, start, end) => {
    const row = names.length === 0 ? undefined : canonical(bytes.toString('latin1', start, end), names);
    if (row === undefined) hashRow(bytes, start, end, hash);
    else hashRow(row, 0, row.length, hash);
    counts.add(hash, amount);
  };
}

/** A row as its values by the names of their columns, without the NULLs: a column that was added and holds nothing changes none. */
function canonical(row: string, columns: readonly string[]): Buffer {
  const values = row.split('\t').flatMap((value, at) => (value === '\\N' ? [] : [`${columns[at] ?? ''}\t${value}`]));
  return Buffer.from(values.toSorted().join('\n'), 'latin1');
}
