// Reads what a comparison needs to know of a table: its columns, its key and what that key's order depends on.
import { ok, ResultAsync } from 'neverthrow';
import type { Session, SqlError, SqlValue } from '../../../../core/ports/session.js';
import { foldName, mainTable } from './identifiers.js';

/** How values change when they are stored in a column, as far as it decides whether two keys can be the same. */
export type KeyAffinity = 'text' | 'numeric' | 'none';

/** One column of a primary key; `affinity` and `descending` are absent when unknown, and then taken as alike and ascending. */
export interface KeyColumn {
  readonly column: string;
  readonly collation: string;
  readonly affinity?: KeyAffinity;
  readonly descending?: boolean;
}

/** What a comparison needs to know of one table. */
export interface TableShape {
  readonly name: string;
  /** Visible and not generated, in the order of the table. */
  readonly columns: readonly string[];
  readonly primaryKey: readonly KeyColumn[];
  readonly withoutRowid: boolean;
  /** The INTEGER PRIMARY KEY column that is the rowid, if any. */
  readonly rowidAlias?: string;
  /** Generated and hidden columns: never compared, but they can take a name such as `rowid`. */
  readonly hidden?: readonly string[];
  /** A virtual table may have to read itself whole for every page. */
  readonly virtual?: boolean;
}

interface ColumnRow {
  readonly name: string;
  readonly kind: string;
  readonly wr: number;
  readonly column: string;
  readonly type: string;
  readonly pk: number;
  readonly hidden: number;
}

interface IndexRow {
  readonly column: string;
  readonly collation: string;
  readonly descending: number;
}

const COLUMNS = `SELECT l.name AS name, l.type AS kind, l.wr AS wr, x.name AS "column", x.type AS type, x.pk AS pk, x.hidden AS hidden
  FROM pragma_table_list(?) AS l JOIN pragma_table_xinfo(l.name, l.schema) AS x
  WHERE l.schema = 'main' ORDER BY x.cid`;

const KEY_INDEX = `SELECT x.name AS "column", x.coll AS collation, x."desc" AS descending
  FROM pragma_index_list(?, 'main') AS l JOIN pragma_index_xinfo(l.name, 'main') AS x
  WHERE l.origin = 'pk' AND x.key = 1 ORDER BY x.seqno`;

/** The shape of a table of the main schema; undefined if there is no such table (a view is none). */
export function readShape(session: Session, table: string): ResultAsync<TableShape | undefined, SqlError> {
  return session.all<ColumnRow>(COLUMNS, [table]).andThen((columns) => {
    const first = columns[0];
    if (first === undefined || first.kind === 'view') return ok(undefined);
    return session.all<IndexRow>(KEY_INDEX, [first.name]).map((index) => shapeOf(first, columns, index));
  });
}

/** The number of rows of a table of the main schema. */
export function countRows(session: Session, table: string): ResultAsync<number, SqlError> {
  return session
    .all<{ readonly rows: SqlValue }>(`SELECT count(*) AS rows FROM ${mainTable(table)}`)
    .map((found) => Number(found[0]?.rows ?? 0));
}

function shapeOf(table: ColumnRow, columns: readonly ColumnRow[], index: readonly IndexRow[]): TableShape {
  const keyed = columns.filter((column) => column.pk > 0).toSorted((a, b) => a.pk - b.pk);
  const alias = aliasOf(table, keyed, index);
  const hidden = columns.filter((column) => column.hidden !== 0).map((column) => column.column);
  return {
    name: table.name,
    columns: columns.filter((column) => column.hidden === 0).map((column) => column.column),
    primaryKey: keyed.map((column) => keyColumn(column, index)),
    withoutRowid: table.wr === 1,
    ...(alias === undefined ? {} : { rowidAlias: alias }),
    ...(hidden.length === 0 ? {} : { hidden }),
    ...(table.kind === 'virtual' ? { virtual: true } : {}),
  };
}

/** A key that is the rowid itself needs no index: https://sqlite.org/lang_createtable.html#rowid (INTEGER PRIMARY KEY DESC is none). */
function aliasOf(table: ColumnRow, keyed: readonly ColumnRow[], index: readonly IndexRow[]): string | undefined {
  const only = keyed[0];
  if (only === undefined || keyed.length > 1 || index.length > 0) return undefined;
  if (table.wr === 1 || table.kind === 'virtual' || only.type.toUpperCase() !== 'INTEGER') return undefined;
  return only.column;
}

function keyColumn(column: ColumnRow, index: readonly IndexRow[]): KeyColumn {
  const indexed = index.find((row) => foldName(row.column) === foldName(column.column));
  const collation = indexed?.collation ?? 'BINARY';
  return {
    column: column.column,
    collation,
    affinity: affinityOf(column.type),
    ...(indexed?.descending === 1 ? { descending: true } : {}),
  };
}

/** The rules of https://sqlite.org/datatype3.html#determination_of_column_affinity, with the three numeric ones as one. */
function affinityOf(type: string): KeyAffinity {
  const name = type.toUpperCase();
  if (name.includes('INT')) return 'numeric';
  if (/CHAR|CLOB|TEXT/.test(name)) return 'text';
  // ANY keeps what it is given in a STRICT table, where it is mostly used.
  if (name === '' || name === 'ANY' || name.includes('BLOB')) return 'none';
  return 'numeric';
}

/** A default as a column of this type stores it: `DEFAULT 0` of a REAL column is 0.0. */
export function storedDefault(expression: string, type: string): string {
  const name = type.toUpperCase();
  const affinity = affinityOf(type);
  if (affinity === 'none') return `(${expression})`;
  if (affinity === 'text') return `CAST((${expression}) AS TEXT)`;
  return `CAST((${expression}) AS ${!name.includes('INT') && /REAL|FLOA|DOUB/.test(name) ? 'REAL' : 'NUMERIC'})`;
}
