// What a database must hold, kept in plain JavaScript beside it: loaded once from the original file, changed by hand, compared cell by cell.
import BetterSqlite3 from 'better-sqlite3';

/** As SQLite stores it: INTEGER is a bigint, REAL a number, so that 1 and 1.0 are two things. */
export type Cell = bigint | number | string | Buffer | null;
export type Row = Readonly<Record<string, Cell>>;
interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
// The engine's own tables, and what SQLite makes by itself; `sqlite_sequence` is data of the application.
const APPLICATION = `name NOT LIKE 'migrate\\_safe\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'migrate\\_safe\\_%' ESCAPE '\\' AND (name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR name = 'sqlite_sequence')`;

/** Tables with their rows, and the names of indexes, views and triggers. */
export class Truth {
  readonly #tables: Map<string, Table>;
  /** `index Name`, `view Name`, `trigger Name`. */
  readonly objects: Set<string>;

  private constructor(tables: Map<string, Table>, objects: Set<string>) {
    this.#tables = tables;
    this.objects = objects;
  }

  /** Reads a file that nobody else has open, and closes it again. */
  static of(file: string): Truth {
    const db = new BetterSqlite3(file, { readonly: true });
    try {
      db.defaultSafeIntegers();
      const objects = db.prepare<[], { type: string; name: string }>(`SELECT type, name FROM sqlite_schema WHERE ${APPLICATION}`).all();
      const tables = objects.filter(({ type }) => type === 'table').map(({ name }): [string, Table] => {
        const statement = db.prepare<[], Row>(`SELECT * FROM ${quoted(name)}`);
        return [name, { columns: statement.columns().map((column) => column.name), rows: statement.all() }];
      });
      return new Truth(new Map(tables), new Set(objects.filter(({ type }) => type !== 'table').map(({ type, name }) => `${type} ${name}`)));
    } finally {
      db.close();
    }
  }

  /** Rows are never changed in place, so that a copy costs little. */
  copy(): Truth {
    return new Truth(new Map(this.#tables), new Set(this.objects));
  }

  get tables(): readonly string[] {
    return [...this.#tables.keys()];
  }

  get rowCount(): number {
    return this.tables.reduce((all, table) => all + this.rows(table).length, 0);
  }

  rows(table: string): readonly Row[] {
    return this.#table(table).rows;
  }

  columns(table: string): readonly string[] {
    return this.#table(table).columns;
  }

  #table(name: string): Table {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`the truth has no table ${name}`);
    return table;
  }

  create(table: string, columns: readonly string[], rows: readonly Row[]): this {
    this.#tables.set(table, { columns, rows });
    return this;
  }

  drop(table: string): this {
    this.#tables.delete(table);
    return this;
  }

  rename(table: string, to: string): this {
    const kept = this.#table(table);
    return this.drop(table).create(to, kept.columns, kept.rows);
  }

  renameColumn(table: string, column: string, to: string): this {
    const { columns, rows } = this.#table(table);
    const name = (one: string): string => (one === column ? to : one);
    return this.create(table, columns.map(name), rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, cell]) => [name(key), cell]))));
  }

  /** At the end of the row, as ALTER TABLE does it. */
  addColumn(table: string, column: string, value: (row: Row) => Cell = () => null): this {
    const { columns, rows } = this.#table(table);
    return this.create(table, [...columns, column], rows.map((row) => ({ ...row, [column]: value(row) })));
  }

  dropColumn(table: string, column: string): this {
    const { columns, rows } = this.#table(table);
    return this.create(table, columns.filter((one) => one !== column), rows.map((row) => Object.fromEntries(Object.entries(row).filter(([key]) => key !== column))));
  }

  change(table: string, change: (row: Row) => Row): this {
    const { columns, rows } = this.#table(table);
    return this.create(table, columns, rows.map(change));
  }

  keep(table: string, which: (row: Row) => boolean): this {
    const { columns, rows } = this.#table(table);
    return this.create(table, columns, rows.filter(which));
  }

  add(table: string, rows: readonly Row[]): this {
    const before = this.#table(table);
    return this.create(table, before.columns, [...before.rows, ...rows]);
  }

  /** The table as `other` has it. */
  takeFrom(other: Truth, table: string): this {
    return this.create(table, other.columns(table), other.rows(table));
  }

  /** What `file` has otherwise, in words; empty when every cell of every row of every table is as it must be. */
  differences(file: string): readonly string[] {
    const real = Truth.of(file);
    const found = [...setDifferences('table', new Set(real.tables), new Set(this.tables)), ...setDifferences('', real.objects, this.objects)];
    for (const table of this.tables.filter((name) => real.#tables.has(name))) found.push(...tableDifferences(table, this.#table(table), real.#table(table)));
    return found;
  }
}

function setDifferences(what: string, real: ReadonlySet<string>, wanted: ReadonlySet<string>): string[] {
  const missing = [...wanted].filter((name) => !real.has(name)).map((name) => `${what} ${name} is not there`);
  return [...missing, ...[...real].filter((name) => !wanted.has(name)).map((name) => `${what} ${name} should not be there`)];
}

function tableDifferences(name: string, wanted: Table, real: Table): string[] {
  if (wanted.columns.join() !== real.columns.join()) return [`${name} has columns ${real.columns.join()}, not ${wanted.columns.join()}`];
  const left = new Map<string, number>();
  for (const row of wanted.rows) {
    const text = rowText(row, wanted.columns);
    left.set(text, (left.get(text) ?? 0) + 1);
  }
  const extra: string[] = [];
  for (const row of real.rows) {
    const text = rowText(row, real.columns);
    const count = left.get(text) ?? 0;
    if (count > 1) left.set(text, count - 1);
    else if (count === 1) left.delete(text);
    else extra.push(text);
  }
  const say = (rows: readonly string[], how: string): string[] => (rows.length === 0 ? [] : [`${name}: ${rows.length} rows ${how}, such as ${rows.slice(0, 3).join(' ; ')}`]);
  return [...say([...left.keys()], 'missing or changed'), ...say(extra, 'that should not be')];
}

const rowText = (row: Row, columns: readonly string[]): string => JSON.stringify(columns.map((column) => cellText(row[column])));

function cellText(cell: Cell | undefined): string | null {
  switch (typeof cell) {
    case 'bigint':
      return `integer ${cell}`;
    case 'number':
      return `real ${cell}`;
    case 'string':
      return `text ${cell}`;
    case 'undefined':
      return 'no such cell';
    default:
      return cell === null ? null : `blob ${cell.toString('hex')}`;
  }
}

/** What a column of NUMERIC affinity makes of a real number: an integer, where that loses nothing (https://sqlite.org/datatype3.html). */
export const numeric = (value: number): Cell => (Number.isInteger(value) && Math.abs(value) < 2 ** 51 ? BigInt(value) : value);
