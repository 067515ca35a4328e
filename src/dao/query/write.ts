// The statements that write: their text depends on which columns are written, and on nothing else of the values.
import { err, ok, type Result } from 'neverthrow';
import type { Script } from '../app/flavour.js';
import type { InvalidCall, InvalidRow } from '../dao-error.js';
import type { Making } from '../send-many.js';
import type { CompiledColumn, CompiledTable, RawRow } from '../table/compiled-table.js';
import { compileWhere } from './compile-where.js';
import { keySql, liveness, type Removed } from './select.js';
import { Statement } from './statement.js';

export type Written = Result<Script, InvalidCall | InvalidRow>;

/** The columns that a row has. */
export const columnsIn = (table: CompiledTable, row: RawRow): readonly CompiledColumn[] =>
  table.columns.filter(({ name }) => Object.hasOwn(row, name) && row[name] !== undefined);

export const encodedIn = (columns: readonly CompiledColumn[], row: RawRow): readonly unknown[] =>
  columns.map(({ name, encode }) => encode(row[name]));

const TEXTS = new WeakMap<CompiledTable, Map<string, string>>();

/** The text of a statement, made once for the same columns. */
function textOf(table: CompiledTable, what: string, columns: readonly CompiledColumn[], make: () => string): string {
  const texts = TEXTS.get(table) ?? new Map<string, string>();
  TEXTS.set(table, texts);
  const id = `${what} ${namesOf(columns)}`;
  const known = texts.get(id) ?? make();
  texts.set(id, known);
  return known;
}

export interface Conflict {
  readonly on: readonly CompiledColumn[];
  readonly update: readonly CompiledColumn[];
}

export function insert(table: CompiledTable, row: RawRow, conflict?: Conflict): Script {
  const columns = columnsIn(table, row);
  const what = conflict === undefined ? 'insert' : `upsert ${namesOf(conflict.on)} ${namesOf(conflict.update)}`;
  const sql = textOf(table, what, columns, () => {
    const statement = new Statement(table.flavour);
    const bound = columns.map((column) => table.flavour.bound(column, statement.bind(undefined)));
    const values = columns.length === 0 ? 'DEFAULT VALUES' : `(${sqlOf(columns)}) VALUES (${bound.join(', ')})`;
    const otherwise = conflict === undefined ? '' : ` ${onConflict(table, conflict)}`;
    return `INSERT INTO ${table.sql} ${values}${otherwise} RETURNING ${table.reader(table.columns).sql}`;
  });
  return { sql, values: encodedIn(columns, row) };
}

export const sqlOf = (columns: readonly CompiledColumn[]): string => columns.map(({ sql }) => sql).join(', ');
const namesOf = (columns: readonly CompiledColumn[]): string => JSON.stringify(columns.map(({ name }) => name));

function onConflict(table: CompiledTable, { on, update }: Conflict): string {
  const changes = update.map(({ sql }) => `${sql} = excluded.${sql}`);
  const { softDelete } = table.declared.options;
  // An index of the rows that are there may be the one that decides; of one over all rows, this says nothing.
  const among = softDelete === undefined ? '' : ` WHERE ${liveness(table)}`;
  const again =
    softDelete === undefined || update.some(({ name }) => name === softDelete)
      ? []
      : [`${table.flavour.quoted(softDelete)} = NULL`];
  return `ON CONFLICT (${sqlOf(on)})${among} DO UPDATE SET ${[...changes, ...again, ...counting(table)].join(', ')}`;
}

/** The version of the row as it was, and one more. */
function counting(table: CompiledTable): readonly string[] {
  const { version } = table.declared.options;
  if (version === undefined) return [];
  const column = table.flavour.quoted(version);
  return [`${column} = ${table.sql}.${column} + 1`];
}

/** `stamps`: what the DAO itself sets. `version`: the one that the row must have. */
export interface Update {
  readonly key: readonly unknown[];
  readonly changes: RawRow;
  readonly version?: number | undefined;
  readonly removed?: Removed;
}

export function updateByKey(table: CompiledTable, { key, changes, version, removed }: Update): Script {
  const columns = columnsIn(table, changes);
  const ofVersion = versionColumn(table, version);
  const sql = textOf(table, `update ${ofVersion?.name ?? ''} ${removed ?? ''}`, columns, () => {
    const statement = new Statement(table.flavour);
    const set = setSql(table, columns, [], statement);
    const conditions = [
      keySql(table.key, [], statement),
      ...(ofVersion ? [`${ofVersion.sql} = ${statement.bind(undefined)}`] : []),
      liveness(table, removed),
    ].filter((condition) => condition !== 'TRUE');
    return `UPDATE ${table.sql} SET ${set} WHERE ${conditions.join(' AND ')} RETURNING ${table.reader(table.columns).sql}`;
  });
  return { sql, values: [...encodedIn(columns, changes), ...key, ...(ofVersion ? [version] : [])] };
}

function versionColumn(table: CompiledTable, version: number | undefined): CompiledColumn | undefined {
  if (version === undefined) return undefined;
  return table.columns.find(({ name }) => name === table.declared.options.version);
}

export function updateWhere(table: CompiledTable, where: object | 'all', changes: RawRow): Written {
  const statement = new Statement(table.flavour);
  const columns = columnsIn(table, changes);
  const set = setSql(table, columns, encodedIn(columns, changes), statement);
  return condition(table, where, statement).map((all) => statement.ended(`UPDATE ${table.sql} SET ${set}${all}`));
}

export function deleteByKey(table: CompiledTable, key: readonly unknown[], version: number | undefined): Script {
  const ofVersion = versionColumn(table, version);
  const sql = textOf(table, `delete ${ofVersion?.name ?? ''}`, [], () => {
    const statement = new Statement(table.flavour);
    const one = keySql(table.key, [], statement);
    const same = ofVersion ? ` AND ${ofVersion.sql} = ${statement.bind(undefined)}` : '';
    return `DELETE FROM ${table.sql} WHERE ${one}${same}`;
  });
  return { sql, values: [...key, ...(ofVersion ? [version] : [])] };
}

export function deleteWhere(table: CompiledTable, where: object | 'all'): Written {
  const statement = new Statement(table.flavour);
  return condition(table, where, statement).map((all) => statement.ended(`DELETE FROM ${table.sql}${all}`));
}

function setSql(
  table: CompiledTable,
  columns: readonly CompiledColumn[],
  encoded: readonly unknown[],
  statement: Statement,
): string {
  const set = columns.map(
    (column, at) => `${column.sql} = ${table.flavour.bound(column, statement.bind(encoded[at]))}`,
  );
  return [...set, ...counting(table)].join(', ');
}

function condition(
  table: CompiledTable,
  where: object | 'all',
  statement: Statement,
): Result<string, InvalidCall | InvalidRow> {
  const asked = where === 'all' ? ok('TRUE') : compileWhere(where, { table, statement });
  return asked.map((text) => {
    const all = [text, liveness(table)].filter((one) => one !== 'TRUE');
    return all.length === 0 ? '' : ` WHERE ${all.join(' AND ')}`;
  });
}

/**
 * Rows that leave out different columns go in different statements, in their order. Each is made when it is asked for: the
 * next one while the database is at the one before.
 */
export function insertMany(table: CompiledTable, rows: readonly RawRow[]): Result<Making<InvalidRow>, InvalidCall> {
  const groups: RawRow[][] = [];
  let before: RawRow | undefined;
  for (const row of rows) {
    const last = before;
    if (last && table.columns.every(({ name }) => (last[name] === undefined) === (row[name] === undefined)))
      groups.at(-1)?.push(row);
    else groups.push([row]);
    before = row;
  }
  if (groups.some(([first = {}]) => columnsIn(table, first).length === 0))
    return err(table.refused('rows without any column cannot be inserted at once'));
  const scripts = scriptsOf(table, groups);
  return ok(() => table.encodable(() => scripts.next().value));
}

/** In as few statements as they take; those of a group have the same columns. */
function* scriptsOf(table: CompiledTable, groups: readonly (readonly RawRow[])[]): Generator<Script, undefined> {
  const { flavour } = table;
  for (const rows of groups) {
    const columns = columnsIn(table, rows[0] ?? {});
    const into = `INSERT INTO ${table.sql} (${sqlOf(columns)})`;
    for (const encoded of slices(flavour.most.rows, columns, rows)) {
      const source = flavour.rowsOf(table.sql, columns, encoded);
      if (source) yield { sql: `${into} ${source.sql}`, values: source.values };
      else yield* valueByValue(table, into, columns, encoded);
    }
  }
  return undefined;
}

/** What is sent at once: a text of thousands of large values would be more than either side takes. */
const MOST_LETTERS = 8_000_000;

function* slices(
  most: number,
  columns: readonly CompiledColumn[],
  rows: readonly RawRow[],
): Generator<(readonly unknown[])[]> {
  let slice: (readonly unknown[])[] = [];
  let letters = 0;
  for (const row of rows) {
    const encoded = encodedIn(columns, row);
    for (const value of encoded) if (typeof value === 'string' || value instanceof Uint8Array) letters += value.length;
    slice.push(encoded);
    if (slice.length < most && letters < MOST_LETTERS) continue;
    yield slice;
    slice = [];
    letters = 0;
  }
  if (slice.length > 0) yield slice;
}

function valueByValue(
  { flavour }: CompiledTable,
  into: string,
  columns: readonly CompiledColumn[],
  rows: readonly (readonly unknown[])[],
): readonly Script[] {
  const atOnce = Math.max(1, Math.floor(flavour.most.values / columns.length));
  const scripts: Script[] = [];
  for (let from = 0; from < rows.length; from += atOnce) {
    const statement = new Statement(flavour);
    const values = rows
      .slice(from, from + atOnce)
      .map((row) => `(${columns.map((column, at) => flavour.bound(column, statement.bind(row[at]))).join(', ')})`);
    scripts.push(statement.ended(`${into} VALUES ${values.join(', ')}`));
  }
  return scripts;
}
