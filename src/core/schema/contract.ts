// The contract between code and schema: what a program declares of its tables and queries, as plain data, and the
// comparison with a schema that says what of it would not work there.
import type { StepHandle } from '../steps/migration-step.js';
import type { ContractFinding } from './contract-finding.js';
import { foldName } from './names.js';
import type { ColumnSnapshot, SchemaSnapshot, TableSnapshot } from './snapshot.js';

/** What a column of a declared table holds. */
export type ContractKind =
  | 'text'
  | 'integer'
  | 'real'
  | 'boolean'
  | 'bigint'
  | 'instant'
  | 'decimal'
  | 'bytes'
  | 'json';

export interface DeclaredColumn {
  readonly name: string;
  readonly kind: ContractKind;
  readonly nullable: boolean;
  /** Digits behind the point of a decimal. */
  readonly scale: number;
  /** By an insert: always or as the caller likes, left to the database where nothing is given, or computed by it. */
  readonly written: 'by-program' | 'may-be-left-out' | 'by-database';
}

export interface DeclaredTable {
  readonly name: string;
  readonly schema?: string;
  /** The class that works on it. */
  readonly dao?: string;
  readonly columns: readonly DeclaredColumn[];
  readonly primaryKey: readonly string[];
  /** `reads`: nothing is ever written by this program. */
  readonly access: 'reads' | 'writes';
}

export interface DeclaredQuery {
  readonly name: string;
  /** The query as knex builds it, with sample values. */
  readonly build: (knex: StepHandle) => unknown;
}

export interface Contract {
  readonly tables: readonly DeclaredTable[];
  readonly queries: readonly DeclaredQuery[];
}

/** What a dialect knows of its columns. */
export interface ContractRules {
  /** The names that a snapshot may have the table by, in the order in which the program's statements find them. */
  namesOf(table: DeclaredTable): readonly string[];
  /** Whether what the program writes comes back as it was. */
  holds(column: DeclaredColumn, live: ColumnSnapshot, table: TableSnapshot, schema: SchemaSnapshot): boolean;
  /** Whether an insert that leaves the column out gives it a value. */
  fills(live: ColumnSnapshot, table: TableSnapshot, schema: SchemaSnapshot): boolean;
  neverNull(live: ColumnSnapshot, table: TableSnapshot, schema: SchemaSnapshot): boolean;
}

/** A relation whose columns no snapshot tells (a view, a virtual table): the database itself is asked whether it can be read. */
export interface Probe {
  readonly table: DeclaredTable;
  readonly sql: string;
}

export interface Comparison {
  readonly findings: readonly ContractFinding[];
  readonly probes: readonly Probe[];
}

/** What of the declared tables does not fit the schema. */
export function compareContract(
  { tables }: Pick<Contract, 'tables'>,
  schema: SchemaSnapshot,
  rules: ContractRules,
): Comparison {
  const live = relationsOf(schema);
  const findings: ContractFinding[] = [];
  const probes: Probe[] = [];
  for (const table of tables) {
    const names = rules.namesOf(table);
    const name = names.find((one) => live.has(foldName(one, schema.identifiers)));
    const found = name === undefined ? undefined : live.get(foldName(name, schema.identifiers));
    if (found === undefined) findings.push({ problem: 'missing-table', ...subject(table) });
    else if (found === 'untold') probes.push({ table, sql: probeOf(table) });
    else findings.push(...compareTable(table, found, schema, rules));
  }
  return { findings, probes };
}

/** As messages and reports have it. */
export const tableName = ({ name, schema }: DeclaredTable): string =>
  schema === undefined ? name : `${schema}.${name}`;

const subject = (declared: DeclaredTable): { readonly table: string; readonly dao?: string } => ({
  table: tableName(declared),
  ...(declared.dao === undefined ? {} : { dao: declared.dao }),
});

/** Objects of other kinds are named by their kind, too. */
const STORED_VIEW = 'materialized view';

/** By folded name: tables, and what only is known to be there. */
function relationsOf(schema: SchemaSnapshot): ReadonlyMap<string, TableSnapshot | 'untold'> {
  const fold = (name: string): string => foldName(name, schema.identifiers);
  const views = schema.views.map(({ name }) => name);
  const stored = (schema.objects ?? []).flatMap(({ type, name }) =>
    type === STORED_VIEW ? [name.slice(type.length + 1)] : [],
  );
  return new Map<string, TableSnapshot | 'untold'>([
    ...[...views, ...stored].map((name) => [fold(name), 'untold'] as const),
    ...schema.tables.map((table) => [fold(table.name), table.kind === 'virtual' ? 'untold' : table] as const),
  ]);
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** Qualified: a name in quotes that is no column's is a text to SQLite. */
const probeOf = ({ name, schema, columns }: DeclaredTable): string =>
  `SELECT ${columns.map((column) => `t.${quoted(column.name)}`).join(', ')} FROM ${schema === undefined ? '' : `${quoted(schema)}.`}${quoted(name)} AS t`;

function compareTable(
  declared: DeclaredTable,
  table: TableSnapshot,
  schema: SchemaSnapshot,
  rules: ContractRules,
): ContractFinding[] {
  const about = subject(declared);
  const writes = declared.access === 'writes';
  const live = new Map(table.columns.map((column) => [column.name, column]));
  const known = new Set(declared.columns.map(({ name }) => name));
  const fills = (column: ColumnSnapshot): boolean => rules.fills(column, table, schema);
  const columns = declared.columns.flatMap((column): ContractFinding[] => {
    const at = { ...about, column: column.name };
    const there = live.get(column.name);
    // Both databases give a column back under the name that it was made with, letter by letter.
    if (there === undefined) return [{ problem: 'missing-column', ...at }];
    const findings: ContractFinding[] = [];
    if (!rules.holds(column, there, table, schema))
      findings.push({ problem: 'wrong-type', ...at, declared: column.kind, type: there.type });
    const neverNull = rules.neverNull(there, table, schema);
    if (!column.nullable && !neverNull && there.generated === undefined)
      findings.push({ problem: 'may-be-null', ...at });
    const isComputed = there.generated !== undefined || there.identity === 'always';
    if (column.written === 'by-database' && !isComputed) findings.push({ problem: 'not-computed', ...at });
    if (!writes) return findings;
    if (column.written === 'by-program' && isComputed) findings.push({ problem: 'computed', ...at });
    if (column.nullable && neverNull && column.written === 'by-program') findings.push({ problem: 'not-null', ...at });
    if (column.written === 'may-be-left-out' && neverNull && !fills(there))
      findings.push({ problem: 'no-default', ...at });
    return findings;
  });
  const unwritten = writes
    ? table.columns.filter(
        (column) => !known.has(column.name) && rules.neverNull(column, table, schema) && !fills(column),
      )
    : [];
  return [
    ...columns,
    ...unwritten.map((column): ContractFinding => ({ problem: 'never-written', ...about, column: column.name })),
    ...(isUnique(declared, table, schema)
      ? []
      : [{ problem: 'key-not-unique', ...about, columns: declared.primaryKey } as const]),
  ];
}

/** Whether a key finds one row at most: some unique key of the table lies in it. */
function isUnique({ primaryKey }: DeclaredTable, table: TableSnapshot, schema: SchemaSnapshot): boolean {
  const key = new Set(primaryKey);
  const unique = [
    ...(table.primaryKey === undefined ? [] : [table.primaryKey.terms]),
    ...table.uniques.map(({ terms }) => terms),
    ...schema.indexes.flatMap((index) =>
      index.unique && index.where === undefined && index.table === table.name ? [index.terms] : [],
    ),
  ];
  return unique.some((terms) => terms.length > 0 && terms.every((term) => 'column' in term && key.has(term.column)));
}
