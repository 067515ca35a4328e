// Reads every cell of a database file with its type, past the engine and its drivers' conversions.
import BetterSqlite3 from 'better-sqlite3';

/** As SQLite stores it: INTEGER is a bigint, REAL a number, so that 1 and 1.0 are two things. */
export type Cell = bigint | number | string | Buffer | null;

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
// The engine's own tables, and what SQLite makes by itself; `sqlite_sequence` is data of the application.
const APPLICATION = `name NOT LIKE 'migrate\\_safe\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'migrate\\_safe\\_%' ESCAPE '\\' AND (name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR name = 'sqlite_sequence')`;

/** What a file holds, without the engine's own tables. */
export interface Content {
  readonly objects: Set<string>;
  tables(): readonly TableContent[];
}
/** A table as it is in the file. */
export interface TableContent {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Opens a file that nobody else has open, and closes it again. */
export function readContent<T>(file: string, use: (content: Content) => T): T {
  const db = new BetterSqlite3(file, { readonly: true });
  try {
    db.defaultSafeIntegers();
    const objects = db
      .prepare<[], { type: string; name: string }>(`SELECT type, name FROM sqlite_schema WHERE ${APPLICATION}`)
      .all();
    const read = ({ name }: { name: string }): TableContent => {
      const statement = db.prepare<[], Cell[]>(`SELECT * FROM ${quoted(name)}`).raw();
      const key = db
        .prepare<[], { name: string }>(`SELECT name FROM pragma_table_info(${text(name)}) WHERE pk > 0 ORDER BY pk`)
        .all();
      return {
        name,
        key: key.map((column) => column.name),
        columns: statement.columns().map((column) => column.name),
        rows: statement.all(),
      };
    };
    return use({
      objects: new Set(objects.filter(({ type }) => type !== 'table').map(({ type, name }) => `${type} ${name}`)),
      tables: () => objects.filter(({ type }) => type === 'table').map(read),
    });
  } finally {
    db.close();
  }
}

/** Two cells are written alike exactly when type and value are equal; text says its length, so that cells cannot run into one another. */
export function cellText(cell: Cell | undefined): string {
  switch (typeof cell) {
    case 'bigint':
      return `i${cell}`;
    case 'number':
      return `r${cell}`;
    case 'string':
      return `t${cell.length}:${cell}`;
    case 'undefined':
      return 'no such cell';
    default:
      return cell === null ? 'null' : `x${cell.toString('hex')}`;
  }
}
