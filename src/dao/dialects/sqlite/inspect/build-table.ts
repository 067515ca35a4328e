// Joins what the pragmas tell of a table with what its CREATE statements say: one table snapshot and those of its indexes.
import { compareText, foldAscii } from '../../../../core/schema/names.js';
import type {
  ColumnSnapshot,
  ForeignKeySnapshot,
  IndexSnapshot,
  KeySnapshot,
  KeyTerm,
  ReferentialAction,
  TableSnapshot,
} from '../../../../core/schema/snapshot.js';
import { significant } from '../sql/token.js';
import { comparableDefault, comparableExpression, mentionedColumns } from './expression.js';
import { groupBy } from './group-by.js';
import { parseCreateIndex } from './index-sql.js';
import type { ColumnRow, ForeignKeyRow, IndexTermRow, RawObject, TableDetails } from './read-objects.js';
import { parseCreateTable, type ParsedColumn, type ParsedKey, type ParsedTable } from './table-sql.js';
import { parseCreateVirtualTable } from './virtual-table-sql.js';

/** A table with the indexes that CREATE INDEX made on it. */
export interface BuiltTable {
  readonly table: TableSnapshot;
  readonly indexes: readonly IndexSnapshot[];
}

/** The snapshot of a virtual table from its text alone, so that it does not depend on the modules that are loaded; undefined for others. */
export function buildVirtualTable(object: RawObject): TableSnapshot | undefined {
  const module = parseCreateVirtualTable(object.sql ?? '');
  if (module === undefined) return undefined;
  const nothing = { columns: [], uniques: [], checks: [], foreignKeys: [] };
  return {
    name: object.name,
    kind: 'virtual',
    ...nothing,
    autoincrement: false,
    withoutRowid: false,
    strict: false,
    module,
  };
}

/** Builds an ordinary table; `indexes` are the raw objects of its indexes. */
export function buildTable(details: TableDetails, indexes: readonly RawObject[]): BuiltTable {
  const parsed = parseCreateTable(details.object.sql ?? '');
  const columnNames = details.columns.map(([, name]) => name);
  const known = new Set([...columnNames, 'rowid', 'oid', '_rowid_'].map(foldAscii));
  const byIndex = groupBy(details.indexTerms, ([index]) => index);
  const primaryKey = buildPrimaryKey(details, parsed);
  const uniques = [...byIndex.values()]
    .filter((terms) => terms[0]?.[2] === 'u')
    .map((terms) => buildUnique(terms, parsed));
  return {
    table: {
      name: details.object.name,
      kind: 'table',
      columns: details.columns.map((row) => buildColumn(row, parsed.columns[row[0]], known)),
      ...(primaryKey && { primaryKey }),
      autoincrement: parsed.autoincrement,
      withoutRowid: parsed.withoutRowid,
      strict: parsed.strict,
      uniques: uniques.toSorted((a, b) => compareText(JSON.stringify(a), JSON.stringify(b))),
      checks: parsed.checks.map(({ expression, ...name }) => ({
        ...name,
        expression: comparableExpression(expression, known),
        columns: mentionedColumns(expression, columnNames),
      })),
      foreignKeys: buildForeignKeys(details.foreignKeys, parsed),
    },
    indexes: indexes.flatMap((index) =>
      index.sql === null ? [] : [buildIndex(index, index.sql, byIndex.get(index.name) ?? [], known)],
    ),
  };
}

function buildColumn(
  [, name, type, notNull, default_, primaryKey]: ColumnRow,
  parsed: ParsedColumn | undefined,
  known: ReadonlySet<string>,
): ColumnSnapshot {
  const generated = parsed?.generated;
  return {
    name,
    type: type.trim().replace(/\s+/g, ' '),
    notNull: notNull !== 0,
    ...(parsed?.notNullOnConflict && { notNullOnConflict: parsed.notNullOnConflict }),
    ...(default_ !== null && { default: comparableDefault(significant(default_)) }),
    primaryKey,
    ...(generated && {
      generated: { storage: generated.storage, expression: comparableExpression(generated.expression, known) },
    }),
    ...withCollation(parsed?.collation),
  };
}

// BINARY is what a column without COLLATE has.
function withCollation(collation: string | undefined): { readonly collation?: string } {
  return collation === undefined || foldAscii(collation) === 'binary' ? {} : { collation };
}

function buildTerm(row: IndexTermRow): KeyTerm {
  return { column: row[4] ?? 'rowid', ...buildOrder(row) };
}

function buildOrder([, , , , , descending, collation]: IndexTermRow): Omit<KeyTerm, 'column'> {
  return { descending: descending !== 0, ...withCollation(collation) };
}

function inOrder(terms: readonly IndexTermRow[]): readonly IndexTermRow[] {
  return terms.toSorted((a, b) => a[3] - b[3]);
}

/** An INTEGER PRIMARY KEY is the rowid itself: it has no index, and neither direction nor collation. */
function buildPrimaryKey(details: TableDetails, parsed: ParsedTable): KeySnapshot | undefined {
  const indexed = inOrder(details.indexTerms.filter(([, , origin]) => origin === 'pk')).map(buildTerm);
  const columns = details.columns.filter(([, , , , , pk]) => pk > 0).toSorted((a, b) => a[5] - b[5]);
  const terms = indexed.length > 0 ? indexed : columns.map(([, name]) => ({ column: name, descending: false }));
  return terms.length === 0 ? undefined : { ...clauses(parsed.primaryKey), terms };
}

function buildUnique(rows: readonly IndexTermRow[], parsed: ParsedTable): KeySnapshot {
  const terms = inOrder(rows).map(buildTerm);
  const wanted = spelled(terms.map((term) => term.column));
  return { ...clauses(parsed.uniques.find((unique) => spelled(unique.columns) === wanted)), terms };
}

function spelled(columns: readonly string[]): string {
  return JSON.stringify(columns.map(foldAscii));
}

function clauses(key: ParsedKey | undefined): Omit<KeySnapshot, 'terms'> {
  return { ...(key?.name !== undefined && { name: key.name }), ...(key?.onConflict && { onConflict: key.onConflict }) };
}

function buildForeignKeys(rows: readonly ForeignKeyRow[], parsed: ParsedTable): readonly ForeignKeySnapshot[] {
  const byId = [...groupBy(rows, ([id]) => id).entries()].toSorted(([a], [b]) => b - a);
  // The pragma counts from the last one written; here they stand as written.
  return byId.flatMap(([, members], written): ForeignKeySnapshot[] => {
    const columns = members.toSorted((a, b) => a[1] - b[1]);
    const [first] = columns;
    if (first === undefined) return [];
    const [, , table, , , onUpdate, onDelete] = first;
    const clause = parsed.foreignKeys[written];
    return [
      {
        ...(clause?.name !== undefined && { name: clause.name }),
        columns: columns.map(([, , , from]) => from),
        references: { table, columns: columns.flatMap(([, , , , to]) => (to === null ? [] : [to])) },
        onDelete: referentialAction(onDelete),
        onUpdate: referentialAction(onUpdate),
        deferrable: clause?.deferrable ?? 'not-deferrable',
      },
    ];
  });
}

const REFERENTIAL_ACTIONS: ReadonlyMap<string, ReferentialAction> = new Map([
  ['RESTRICT', 'restrict'],
  ['CASCADE', 'cascade'],
  ['SET NULL', 'set-null'],
  ['SET DEFAULT', 'set-default'],
]);

function referentialAction(pragma: string): ReferentialAction {
  return REFERENTIAL_ACTIONS.get(pragma) ?? 'no-action';
}

function buildIndex(
  object: RawObject,
  sql: string,
  rows: readonly IndexTermRow[],
  known: ReadonlySet<string>,
): IndexSnapshot {
  const parsed = parseCreateIndex(sql);
  const terms = inOrder(rows).map((row) => {
    if (row[4] !== null) return buildTerm(row);
    return { expression: comparableExpression(parsed.terms[row[3]] ?? [], known), ...buildOrder(row) };
  });
  return {
    name: object.name,
    table: object.tableName,
    unique: rows.some(([, unique]) => unique !== 0),
    origin: 'created',
    terms,
    ...(parsed.where && { where: comparableExpression(parsed.where, known) }),
  };
}
