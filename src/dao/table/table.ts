// A table, declared once: its columns by zod, its keys and habits by options. All types of rows follow from it.
import * as z from 'zod';
import { readColumn, type Column } from './column.js';

/** Columns and what they hold. */
export type Shape = Readonly<Record<string, z.ZodType>>;
export type ColumnOf<S extends Shape> = keyof S & string;

/** The key, and the columns that somebody else fills in: the database, or the DAO. */
export interface TableOptions<C extends string> {
  readonly primaryKey: C | readonly [C, ...C[]];
  /** PostgreSQL: the schema that the table is in; without it the search path decides. */
  readonly schema?: string;
  /** Filled in by the database where an insert leaves them out: identities and columns with a DEFAULT. */
  readonly defaults?: readonly C[];
  /** Computed by the database; never written. */
  readonly generated?: readonly C[];
  /** Optimistic locking: begins with 1, counts updates, and every update names the version that it read. */
  readonly version?: C;
  /** Set to the time of the insert, and of the last write. */
  readonly timestamps?: { readonly createdAt?: C; readonly updatedAt?: C };
  /** Set to the time of the removal; a row in which it is not null is removed. */
  readonly softDelete?: C;
  /** `trusted`: what the database answers is decoded but not validated. */
  readonly reads?: 'validated' | 'trusted';
}

/** The declaration of a table: plain data. */
export interface Table<S extends Shape = Shape, O extends TableOptions<ColumnOf<S>> = TableOptions<ColumnOf<S>>> {
  readonly name: string;
  readonly shape: S;
  readonly options: O;
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[];
  /** Rows are only ever added: made by `defineAppendOnlyTable`. */
  readonly appendOnly?: true;
}
/** A table of any shape. */
export type AnyTable = Table;

type Named<V> = V extends string ? V : never;
type OneOf<V> = V extends readonly (infer C)[] ? Named<C> : Named<V>;
type Option<T extends AnyTable, K extends keyof TableOptions<string>> = T['options'] extends {
  readonly [P in K]: infer V;
}
  ? V
  : never;
type Stamp<T extends AnyTable, K extends 'createdAt' | 'updatedAt'> =
  Option<T, 'timestamps'> extends { readonly [P in K]: infer V } ? Named<V> : never;

/** The names of a table's columns. */
export type Columns<T extends AnyTable> = keyof T['shape'] & string;
type KeyColumns<T extends AnyTable> = OneOf<Option<T, 'primaryKey'>>;
type Generated<T extends AnyTable> = OneOf<Option<T, 'generated'>>;
type Version<T extends AnyTable> = Named<Option<T, 'version'>>;
/** What an insert may leave out, since the database or the DAO fills it in. */
type Filled<T extends AnyTable> =
  | OneOf<Option<T, 'defaults'>>
  | Version<T>
  | Stamp<T, 'createdAt'>
  | Stamp<T, 'updatedAt'>
  | Named<Option<T, 'softDelete'>>;
type MayLeaveOut<T extends AnyTable> = {
  [C in Columns<T>]: undefined extends z.input<T['shape'][C]> ? C : null extends z.input<T['shape'][C]> ? C : never;
}[Columns<T>];
type Flat<T> = { [K in keyof T]: T[K] };

/** A row, as it is read. */
export type Row<T extends AnyTable> = { readonly [C in Columns<T>]: z.output<T['shape'][C]> };
/** A row, as it is inserted: what is nullable or filled in may be left out. */
export type NewRow<T extends AnyTable> = Flat<
  { readonly [C in Exclude<Columns<T>, Filled<T> | MayLeaveOut<T> | Generated<T>>]: z.input<T['shape'][C]> } & {
    readonly [C in Exclude<Filled<T> | MayLeaveOut<T>, Generated<T>>]?: z.input<T['shape'][C]>;
  }
>;
/** What an update may change: not the key, and nothing that the database or the DAO keeps. */
export type Changes<T extends AnyTable> = {
  readonly [
    C in Exclude<Columns<T>, KeyColumns<T> | Generated<T> | Version<T> | Stamp<T, 'createdAt'> | Stamp<T, 'updatedAt'>>
  ]?: z.output<T['shape'][C]>;
};
/** A primary key: its value, or where it has several columns an object of them. */
export type Key<T extends AnyTable> =
  Option<T, 'primaryKey'> extends readonly unknown[]
    ? { readonly [C in KeyColumns<T>]: z.output<T['shape'][C]> }
    : z.output<T['shape'][KeyColumns<T>]>;
/** Whether updates must name a version. */
export type IsVersioned<T extends AnyTable> = [Version<T>] extends [never] ? false : true;

/**
 * Declares a table.
 * @example
 * const Requests = defineTable(
 *   'completion_requests',
 *   { id: z.int(), model: z.string(), started_at: z.date(), tags: z.array(z.string()), cost: decimal({ precision: 10, scale: 4 }) },
 *   { primaryKey: 'id', defaults: ['id'] },
 * );
 */
export function defineTable<S extends Shape, const O extends TableOptions<ColumnOf<S>>>(
  name: string,
  shape: S,
  options: O,
): Table<S, O> {
  const odd = [name, ...Object.keys(shape)].find((one) => one === '' || one.includes('\0') || one === '__proto__');
  if (odd !== undefined) throw new TypeError(`table ${name}: ${JSON.stringify(odd)} is no name`);
  const columns = Object.entries(shape).map(([column, schema]) => readColumn(column, schema));
  const primaryKey = typeof options.primaryKey === 'string' ? [options.primaryKey] : [...options.primaryKey];
  refuseUnknown(name, new Set(columns.map((column) => column.name)), options, primaryKey);
  refuseMistyped(name, columns, options);
  const table: Table<S, O> = { name, shape, options, columns, primaryKey };
  return Object.freeze(table);
}

/** What the DAO itself keeps in a column is of one kind. */
function refuseMistyped(
  table: string,
  columns: readonly Column[],
  { version, timestamps, softDelete }: TableOptions<string>,
): void {
  const refuse = (column: string | undefined, kind: Column['kind'], role: string, what: string): void => {
    const found = columns.find(({ name }) => name === column);
    if (found !== undefined && (found.kind !== kind || found.nullable !== (role === 'softDelete')))
      throw new TypeError(`table ${table}: ${role} is ${what}, which column ${found.name} is not`);
  };
  refuse(version, 'integer', 'version', 'z.int()');
  refuse(timestamps?.createdAt, 'instant', 'createdAt', 'z.date()');
  refuse(timestamps?.updatedAt, 'instant', 'updatedAt', 'z.date()');
  refuse(softDelete, 'instant', 'softDelete', 'z.date().nullable()');
}

/** JavaScript callers have no compiler that tells them. */
function refuseUnknown(
  table: string,
  known: ReadonlySet<string>,
  { defaults = [], generated = [], version, timestamps, softDelete }: TableOptions<string>,
  primaryKey: readonly string[],
): void {
  const named = [
    ...primaryKey,
    ...defaults,
    ...generated,
    version,
    softDelete,
    timestamps?.createdAt,
    timestamps?.updatedAt,
  ];
  const unknown = named.filter((name) => name !== undefined && !known.has(name));
  if (primaryKey.length === 0) throw new TypeError(`table ${table}: a primary key has at least one column`);
  if (unknown.length > 0) throw new TypeError(`table ${table}: no column ${unknown.join(', ')} is declared`);
}
