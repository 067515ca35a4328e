// How SQLite says what the DAOs mean. Times are ISO text, booleans 0 and 1, exact numbers and JSON text.
import type { Access, Codec, FigureSql, Flavour, InList, Script } from '../../../app/flavour.js';
import { decimalText, instantText, jsonText, readInstant } from '../../../app/cells.js';
import type { Column } from '../../../table/column.js';
import type { SqliteDriver } from '../drivers/driver.js';
import { classifyCall } from './classify-call.js';
import { connectionOf } from './connection.js';

/** In double quotes, a name that is no column's would be taken for a string. https://sqlite.org/quirks.html#dblquote */
const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

const asInteger = (expression: string): string => `CAST(${expression} AS INTEGER)`;

function codec({ kind, scale }: Column): Codec {
  switch (kind) {
    case 'boolean':
      return {
        encode: (value: boolean) => (value ? 1 : 0),
        decode: (raw: unknown) => (raw === 1 ? true : raw === 0 ? false : raw),
      };
    case 'bigint':
      return { encode: (value: bigint) => value.toString(), decode: (raw: string) => BigInt(raw) };
    case 'instant':
      return { encode: instantText, decode: readInstant };
    case 'decimal':
      return { encode: (value: string) => decimalText(value, scale) };
    case 'json':
      return { encode: jsonText, decode: (raw: string) => JSON.parse(raw) as unknown };
    case 'bytes':
      return {
        encode: (value: Uint8Array) => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
        decode: (raw: Uint8Array) => new Uint8Array(raw),
      };
    case 'text':
    case 'integer':
    case 'real':
      return {};
  }
}

/** SQLite reads most numbers back from JSON as they were, but not the very large and the very small. */
const travelsAsJson = (value: unknown): boolean =>
  typeof value !== 'number' || value === 0 || (Math.abs(value) > 1e-22 && Math.abs(value) < 1e22);

const hexed = (value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value);

/** One text instead of thousands of values: three times as fast, and no limit on how many. */
function rowsOf(columns: readonly Column[], rows: readonly (readonly unknown[])[]): Script | undefined {
  const floats = columns.flatMap(({ kind }, at) => (kind === 'real' ? [at] : []));
  if (rows.some((row) => floats.some((at) => !travelsAsJson(row[at])))) return undefined;
  const hasBytes = columns.some(({ kind }) => kind === 'bytes');
  const cells = columns.map(({ kind }, at) => {
    const cell = `value ->> ${at}`;
    if (kind === 'bytes') return `unhex(${cell})`;
    return kind === 'bigint' ? asInteger(cell) : cell;
  });
  return {
    sql: `SELECT ${cells.join(', ')} FROM json_each(?) WHERE true`,
    values: [JSON.stringify(hasBytes ? rows.map((row) => row.map(hexed)) : rows)],
  };
}

function isIn({ kind }: Column, encoded: readonly unknown[]): InList {
  const list = (text: string, value: string): InList => ({
    value: text,
    test: (column, placeholder) => `${column} IN (SELECT ${value} FROM json_each(${placeholder}))`,
  });
  if (kind === 'bytes') return list(JSON.stringify(encoded.map(hexed)), 'unhex(value)');
  if (kind === 'real') return list(JSON.stringify(encoded.map(exact)), '(value ->> 0) * pow(2.0, value ->> 1)');
  return list(kind === 'bigint' ? `[${encoded.join(',')}]` : JSON.stringify(encoded), 'value');
}

/** The whole number and the power of two that a number is made of: its decimal digits may lose the last bit on the way. */
function exact(value: unknown): readonly [number, number] {
  let whole = Number(value);
  let power = 0;
  for (; !Number.isInteger(whole); power -= 1) whole *= 2;
  for (; Math.abs(whole) > Number.MAX_SAFE_INTEGER; power += 1) whole /= 2;
  return [whole, power];
}

/** Sums of integers are exact; what is past 2^53 leaves as text. */
function figure({ kind, scale }: Column, of: 'sum' | 'avg' | 'min' | 'max', expression: string): FigureSql {
  const over = kind === 'decimal' ? `${of}(${scaled(expression)})` : `${of}(${expression})`;
  if (kind === 'bigint') return of === 'avg' ? { sql: over } : { sql: asText(over), sort: over };
  if (kind !== 'decimal') return { sql: over };
  if (of === 'avg') return { sql: `${over} / 1e${scale}` };
  return { sql: asText(over), sort: over, decode: (raw) => pointed(String(raw), scale) };
}

/** A decimal as the integer of its digits. */
const scaled = (expression: string): string => asInteger(`replace(${expression}, '.', '')`);
const asText = (expression: string): string => `CAST(${expression} AS TEXT)`;

/** The decimal of an integer's digits. */
function pointed(digits: string, scale: number): string {
  if (scale === 0) return digits;
  const sign = digits.startsWith('-') ? '-' : '';
  const all = digits.slice(sign.length).padStart(scale + 1, '0');
  return `${sign}${all.slice(0, -scale)}.${all.slice(-scale)}`;
}

const GLOB = /[*?[]/g;

export const sqliteFlavour = (driver: SqliteDriver): Flavour => ({
  name: 'sqlite',
  connection: (raw) => connectionOf(driver, raw),
  quoted,
  placeholder: () => '?',
  codec,
  // The drivers round integers past 2^53.
  selected: ({ kind }, expression, as) =>
    kind === 'bigint' ? `${asText(expression)} AS ${as}` : expression === as ? as : `${expression} AS ${as}`,
  bound: ({ kind }, placeholder) => (kind === 'bigint' ? asInteger(placeholder) : placeholder),
  comparable: ({ kind }, expression) => (kind === 'decimal' ? scaled(expression) : expression),
  isIn,
  isDistinct: 'IS NOT',
  isSame: 'IS',
  matches: (where, part) => {
    const letters = part.replaceAll(GLOB, (letter) => `[${letter}]`);
    const pattern = `${where === 'startsWith' ? '' : '*'}${letters}${where === 'endsWith' ? '' : '*'}`;
    return { operator: 'GLOB', pattern };
  },
  asText: ({ kind }, expression) => (kind === 'bigint' ? asText(expression) : expression),
  figure,
  nullsOf: (direction) => (direction === 'asc' ? 'NULLS LAST' : 'NULLS FIRST'),
  rowsOf: (_, columns, rows) => rowsOf(columns, rows),
  most: { rows: 5000, values: 30_000 },
  // A transaction that writes has begun with the write lock.
  turn: () => undefined,
  begin: (access: Access) => (access === 'read-only' ? ['PRAGMA query_only = ON', 'BEGIN'] : ['BEGIN IMMEDIATE']),
  afterwards: (access) => (access === 'read-only' ? ['PRAGMA query_only = OFF'] : []),
  classify: classifyCall,
});
