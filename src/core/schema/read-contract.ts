// From the tables, DAOs and named queries that a program hands over, or that a module exports, to the contract.
import { err, ok, type Result } from 'neverthrow';
import type { StepHandle } from '../steps/migration-step.js';
import type { Contract, ContractKind, DeclaredColumn, DeclaredQuery, DeclaredTable } from './contract.js';

/** A declared table, as `defineTable` gives it; told by its shape, since the caller's copy of this package may be another. */
export interface ContractTable {
  readonly name: string;
  readonly columns: readonly {
    readonly name: string;
    readonly kind: ContractKind;
    readonly nullable: boolean;
    readonly scale: number;
  }[];
  readonly primaryKey: readonly string[];
  readonly options: {
    readonly primaryKey: string | readonly string[];
    readonly schema?: string;
    readonly defaults?: readonly string[];
    readonly generated?: readonly string[];
  };
}
/** A DAO, or a class of DAOs with a static `table`. */
export interface ContractDao {
  readonly table: ContractTable;
}
/** As `defineQuery` gives it. */
export interface ContractQuery {
  readonly query: string;
  readonly sampled: (knex: StepHandle['knex']) => unknown;
}
/** What `contract` may list. */
export type ContractMember = ContractTable | ContractDao | ContractQuery;

/** `strangers`: what becomes of a member that is none; a module may export other things as well. */
export function readContract(members: readonly unknown[], strangers: 'refuse' | 'pass-over'): Result<Contract, string> {
  const tables = new Map<ContractTable, DeclaredTable>();
  const queries = new Map<string, DeclaredQuery>();
  for (const [at, member] of members.entries()) {
    if (isQuery(member))
      queries.set(member.query, { name: member.query, build: (handle) => member.sampled(handle.knex) });
    else if (isTable(member)) keep(tables, member, declared(member));
    else if (isDao(member)) keep(tables, member.table, declared(member.table, member));
    else if (strangers === 'refuse') return err(strangerText(member, at + 1));
  }
  return ok({ tables: [...tables.values()], queries: [...queries.values()] });
}

/** A class of DAOs most often got its table by its constructor, where nobody can read it. */
const strangerText = (member: unknown, at: number): string =>
  typeof member === 'function' && /^class\b/.test(Function.prototype.toString.call(member))
    ? `member ${at} (${member.name || 'a class'}) has no table that can be read: a class of DAOs says it by \`static readonly table = …\``
    : `member ${at} is neither a table nor a DAO nor a named query`;

/** A table is what its DAOs make of it: they say whether it is written. */
function keep(tables: Map<ContractTable, DeclaredTable>, table: ContractTable, one: DeclaredTable): void {
  const rank = ({ dao, access }: DeclaredTable): number => (dao === undefined ? 0 : access === 'reads' ? 1 : 2);
  const known = tables.get(table);
  if (known === undefined || rank(one) > rank(known)) tables.set(table, one);
}

function declared(table: ContractTable, dao?: ContractDao): DeclaredTable {
  const { name, columns, primaryKey, options } = table;
  const defaults = new Set(options.defaults);
  const generated = new Set(options.generated);
  const written = (column: string): DeclaredColumn['written'] =>
    generated.has(column) ? 'by-database' : defaults.has(column) ? 'may-be-left-out' : 'by-program';
  return {
    name,
    ...(options.schema === undefined ? {} : { schema: options.schema }),
    ...(dao === undefined ? {} : { dao: classOf(dao) }),
    columns: columns.map(({ name: column, kind, nullable, scale }) => ({
      name: column,
      kind,
      nullable,
      scale,
      written: written(column),
    })),
    primaryKey,
    access: dao === undefined || canInsert(dao) ? 'writes' : 'reads',
  };
}

const classOf = (dao: ContractDao): string =>
  typeof dao === 'function' ? (dao as { readonly name: string }).name : dao.constructor.name;
const canInsert = (dao: ContractDao): boolean => {
  const methods: unknown = typeof dao === 'function' ? (dao as { readonly prototype: unknown }).prototype : dao;
  return methods !== null && typeof methods === 'object' && 'insert' in methods;
};

const asRecord = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  value !== null && (typeof value === 'object' || typeof value === 'function')
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
const isTable = (member: unknown): member is ContractTable => {
  const table = asRecord(member);
  return (
    typeof table?.['name'] === 'string' &&
    Array.isArray(table['columns']) &&
    Array.isArray(table['primaryKey']) &&
    asRecord(table['options']) !== undefined
  );
};
const isDao = (member: unknown): member is ContractDao => isTable(asRecord(member)?.['table']);
const isQuery = (member: unknown): member is ContractQuery => {
  const query = asRecord(member);
  return typeof query?.['query'] === 'string' && typeof query['sampled'] === 'function';
};
