// The statements that read a SQLite schema, and their rows: objects cheaply, details of tables in one go.
import type { ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';

/** A row of `sqlite_schema` as it is; `sql` is null for the index of a constraint. */
export interface RawObject {
  readonly type: 'table' | 'index' | 'view' | 'trigger';
  readonly name: string;
  readonly tableName: string;
  readonly rootpage: number;
  readonly sql: string | null;
}

/** A raw object with the row's number, by which its details are asked for: a name may hold what JSON cannot carry. */
export interface ObjectRow extends RawObject {
  readonly id: number;
}

/** A row of `PRAGMA table_xinfo`. */
export type ColumnRow = readonly [
  cid: number,
  name: string,
  type: string,
  notNull: number,
  default_: string | null,
  pk: number,
  hidden: number,
];
/** A key column of `PRAGMA index_list` with `PRAGMA index_xinfo`; `name` is null for an expression. */
export type IndexTermRow = readonly [
  index: string,
  unique: number,
  origin: 'c' | 'u' | 'pk',
  seqno: number,
  name: string | null,
  descending: number,
  collation: string,
];
/** A row of `PRAGMA foreign_key_list`; `to` is null where the primary key is meant. */
export type ForeignKeyRow = readonly [
  id: number,
  seq: number,
  table: string,
  from: string,
  to: string | null,
  onUpdate: string,
  onDelete: string,
];

/** What the pragmas tell of one table, with the row that was current while they told it. */
export interface TableDetails {
  readonly object: ObjectRow;
  readonly columns: readonly ColumnRow[];
  readonly indexTerms: readonly IndexTermRow[];
  readonly foreignKeys: readonly ForeignKeyRow[];
}

const COLUMNS = `s.rowid AS id, s.type, s.name, s.tbl_name AS tableName, s.rootpage, s.sql`;
// The pragmas are asked for `main` by name: a table of the same name in `temp` would else hide the one that is meant.
const DETAILS = {
  columns: `(SELECT json_group_array(json_array(cid, c.name, c.type, "notnull", dflt_value, pk, hidden))
     FROM pragma_table_xinfo(s.name, 'main') AS c)`,
  indexTerms: `(SELECT json_group_array(json_array(i.name, i."unique", i.origin, t.seqno, t.name, t."desc", t.coll))
     FROM pragma_index_list(s.name, 'main') AS i CROSS JOIN pragma_index_xinfo(i.name, 'main') AS t WHERE t."key" = 1)`,
  // No foreign key without the word.
  foreignKeys: `iif(instr(lower(s.sql), 'references') > 0, (SELECT json_group_array(json_array(id, seq, "table", "from", "to", on_update, on_delete))
     FROM pragma_foreign_key_list(s.name, 'main')), '[]')`,
};
type DetailTexts = { readonly [detail in keyof typeof DETAILS]: string };
// Views and virtual tables have no page: the one may not compile, the other's module may be missing.
const ALL_DETAILS = Object.entries(DETAILS)
  .map(([name, detail]) => `iif(s.type = 'table' AND s.rootpage > 0, ${detail}, '[]') AS ${name}`)
  .join(', ');

const OBJECTS = `SELECT ${COLUMNS} FROM main.sqlite_schema AS s`;
const TABLES = `
SELECT ${COLUMNS}, ${ALL_DETAILS}
FROM json_each(?) AS wanted CROSS JOIN main.sqlite_schema AS s ON s.rowid = wanted.value`;
const ADDED = `
SELECT ${COLUMNS}, ${ALL_DETAILS} FROM main.sqlite_schema AS s
WHERE s.rowid > ? OR s.tbl_name COLLATE NOCASE IN (SELECT value FROM json_each(?))`;

const SHADOWS = `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'`;

/** All objects of the main database, in no order. */
export function readObjects(session: Session): ResultAsync<ObjectRow[], SqlError> {
  return session.all<ObjectRow>(OBJECTS);
}

/** Objects with an id above `last`, and those of the tables with these names; without details where `readDetails` has none. */
export function readAdded(
  session: Session,
  last: number,
  names: readonly string[],
): ResultAsync<TableDetails[], SqlError> {
  return session.all<ObjectRow & DetailTexts>(ADDED, [last, JSON.stringify(names)]).map((rows) => rows.map(detailsOf));
}

/** Columns, indexes and foreign keys of the tables with these ids; an id that is gone has no row. Not for virtual tables and views. */
export function readDetails(session: Session, ids: readonly number[]): ResultAsync<TableDetails[], SqlError> {
  return session.all<ObjectRow & DetailTexts>(TABLES, [JSON.stringify(ids)]).map((rows) => rows.map(detailsOf));
}

const detailsOf = ({ columns, indexTerms, foreignKeys, ...object }: ObjectRow & DetailTexts): TableDetails => ({
  object,
  columns: parseRows<ColumnRow>(columns),
  indexTerms: parseRows<IndexTermRow>(indexTerms),
  foreignKeys: parseRows<ForeignKeyRow>(foreignKeys),
});

/** Names of the tables that SQLite knows as storage of a virtual table: those of modules that the connection has. */
export function readShadows(session: Session): ResultAsync<readonly string[], SqlError> {
  return session.all<{ readonly name: string }>(SHADOWS).map((rows) => rows.map((row) => row.name));
}

// The text was written by the statement above: its shape is what the statement says.
function parseRows<Row>(json: string): readonly Row[] {
  return JSON.parse(json) as readonly Row[];
}
