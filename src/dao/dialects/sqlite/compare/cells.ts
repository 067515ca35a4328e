// The SQL that writes cells and rows so that two are written alike exactly when type and value are equal, and reads back where one is NULL.
import { identifier } from './identifiers.js';

/**
 * How rows leave SQL. `bytes`: text as its own bytes, even where they are not valid UTF-8. `text`: as JSON; for databases
 * in UTF-16, in which text that is not valid cannot be told from its repaired form.
 */
export type Carriage = 'bytes' | 'text';

/** The alias under which every statement of a comparison names its table. */
export const ALIAS = 't';

/** A column of the compared table; qualified, because SQLite takes an unknown name in double quotes for a string. */
export function column(name: string): string {
  return `${ALIAS}.${identifier(name)}`;
}

/**
 * One cell: `n` for NULL, `12,` for an integer, `0.5,` for a real, `3tabc` for text, `2x..` for a blob; or, carried as
 * text, `"abc"` and `4x0aff`. quote() gives a real as many digits as it takes to tell it from all others, but writes -0.0 as 0.0.
 */
export function cell(expression: string, carriage: Carriage): string {
  const [text, blob] =
    carriage === 'bytes'
      ? [`octet_length(${expression})||'t'||${expression}`, `octet_length(${expression})||'x'||${expression}`]
      : [`json_quote(${expression})`, `2*octet_length(${expression})||'x'||hex(${expression})`];
  const negativeZero = `${expression}=0.0 AND atan2(${expression},-1.0)<0.0`;
  return (
    `CASE typeof(${expression}) WHEN 'integer' THEN ${expression}||',' WHEN 'text' THEN ${text} ` +
    `WHEN 'real' THEN CASE WHEN ${negativeZero} THEN '-0.0,' ELSE quote(${expression})||',' END ` +
    `WHEN 'blob' THEN ${blob} ELSE 'n' END`
  );
}

/** Cells side by side, as one expression; the empty text if there are none. */
export function joined(cells: readonly string[]): string {
  return cells.length === 0 ? `''` : concatenated(cells.map((one) => `(${one})`));
}

/** A balanced tree of `||`: a chain of 2,000 columns would pass SQLite's limit on the depth of an expression (1,000). */
function concatenated(parts: readonly string[]): string {
  if (parts.length <= 8) return parts.join('||');
  const middle = Math.ceil(parts.length / 2);
  return `(${concatenated(parts.slice(0, middle))})||(${concatenated(parts.slice(middle))})`;
}

const [NULL_CELL, QUOTE, BACKSLASH, COMMA] = ['n', '"', '\\', ','].map((mark) => mark.charCodeAt(0));
const [TEXT, BLOB] = ['t', 'x'].map((mark) => mark.charCodeAt(0));

/** The positions of the cells that are NULL in a row written by `joined`, from the byte `start` on. */
export function nullPositions(row: Buffer, start: number): Set<number> {
  const found = new Set<number>();
  let at = start;
  for (let position = 0; at < row.length; position += 1) {
    if (row[at] === NULL_CELL) found.add(position);
    at = endOfCell(row, at);
  }
  return found;
}

function endOfCell(row: Buffer, start: number): number {
  let at = start;
  if (row[at] === NULL_CELL) return at + 1;
  if (row[at] === QUOTE) {
    for (at += 1; row[at] !== QUOTE && at < row.length; at += 1) if (row[at] === BACKSLASH) at += 1;
    return at + 1;
  }
  while (row[at] !== COMMA && row[at] !== TEXT && row[at] !== BLOB && at < row.length) at += 1;
  return row[at] === COMMA ? at + 1 : at + 1 + Number(row.toString('latin1', start, at));
}
