// What SQLite's column types hold of what DAOs write: by affinity, which is read off the declared type.
import type { ContractKind, ContractRules } from '../../../../core/schema/contract.js';
import type { ColumnSnapshot, TableSnapshot } from '../../../../core/schema/snapshot.js';

/** Numeric affinity is also what a type has that SQLite does not know: only some of its names speak of numbers. */
type Affinity = 'any' | 'blob' | 'text' | 'integer' | 'real' | 'number' | 'unknown';

/** In the order of https://sqlite.org/datatype3.html#determination_of_column_affinity */
function affinityOf({ type }: ColumnSnapshot, { strict }: TableSnapshot): Affinity {
  if (/int/i.test(type)) return 'integer';
  if (/char|clob|text/i.test(type)) return 'text';
  if (/blob/i.test(type)) return 'blob';
  // Without STRICT it is a word like any other.
  if (type === '' || (strict && /^any$/i.test(type))) return 'any';
  if (/real|floa|doub/i.test(type)) return 'real';
  return /^(?:num|dec|bool|money)/i.test(type) ? 'number' : 'unknown';
}

const HELD: Readonly<Record<Affinity, readonly ContractKind[] | 'all'>> = {
  any: 'all',
  blob: ['bytes', 'json'],
  text: ['text', 'instant', 'decimal', 'json'],
  integer: ['integer', 'boolean', 'bigint', 'real'],
  real: ['real', 'integer', 'boolean'],
  number: ['integer', 'real', 'boolean', 'bigint'],
  // Whatever looks like a number is kept as one: a decimal comes back without its last zeros.
  unknown: ['text', 'integer', 'real', 'boolean', 'bigint', 'instant', 'bytes', 'json'],
};
/** A STRICT table, and the row's own number, take nothing but their type. */
const STRICTLY: Partial<Record<Affinity, readonly ContractKind[]>> = {
  blob: ['bytes'],
  integer: ['integer', 'boolean', 'bigint'],
};

function holds(kind: ContractKind, live: ColumnSnapshot, table: TableSnapshot): boolean {
  const affinity = affinityOf(live, table);
  const held = (table.strict || isRowid(live, table) ? STRICTLY[affinity] : undefined) ?? HELD[affinity];
  return held === 'all' || held.includes(kind);
}

/** https://sqlite.org/lang_createtable.html#rowid */
const isRowid = (column: ColumnSnapshot, { primaryKey, withoutRowid }: TableSnapshot): boolean =>
  column.primaryKey === 1 && primaryKey?.terms.length === 1 && !withoutRowid && /^integer$/i.test(column.type);

export const sqliteContractRules: ContractRules = {
  // Another schema is another file, which no step can reach.
  namesOf: ({ name, schema }) => (schema === undefined || schema === 'main' ? [name] : []),
  holds: ({ kind }, live, table) => holds(kind, live, table),
  fills: (live, table) =>
    (live.default !== undefined && !/^null$/i.test(live.default)) ||
    live.generated !== undefined ||
    isRowid(live, table),
  // Of a primary key SQLite takes NULL where nothing else is said, which no DAO ever gives it.
  neverNull: (live) => live.notNull || live.primaryKey > 0,
};
