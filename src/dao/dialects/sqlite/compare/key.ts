// A key by which rows of one table are walked in order and found again, as SQL; key values never pass through JS numbers.
import { ALIAS, column } from './cells.js';
import { foldName, identifier } from './identifiers.js';
import type { TableShape } from './shape.js';

/**
 * Where a walk stands: an SQL literal of an integer key, the literals of a key's columns joined by `, `,
 * or (for `position`) the number of rows passed. ASCII, without quotes that could end it early.
 */
export type Place = string;

/** One column of a key; `expression` carries the key's own collation, which may differ from the column's. */
export interface KeyTerm {
  readonly value: string;
  readonly expression: string;
  readonly collation: string;
  readonly descending: boolean;
}

/** `position` is the last resort of a table without any name for its rows: it can be walked, not searched. */
export type Key =
  | { readonly kind: 'integer'; readonly expression: string }
  | { readonly kind: 'columns'; readonly terms: readonly KeyTerm[] }
  | { readonly kind: 'position' };

/** The key of the rowid, by its alias or by a name that no column has taken; undefined if there is none. */
export function rowidKey(shape: TableShape): Key | undefined {
  if (shape.withoutRowid) return undefined;
  if (shape.rowidAlias !== undefined) return { kind: 'integer', expression: column(shape.rowidAlias) };
  const taken = new Set([...shape.columns, ...(shape.hidden ?? [])].map(foldName));
  const free = ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name));
  return free === undefined ? undefined : { kind: 'integer', expression: `${ALIAS}.${free}` };
}

/** The key of the declared primary key; undefined if the table has none. */
export function primaryKey(shape: TableShape): Key | undefined {
  if (shape.primaryKey.length === 0) return undefined;
  const terms = shape.primaryKey.map((part) => ({
    value: column(part.column),
    expression: `${column(part.column)} COLLATE ${identifier(part.collation)}`,
    collation: part.collation.toUpperCase(),
    descending: part.descending === true,
  }));
  // An index that descends in all its columns is read backwards; only a mixed order must be spelled out.
  const mixed = terms.some((term) => term.descending) && terms.some((term) => !term.descending);
  return { kind: 'columns', terms: mixed ? terms : terms.map((term) => ({ ...term, descending: false })) };
}

/** The key that walks a table in the order in which it is stored. */
export function walkKey(shape: TableShape): Key {
  return rowidKey(shape) ?? primaryKey(shape) ?? { kind: 'position' };
}

/** The ORDER BY terms, or nothing for a walk by position. */
export function orderOf(key: Key): string {
  if (key.kind === 'position') return '';
  if (key.kind === 'integer') return `ORDER BY ${key.expression}`;
  return `ORDER BY ${key.terms.map((term) => `${term.expression}${term.descending ? ' DESC' : ''}`).join(', ')}`;
}

/** The rows behind a place. */
export function beyond(key: Key, place: Place): string {
  return bound(key, place, '>');
}

/** The rows up to a place, and the one at it. */
export function upTo(key: Key, place: Place): string {
  return bound(key, place, '<=');
}

function bound(key: Key, place: Place, operator: '>' | '<='): string {
  if (key.kind === 'position') throw new Error('a position cannot be searched');
  if (key.kind === 'integer') return `${key.expression} ${operator} ${place}`;
  const { terms } = key;
  const values = place.split(', ');
  if (terms.some((term) => term.descending)) return mixedBound(terms, values, operator);
  // An index serves a row value only if its left side is bare columns; a collation on the right counts all the same.
  const right = values.map((value, i) => `${value} COLLATE ${identifier(terms[i]?.collation ?? 'BINARY')}`);
  return `(${terms.map((term) => term.value).join(', ')}) ${operator} (${right.join(', ')})`;
}

/** A row value cannot mix directions: a leading range that the index can serve, then the exact rule. */
function mixedBound(terms: readonly KeyTerm[], values: readonly string[], operator: '>' | '<='): string {
  const [term, ...rest] = terms;
  const [value, ...others] = values;
  if (term === undefined || value === undefined) throw new Error('a place has one value per key column');
  const strict = (operator === '>') === term.descending ? '<' : '>';
  if (rest.length === 0) return `${term.expression} ${operator === '>' ? strict : `${strict}=`} ${value}`;
  const deeper = mixedBound(rest, others, operator);
  return `(${term.expression} ${strict}= ${value} AND (${term.expression} ${strict} ${value} OR ${deeper}))`;
}

/** The expression that writes a row's place. */
export function placeOf(key: Key): string {
  if (key.kind === 'position') return `NULL`;
  if (key.kind === 'integer') return `CAST(${key.expression} AS TEXT)`;
  return key.terms.map(({ value }) => `(${literal(value)})`).join(`||', '||`);
}

/** Text as hex, because quote() cuts it at NUL; the plus keeps CAST's affinity from changing what the column holds. */
function literal(value: string): string {
  return `CASE typeof(${value}) WHEN 'text' THEN '+CAST(x'''||hex(${value})||''' AS TEXT)' ELSE quote(${value}) END`;
}

/** The expression in which two rows are equal exactly when their keys are equal under the key's own collations; ASCII. */
export function identityOf(key: Key): string {
  if (key.kind !== 'columns') return placeOf(key);
  return key.terms.map((term) => `(${identityTerm(term)})`).join(`||','||`);
}

/** An index holds 1 and 1.0 for the same key, and for NOCASE 'a' and 'A': https://sqlite.org/datatype3.html#collation */
function identityTerm({ value, collation }: KeyTerm): string {
  const folded = collation === 'NOCASE' ? `lower(${value})` : collation === 'RTRIM' ? `rtrim(${value}, ' ')` : value;
  return (
    `CASE typeof(${value}) WHEN 'text' THEN 't'||hex(${folded}) ` +
    `WHEN 'real' THEN CASE WHEN ${value}=CAST(${value} AS INTEGER) THEN CAST(${value} AS INTEGER) ELSE quote(${value}) END ` +
    `ELSE quote(${value}) END`
  );
}
