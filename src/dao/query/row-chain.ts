// The chain of an append-only table: links rows to its head, and rehashes what the database holds. Pure.
import { breakBehind, linkHash, type BrokenChain, type ChainHead } from '../../core/journal/hash-chain.js';
import type { CompiledColumn, CompiledTable, RawRow } from '../table/compiled-table.js';
import { own } from '../table/raw-row.js';
import { CHAINED } from '../table/append-only-table.js';

const isOfChain = (name: string): boolean => (CHAINED as readonly string[]).includes(name);

/** Rows behind `head`, in order; what they say is hashed as it will be read again. */
export function linked(table: CompiledTable, head: ChainHead, rows: readonly RawRow[]): readonly RawRow[] {
  let { position, hash: previous } = head;
  return rows.map((row) => {
    position += 1;
    const read = Object.fromEntries(table.columns.map((column) => [column.name, asRead(column, row[column.name])]));
    const hash = rowHash(table, { ...read, position, previous_hash: previous });
    const link = own({ ...row, position, previous_hash: previous, hash });
    previous = hash;
    return link;
  });
}

const asRead = ({ encode, decode }: CompiledColumn, value: unknown): unknown => {
  const encoded = encode(value);
  return decode === undefined ? encoded : decode(encoded);
};

/** What is wrong with a row of the table, decoded, that should come behind `head`. */
export function rowBreak(table: CompiledTable, head: ChainHead, row: RawRow): BrokenChain | undefined {
  const { position, hash } = headIn(row);
  const link = { position, hash, previousHash: String(row['previous_hash']) };
  return breakBehind(head, link, () => rowHash(table, row));
}

export const headIn = (row: RawRow): ChainHead => ({ position: Number(row['position']), hash: String(row['hash']) });

/** Columns without a value are left out: one that is added later leaves the hashes of older rows as they were. */
function rowHash({ columns }: CompiledTable, row: RawRow): string {
  const said = columns.flatMap(({ name }): (readonly [string, unknown])[] => {
    const value = row[name];
    return value === null || value === undefined || isOfChain(name) ? [] : [[name, inJson(value)]];
  });
  try {
    return linkHash({
      position: row['position'],
      previousHash: row['previous_hash'],
      row: Object.fromEntries(said),
    });
  } catch {
    // A number that is none: nothing that was ever appended.
    return '';
  }
}

function inJson(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString();
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}
