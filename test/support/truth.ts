// What a database must hold, kept in plain JavaScript beside it: loaded once from the original file, changed by hand, compared cell by cell.
import { cellText, readContent, type Cell, type TableContent } from './truth-content.js';

/** One row, by column. */
export type Row = Readonly<Record<string, Cell>>;
interface Table {
  /** The same before and after a rename. */
  readonly id: symbol;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** What ALTER TABLE filled a column with that was added to the table as it was: a row that holds something else was written to. */
  readonly filled?: Readonly<Record<string, Cell>>;
}

/** Rows per table that a step must say it changed; over the columns that both versions have, and those added to the table as it was. */
export type ExpectedEffects = Readonly<
  Record<string, { readonly inserted: number; readonly updated: number; readonly deleted: number }>
>;

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
    return readContent(
      file,
      ({ objects, tables }) => new Truth(new Map(tables().map((table) => [table.name, tableOf(table)])), objects),
    );
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

  #put(name: string, table: Table, changed: Partial<Table>): this {
    this.#tables.set(name, { ...table, ...changed });
    return this;
  }

  create(table: string, key: readonly string[], columns: readonly string[], rows: readonly Row[]): this {
    this.#tables.set(table, { id: Symbol(table), key, columns, rows });
    return this;
  }

  drop(table: string): this {
    this.#tables.delete(table);
    return this;
  }

  rename(table: string, to: string): this {
    const kept = this.#table(table);
    return this.drop(table).#put(to, kept, {});
  }

  renameColumn(table: string, column: string, to: string): this {
    const { key, columns, rows } = this.#table(table);
    const name = (one: string): string => (one === column ? to : one);
    const renamed = rows.map((row) => Object.fromEntries(Object.entries(row).map(([one, cell]) => [name(one), cell])));
    return this.#put(table, this.#table(table), { key: key.map(name), columns: columns.map(name), rows: renamed });
  }

  /** At the end of the row, as ALTER TABLE does it; `filledWith` where the table was not made anew. */
  addColumn(table: string, column: string, value: (row: Row) => Cell = () => null, filledWith?: Cell): this {
    const { columns, rows, filled } = this.#table(table);
    const changed = { columns: [...columns, column], rows: rows.map((row) => ({ ...row, [column]: value(row) })) };
    return this.#put(
      table,
      this.#table(table),
      filledWith === undefined ? changed : { ...changed, filled: { ...filled, [column]: filledWith } },
    );
  }

  dropColumn(table: string, column: string): this {
    const { columns, rows } = this.#table(table);
    const left = rows.map((row) => Object.fromEntries(Object.entries(row).filter(([key]) => key !== column)));
    return this.#put(table, this.#table(table), { columns: columns.filter((one) => one !== column), rows: left });
  }

  change(table: string, change: (row: Row) => Row): this {
    return this.#put(table, this.#table(table), { rows: this.rows(table).map(change) });
  }

  keep(table: string, which: (row: Row) => boolean): this {
    return this.#put(table, this.#table(table), { rows: this.rows(table).filter(which) });
  }

  add(table: string, rows: readonly Row[]): this {
    return this.#put(table, this.#table(table), { rows: [...this.rows(table), ...rows] });
  }

  /** The rows as `other` has them, in the columns that are there now; a table that is gone comes back as a whole. */
  takeFrom(other: Truth, table: string): this {
    const { rows } = other.#table(table);
    return this.#put(table, this.#tables.get(table) ?? other.#table(table), { rows });
  }

  /** What a step that led from here to `after` must report. */
  effectsUntil(after: Truth): ExpectedEffects {
    const mine = new Map([...this.#tables.values()].map((table) => [table.id, table]));
    const kept = new Set([...after.#tables.values()].map(({ id }) => id));
    const found = [...after.#tables].map(([name, table]) => ({ name, ...rowEffects(mine.get(table.id), table) }));
    const dropped = [...this.#tables]
      .filter(([, { id }]) => !kept.has(id))
      .map(([name, { rows }]) => ({ name, inserted: 0, updated: 0, deleted: rows.length }));
    const changed = [...found, ...dropped].filter(
      ({ name, inserted, updated, deleted }) => name !== 'sqlite_sequence' && inserted + updated + deleted > 0,
    );
    return Object.fromEntries(changed.map(({ name, ...effects }) => [name, effects]));
  }

  /** What `file` has otherwise, in words; empty when every cell of every row of every table is as it must be. */
  differences(file: string): readonly string[] {
    return readContent(file, ({ objects, tables }) => {
      const real = tables();
      const names = new Set(real.map(({ name }) => name));
      const found = [
        ...setDifferences('table', names, new Set(this.tables)),
        ...setDifferences('', objects, this.objects),
      ];
      return [
        ...found,
        ...real.flatMap((table) =>
          this.#tables.has(table.name) ? tableDifferences(this.#table(table.name), table) : [],
        ),
      ];
    });
  }
}

const tableOf = ({ name, key, columns, rows }: TableContent): Table => ({
  id: Symbol(name),
  key,
  columns,
  rows: rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null]))),
});

function setDifferences(what: string, real: ReadonlySet<string>, wanted: ReadonlySet<string>): string[] {
  const missing = [...wanted].filter((name) => !real.has(name)).map((name) => `${what} ${name} is not there`);
  return [
    ...missing,
    ...[...real].filter((name) => !wanted.has(name)).map((name) => `${what} ${name} should not be there`),
  ];
}

function tableDifferences(wanted: Table, real: TableContent): string[] {
  const { name } = real;
  if (wanted.columns.join() !== real.columns.join())
    return [`${name} has columns ${real.columns.join()}, not ${wanted.columns.join()}`];
  const left = new Map<string, number>();
  for (const row of wanted.rows) {
    const content = wholeText(row, wanted.columns);
    left.set(content, (left.get(content) ?? 0) + 1);
  }
  const extra: string[] = [];
  for (const row of real.rows) {
    const content = row.map(cellText).join();
    const count = left.get(content) ?? 0;
    if (count > 1) left.set(content, count - 1);
    else if (count === 1) left.delete(content);
    else extra.push(content);
  }
  const say = (rows: readonly string[], how: string): string[] =>
    rows.length === 0 ? [] : [`${name}: ${rows.length} rows ${how}, such as ${rows.slice(0, 3).join(' ; ')}`];
  return [...say([...left.keys()], 'missing or changed'), ...say(extra, 'that should not be')];
}

// A row is never changed, and a table whose columns change gets new ones.
const texts = new WeakMap<Row, string>();

function wholeText(row: Row, columns: readonly string[]): string {
  const content = texts.get(row) ?? rowText(row, columns);
  texts.set(row, content);
  return content;
}

function rowEffects(before: Table | undefined, after: Table): ExpectedEffects[string] {
  if (before === undefined) return { inserted: after.rows.length, updated: 0, deleted: 0 };
  if (before.rows === after.rows) return { inserted: 0, updated: 0, deleted: 0 };
  const common = after.columns.filter(
    (column) => before.columns.includes(column) || after.filled?.[column] !== undefined,
  );
  const old = new Map(before.rows.map((row) => [rowText(row, before.key), row]));
  let [inserted, updated, kept] = [0, 0, 0];
  for (const row of after.rows) {
    const was = old.get(rowText(row, after.key));
    if (was === undefined) inserted += 1;
    else kept += 1;
    if (was !== undefined && was !== row && rowText({ ...after.filled, ...was }, common) !== rowText(row, common))
      updated += 1;
  }
  return { inserted, updated, deleted: before.rows.length - kept };
}

const rowText = (row: Row, columns: readonly string[]): string => columns.map((column) => cellText(row[column])).join();

/** What a column of NUMERIC affinity makes of a real number: an integer, where that loses nothing (https://sqlite.org/datatype3.html). */
export const numeric = (value: number): Cell =>
  Number.isInteger(value) && Math.abs(value) < 2 ** 51 ? BigInt(value) : value;
