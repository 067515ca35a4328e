// How PostgreSQL says what the DAOs mean.
import type { Access, Codec, Flavour, InList, Isolation, Script } from '../../../app/flavour.js';
import { decimalText, instantText, jsonText, readInstant, readInteger } from '../../../app/cells.js';
import type { Column } from '../../../table/column.js';
import { quoted as inQuotes } from '../name.js';
import { classifyCall } from './classify-call.js';
import { connectionOf } from './connection.js';

const MOST_BYTES = 63;

/** PostgreSQL cuts longer names short, without an error: what was asked for by the whole name would not be found. */
function quoted(name: string): string {
  if (Buffer.byteLength(name) > MOST_BYTES) throw new TypeError(`PostgreSQL takes no name as long as ${name}`);
  return inQuotes(name);
}

function codec({ kind, scale }: Column): Codec {
  switch (kind) {
    case 'integer':
    case 'real':
      // bigint and numeric arrive as text.
      return { decode: readInteger };
    case 'bigint':
      return { encode: (value: bigint) => value.toString(), decode: (raw: string | number) => BigInt(raw) };
    case 'instant':
      return { encode: instantText, decode: readInstant };
    case 'decimal':
      return {
        encode: (value: string) => decimalText(value, scale),
        decode: (raw: unknown) => (typeof raw === 'string' ? decimalText(raw, scale) : raw),
      };
    case 'json':
      return { encode: jsonText, decode: (raw: string) => JSON.parse(raw) as unknown };
    case 'bytes':
      return {
        encode: (value: Uint8Array) => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
      };
    case 'text':
    case 'boolean':
      return {};
  }
}

function rowsOf(table: string, columns: readonly Column[], rows: readonly (readonly unknown[])[]): Script {
  // What is JSON to a DAO may be an array to the database: the server makes that of JSON, and knows no arrays of arrays.
  return columns.some(({ kind }) => kind === 'json') ? asJson(table, columns, rows) : asArrays(table, columns, rows);
}

/** A column at a time, as an array of what the column is: nobody has to know the columns' types. */
function asArrays(table: string, columns: readonly Column[], rows: readonly (readonly unknown[])[]): Script {
  const ofType = (name: string, at: number): string =>
    `unnest(coalesce((SELECT array_agg(${name}) FROM ${table} WHERE false), $${at + 1}))`;
  return {
    sql: `SELECT ${columns.map(({ name }, at) => ofType(quoted(name), at)).join(', ')}`,
    values: columns.map((_, at) => `{${rows.map((row) => element(row[at])).join(',')}}`),
  };
}

/** https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function element(value: unknown): string {
  if (value === null) return 'NULL';
  if (value instanceof Uint8Array) return `"\\\\x${hex(value)}"`;
  if (typeof value !== 'string') return JSON.stringify(value);
  return `"${SPECIAL.test(value) ? value.replaceAll(/["\\]/g, String.raw`\$&`) : value}"`;
}
const SPECIAL = /["\\]/;

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');

/** Nothing, of the table's row type; by its name alone a table called as a type of the system's own would be that. */
const ofRow = (table: string): string => `(SELECT migrate_safe_row FROM ${table} AS migrate_safe_row LIMIT 0)`;

/** The table's own row type reads a JSON text. */
function asJson(table: string, columns: readonly Column[], rows: readonly (readonly unknown[])[]): Script {
  const names = columns.map(({ name }) => JSON.stringify(name));
  const objects = rows.map(
    (row) => `{${columns.map((column, at) => `${names[at] ?? ''}:${cell(column, row[at])}`).join(',')}}`,
  );
  return {
    sql: `SELECT ${columns.map(({ name }) => quoted(name)).join(', ')} FROM json_populate_recordset(${ofRow(table)}, $1)`,
    values: [`[${objects.join(',')}]`],
  };
}

function cell({ kind }: Column, value: unknown): string {
  if (value === null) return 'null';
  // JSON is in there as it is; bytes as their type reads them.
  if (kind === 'json' && typeof value === 'string') return value;
  return value instanceof Uint8Array ? `"\\\\x${hex(value)}"` : JSON.stringify(value);
}

function isIn(_: Column, encoded: readonly unknown[]): InList {
  return { value: encoded, test: (column, placeholder) => `${column} = ANY (${placeholder})` };
}

/** Of our own, beside the table's oid: `msao`. */
const TURN = 0x6d_73_61_6f;

/** A lock of the table itself would take rights that whoever only appends does not have. */
const turn = (table: string): Script => ({
  sql: `SELECT pg_catalog.pg_advisory_xact_lock(${TURN}, $1::pg_catalog.regclass::pg_catalog.oid::pg_catalog.int4)`,
  values: [table],
});

function begin(access: Access, isolation: Isolation | undefined): readonly string[] {
  const level = isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation.replace('-', ' ').toUpperCase()}`;
  return [`BEGIN${level}${access === 'read-only' ? ' READ ONLY' : ''}`];
}

export const postgresFlavour: Flavour = {
  name: 'postgres',
  connection: connectionOf,
  quoted,
  placeholder: (position) => `$${position}`,
  codec,
  selected: (_, expression, as) => (expression === as ? as : `${expression} AS ${as}`),
  bound: (_, placeholder) => placeholder,
  comparable: (_, expression) => expression,
  isIn,
  isDistinct: 'IS DISTINCT FROM',
  isSame: 'IS NOT DISTINCT FROM',
  matches: (where, part) => {
    const letters = part.replaceAll(/[\\%_]/g, (letter) => `\\${letter}`);
    const pattern = `${where === 'startsWith' ? '' : '%'}${letters}${where === 'endsWith' ? '' : '%'}`;
    return { operator: 'LIKE', pattern };
  },
  asText: (_, expression) => expression,
  figure: (_, of, expression) => ({ sql: `${of}(${expression})` }),
  // As PostgreSQL sorts by itself, so that an index can serve it.
  nullsOf: () => '',
  rowsOf,
  most: { rows: 5000, values: 60_000 },
  turn,
  begin,
  afterwards: () => [],
  classify: classifyCall,
};
