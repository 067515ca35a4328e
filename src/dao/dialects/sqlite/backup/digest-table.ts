// The content of a table as one digest that does not depend on the order of its rows.
import { createHash } from 'node:crypto';
import { okAsync, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { cell, column, joined } from '../compare/cells.js';
import { mainTable } from '../compare/identifiers.js';
import { walkKey, type Place } from '../compare/key.js';
import { firstLimit, readPage, rowsOf, type Side } from '../compare/page.js';
import { readShape } from '../compare/shape.js';

const MODULUS = 1n << 256n;

interface TableDigest {
  readonly rows: number;
  readonly digest: string;
}

/** Rows, and the sum modulo 2^256 of the sha256 of each: the same rows in any order give the same digest. */
export function digestTable(session: Session, table: string): ResultAsync<TableDigest, SqlError> {
  return readShape(session, table).andThen((shape) => {
    if (shape === undefined) return okAsync<TableDigest, SqlError>({ rows: 0, digest: hex(0n) });
    const side: Side = {
      session,
      table: mainTable(shape.name),
      key: walkKey(shape),
      content: joined(shape.columns.map((name) => cell(column(name), 'bytes'))),
      carriage: 'bytes',
      virtual: false,
    };
    const addFrom = (after: Place | undefined, rows: number, sum: bigint): ResultAsync<TableDigest, SqlError> =>
      readPage(side, { after, limit: firstLimit(side) }).andThen((page) => {
        const total = rowsOf(side, page).reduce((all, row) => (all + digestOf(row)) % MODULUS, sum);
        return page.last === undefined
          ? okAsync({ rows: rows + page.rows, digest: hex(total) })
          : addFrom(page.last, rows + page.rows, total);
      });
    return addFrom(undefined, 0, 0n);
  });
}

const digestOf = (row: Uint8Array): bigint => BigInt(`0x${createHash('sha256').update(row).digest('hex')}`);
const hex = (sum: bigint): string => sum.toString(16).padStart(64, '0');
