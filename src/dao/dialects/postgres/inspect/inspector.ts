// Reads the schema of a PostgreSQL database in one statement, and makes the neutral snapshot of it.
import { errAsync, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { compareText } from '../../../../core/schema/names.js';
import type {
  ColumnSnapshot,
  ForeignKeySnapshot,
  IndexSnapshot,
  KeySnapshot,
  ObjectSnapshot,
  ReferentialAction,
  SchemaSnapshot,
  TableSnapshot,
  TriggerSnapshot,
  ViewSnapshot,
} from '../../../../core/schema/snapshot.js';
import type { PostgresConnection } from '../connection.js';
import { SCHEMA } from './query.js';
import { TOUCHED_SCHEMA } from './touched-query.js';

/** The shape of what the statement gives; where there is nothing of a kind, it says null. */
interface Schema {
  readonly tables: readonly TableRow[] | null;
  readonly indexes: readonly IndexRow[] | null;
  readonly views: readonly ViewSnapshot[] | null;
  readonly triggers: readonly TriggerSnapshot[] | null;
  readonly objects: readonly ObjectSnapshot[] | null;
}
interface TableRow {
  readonly name: string;
  readonly options: readonly string[];
  readonly columns: readonly ColumnRow[] | null;
  readonly constraints: readonly ConstraintRow[] | null;
}
interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly default: string | null;
  readonly generated: string | null;
  /** Virtual since version 18. */
  readonly storage: '' | 's' | 'v';
  readonly identity: '' | 'a' | 'd';
  readonly collation: string | null;
}
interface ConstraintRow {
  readonly type: 'p' | 'u' | 'c' | 'f' | 'x' | 'n';
  readonly name: string;
  readonly definition: string;
  readonly columns: readonly string[];
  readonly references: string | null;
  readonly referenced: readonly string[] | null;
  readonly onDelete: string;
  readonly onUpdate: string;
  readonly deferrable: boolean;
  readonly deferred: boolean;
  readonly valid: boolean;
}
interface IndexRow {
  readonly name: string;
  readonly table: string;
  readonly unique: boolean;
  readonly valid: boolean;
  readonly definition: string;
  readonly where: string | null;
  readonly terms: readonly {
    readonly column: string | null;
    readonly expression: string;
    readonly descending: boolean;
  }[];
}

/** `session` has an empty search path: the server then writes every name in full. */
export function inspectSchema(session: Session): ResultAsync<SchemaSnapshot, SqlError> {
  return session.all<{ schema: string }>(SCHEMA).map(schemaIn);
}

const TRIES = 5;
/** What somebody has dropped while it was read: "cache lookup failed", "could not open relation". */
const VANISHED = 'XX000';

/** A transaction says nothing else behind the first error. */
const ABORTED = '25P02';

/** The same, where it is asked again and again. */
export const inspectAgain = (connection: PostgresConnection, tries = TRIES): ResultAsync<SchemaSnapshot, SqlError> =>
  connection
    .prepared<{ schema: string }>('schema', SCHEMA)
    .map(({ rows }) => schemaIn(rows))
    .orElse((error) =>
      error.code === VANISHED && tries > 1
        ? inspectAgain(connection, tries - 1).mapErr((later) => (later.code === ABORTED ? error : later))
        : errAsync(error),
    );

const schemaIn = ([row]: readonly { readonly schema: string }[]): SchemaSnapshot =>
  snapshotOf(JSON.parse(row?.schema ?? '{}') as Schema);

/** The names, as they were, of those with these numbers that are known, and of all that are gone. */
type NamesOf = (touched: ReadonlySet<number>) => ReadonlySet<string>;

/**
 * The schema within a transaction that gave nothing another name: what it did not touch is taken from `before`. Whoever
 * changes a relation holds a lock on it, or has written its row.
 */
export function inspectTouched(
  connection: PostgresConnection,
  before: SchemaSnapshot,
  namesOf: NamesOf,
): ResultAsync<SchemaSnapshot, SqlError> {
  return connection
    .prepared<TouchedRow>('touched_schema', TOUCHED_SCHEMA)
    .map(({ rows: [row] }) => joined(before, row, namesOf));
}

export interface TouchedRow {
  readonly schema: string;
  readonly touched: readonly number[] | null;
}

function joined(before: SchemaSnapshot, row: TouchedRow | undefined, namesOf: NamesOf): SchemaSnapshot {
  const now = snapshotOf(JSON.parse(row?.schema ?? '{}') as Schema);
  const names = namesOf(new Set(row?.touched ?? []));
  const named = ({ name }: { readonly name: string }): boolean => names.has(name);
  const of = ({ table }: { readonly table: string }): boolean => names.has(table);
  return {
    ...now,
    tables: inPlaceOf(before.tables, named, now.tables),
    indexes: inPlaceOf(before.indexes, of, now.indexes),
    views: inPlaceOf(before.views, named, now.views),
    triggers: inPlaceOf(before.triggers, of, now.triggers),
  };
}

/** `now` in the place of those that are `gone`; the very list where there is neither. */
function inPlaceOf<T extends { readonly name: string }>(
  before: readonly T[],
  gone: (one: T) => boolean,
  now: readonly T[],
): readonly T[] {
  const kept = before.filter((one) => !gone(one));
  return now.length === 0 && kept.length === before.length ? before : byName([...kept, ...now]);
}

/** The schema within a transaction that only added relations, and to relations, by a row of `GROWN_SCHEMA`. */
export function grownSchema(before: SchemaSnapshot, row: TouchedRow, namesOf: NamesOf): SchemaSnapshot {
  const now = joined(before, row, namesOf);
  const objects = now.objects ?? [];
  const names = new Set(objects.map(({ name }) => name));
  return { ...now, objects: inPlaceOf(before.objects ?? [], ({ name }) => names.has(name), objects) };
}

function snapshotOf(schema: Schema): SchemaSnapshot {
  return {
    identifiers: 'exact',
    tables: byName((schema.tables ?? []).map(tableOf)),
    indexes: byName((schema.indexes ?? []).map(indexOf)),
    views: byName(schema.views ?? []),
    triggers: byName(schema.triggers ?? []),
    // A name alone does not tell a sequence from a type.
    objects: byName((schema.objects ?? []).map((one) => ({ ...one, name: `${one.type} ${one.name}` }))),
  };
}

function tableOf({ name, options, columns, constraints }: TableRow): TableSnapshot {
  const all = constraints ?? [];
  const primary = all.find(({ type }) => type === 'p');
  const inFull = all.filter(isToldInFull).map((one) => `${one.name} ${one.definition}`);
  const facts = [...options, ...inFull].toSorted(compareText);
  return {
    name,
    kind: 'table',
    columns: (columns ?? []).map((column) => columnOf(column, primary)),
    ...(primary ? { primaryKey: keyOf(primary) } : {}),
    autoincrement: false,
    withoutRowid: false,
    strict: false,
    uniques: all.filter(({ type }) => type === 'u').map(keyOf),
    checks: all
      .filter(({ type }) => type === 'c')
      .map((one) => ({ name: one.name, expression: one.definition, columns: one.columns })),
    foreignKeys: all.filter(({ type }) => type === 'f').map(foreignKeyOf),
    ...(facts.length > 0 ? { options: facts } : {}),
  };
}

/** What a key can be besides its columns and actions: since versions 15 and 18, much of it. */
const MORE_OF_A_KEY =
  /\b(?:INCLUDE|NULLS NOT DISTINCT|WITHOUT OVERLAPS|PERIOD|MATCH FULL|NOT ENFORCED|SET (?:NULL|DEFAULT) \()/;
const isToldInFull = ({ type, definition }: ConstraintRow): boolean =>
  type === 'x' || type === 'n' || (type !== 'c' && MORE_OF_A_KEY.test(definition));

function columnOf(column: ColumnRow, primary: ConstraintRow | undefined): ColumnSnapshot {
  return {
    name: column.name,
    type: column.type,
    notNull: column.notNull,
    ...(column.default === null ? {} : { default: column.default }),
    primaryKey: (primary?.columns.indexOf(column.name) ?? -1) + 1,
    ...(column.generated === null
      ? {}
      : { generated: { storage: column.storage === 'v' ? 'virtual' : 'stored', expression: column.generated } }),
    ...(column.collation === null ? {} : { collation: column.collation }),
    ...(column.identity === '' ? {} : { identity: column.identity === 'a' ? 'always' : 'by-default' }),
  };
}

/** A key's deferrability is in its name's company: `UNIQUE (a) DEFERRABLE` is another constraint than `UNIQUE (a)`. */
function keyOf({ name, columns, deferrable, deferred }: ConstraintRow): KeySnapshot {
  const when = deferrable ? ` deferrable${deferred ? ' initially deferred' : ''}` : '';
  return { name: `${name}${when}`, terms: columns.map((column) => ({ column, descending: false })) };
}

const ACTIONS: Readonly<Record<string, ReferentialAction>> = {
  a: 'no-action',
  r: 'restrict',
  c: 'cascade',
  n: 'set-null',
  d: 'set-default',
};

function foreignKeyOf(key: ConstraintRow): ForeignKeySnapshot {
  return {
    name: key.name,
    columns: key.columns,
    references: { table: key.references ?? '', columns: key.referenced ?? [] },
    onDelete: ACTIONS[key.onDelete] ?? 'no-action',
    onUpdate: ACTIONS[key.onUpdate] ?? 'no-action',
    deferrable: key.deferred ? 'initially-deferred' : key.deferrable ? 'initially-immediate' : 'not-deferrable',
    ...(key.valid ? {} : { notValid: true }),
  };
}

function indexOf({ name, table, unique, valid, definition, where, terms }: IndexRow): IndexSnapshot {
  return {
    name,
    table,
    unique,
    origin: 'created',
    terms: terms.map(({ column, expression, descending }) =>
      column === null ? { expression, descending } : { column, descending },
    ),
    ...(where === null ? {} : { where }),
    definition: valid ? definition : `${definition} (not valid)`,
  };
}

const byName = <T extends { readonly name: string }>(objects: readonly T[]): readonly T[] =>
  objects.toSorted((a, b) => compareText(a.name, b.name));
