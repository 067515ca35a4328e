// What PostgreSQL's column types hold of what DAOs write, and where it finds a table that is named without its schema.
import type { ContractKind, ContractRules, DeclaredColumn } from '../../../../core/schema/contract.js';
import type { ColumnSnapshot, ObjectSnapshot, SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import { nameOf } from '../name.js';

const WHOLE: readonly ContractKind[] = ['integer', 'bigint'];
/** By the type's name as the server writes it, without what is in brackets; what is not here is a type of somebody's own. */
const HELD: Readonly<Record<string, readonly ContractKind[]>> = {
  smallint: WHOLE,
  integer: WHOLE,
  bigint: WHOLE,
  real: ['real'],
  'double precision': ['real', 'integer'],
  numeric: ['integer', 'real', 'bigint', 'decimal'],
  boolean: ['boolean'],
  text: ['text', 'json'],
  'character varying': ['text', 'json'],
  character: ['text'],
  'timestamp with time zone': ['instant', 'text'],
  'timestamp without time zone': ['instant', 'text'],
  bytea: ['bytes'],
  json: ['json'],
  jsonb: ['json'],
  ...Object.fromEntries(
    ['date', 'time without time zone', 'time with time zone', 'interval', 'uuid', 'inet', 'cidr', 'macaddr', 'xml'].map(
      (type) => [type, ['text']],
    ),
  ),
};

function holds({ kind, scale }: DeclaredColumn, live: ColumnSnapshot, schema: SchemaSnapshot): boolean {
  const { type } = live;
  if (type.endsWith('[]') || objectOf('enum', live, schema) !== undefined) return kind === 'text';
  const [, precision, digits = '0'] = /\((\d+)(?:,(-?\d+))?\)/.exec(type) ?? [];
  const held = HELD[type.replace(/\([^)]*\)/, '')];
  if (held !== undefined && !held.includes(kind)) return false;
  if (!type.startsWith('numeric') || precision === undefined) return true;
  if (kind === 'decimal') return Number(digits) >= scale;
  return kind === 'real' ? Number(digits) > 0 : kind === 'integer' || Number(digits) <= 0;
}

const BEFORE_INSERT = /\bBEFORE\b[^]*?\bINSERT\b/i;

const fills = (live: ColumnSnapshot, table: string, schema: SchemaSnapshot): boolean =>
  (live.default !== undefined && !/^null\b/i.test(live.default)) ||
  live.generated !== undefined ||
  live.identity !== undefined ||
  // A trigger may; whether it does only its code knows.
  schema.triggers.some((trigger) => trigger.table === table && BEFORE_INSERT.test(trigger.sql));

/** A domain may be NOT NULL by itself. */
const isNotNullDomain = (live: ColumnSnapshot, schema: SchemaSnapshot): boolean =>
  / not null\b/.test(objectOf('domain', live, schema)?.definition ?? '');

/** The type of somebody's own that a column is of. */
const objectOf = (type: string, live: ColumnSnapshot, { objects = [] }: SchemaSnapshot): ObjectSnapshot | undefined =>
  objects.find((one) => one.type === type && one.name === `${type} ${live.type.replace(/^public\./, '')}`);

/** `path`: the schemas in which the program's statements look for a table. */
export const postgresContractRules = (path: readonly string[]): ContractRules => ({
  namesOf: ({ name, schema }) => (schema === undefined ? path : [schema]).map((one) => nameOf({ schema: one, name })),
  holds: (column, live, _, schema) => holds(column, live, schema),
  fills: (live, { name }, schema) => fills(live, name, schema),
  neverNull: (live, _, schema) => live.notNull || isNotNullDomain(live, schema),
});
