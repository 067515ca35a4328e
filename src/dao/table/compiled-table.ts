// A table as one dialect needs it: names quoted, values encoded, rows decoded and checked. Made once per table.
import { err, ok, type Result } from 'neverthrow';
import * as z from 'zod';
import type { Codec, Flavour } from '../app/flavour.js';
import type { InvalidCall, InvalidRow, ValueIssue } from '../dao-error.js';
import { unfit, type Column } from './column.js';
import { own, type RawRow } from './raw-row.js';
import type { AnyTable } from './table.js';

export interface CompiledColumn extends Column {
  /** In quotes. */
  readonly sql: string;
  /** With its table's name: in an order, the bare name may be that of a result, which is text where a driver would round. */
  readonly qualified: string;
  readonly encode: (value: unknown) => unknown;
  readonly decode: ((raw: unknown) => unknown) | undefined;
}

export type { RawRow } from './raw-row.js';

const COMPILED = new WeakMap<Flavour, WeakMap<AnyTable, CompiledTable>>();

/** The same one for every DAO of a table. */
export function compiled(table: AnyTable, flavour: Flavour): CompiledTable {
  const known = COMPILED.get(flavour) ?? new WeakMap<AnyTable, CompiledTable>();
  COMPILED.set(flavour, known);
  const made = known.get(table) ?? new CompiledTable(table, flavour);
  known.set(table, made);
  return made;
}

export class CompiledTable {
  readonly name: string;
  readonly flavour: Flavour;
  readonly declared: AnyTable;
  /** The table in a statement, in quotes. */
  readonly sql: string;
  readonly columns: readonly CompiledColumn[];
  readonly key: readonly CompiledColumn[];
  readonly #byName: ReadonlyMap<string, CompiledColumn>;
  readonly #inserted: z.ZodType<RawRow>;
  readonly #changed: z.ZodType<RawRow>;
  /** Whether a column is called as something that every object inherits. */
  readonly #shadows: boolean;
  readonly #readers = new Map<string, Reader>();

  constructor(table: AnyTable, flavour: Flavour) {
    const { schema, version } = table.options;
    this.name = table.name;
    this.declared = table;
    this.flavour = flavour;
    this.sql = [...(schema === undefined ? [] : [schema]), table.name].map((part) => flavour.quoted(part)).join('.');
    this.columns = table.columns.map((column) => ({
      ...column,
      sql: flavour.quoted(column.name),
      qualified: `${this.sql}.${flavour.quoted(column.name)}`,
      ...codecOf(column, flavour.codec(column)),
    }));
    this.#shadows = this.columns.some(({ name }) => name in Object.prototype);
    this.#byName = new Map(this.columns.map((column) => [column.name, column]));
    this.key = table.primaryKey.flatMap((name) => this.#byName.get(name) ?? []);
    const computed = new Set(table.options.generated);
    const written = table.columns.filter(({ name }) => !computed.has(name));
    const filled = new Set(filledIn(table));
    this.#inserted = z.strictObject(
      Object.fromEntries(
        written.map((column) => [
          column.name,
          filled.has(column.name) || column.nullable ? column.inserted.optional() : column.inserted,
        ]),
      ),
    );
    const kept = new Set<string | undefined>([
      ...table.primaryKey,
      version,
      ...Object.values(table.options.timestamps ?? {}),
    ]);
    this.#changed = z.strictObject(
      Object.fromEntries(
        written.filter(({ name }) => !kept.has(name)).map((column) => [column.name, column.value.optional()]),
      ),
    );
  }

  column(name: string): Result<CompiledColumn, InvalidCall> {
    const column = this.#byName.get(name);
    return column ? ok(column) : err(this.refused(`there is no column ${JSON.stringify(name)}`));
  }

  refused(message: string): InvalidCall {
    return { kind: 'invalid-call', table: this.name, message: `${this.name}: ${message}` };
  }

  /** What is to be inserted, checked and with the defaults of its declaration. */
  inserted(row: unknown, index?: number): Result<RawRow, InvalidRow> {
    return this.#checked(this.#inserted, row, index);
  }

  /** Carries out what encodes values: a schema may let through what JSON cannot say. */
  encodable<R>(work: () => R): Result<R, InvalidRow> {
    try {
      return ok(work());
    } catch (thrown) {
      if (!(thrown instanceof NotEncodable)) throw thrown;
      return err(invalid(this.name, 'write', [{ path: [thrown.column], message: thrown.message }]));
    }
  }

  changed(changes: unknown): Result<RawRow, InvalidRow> {
    return this.#checked(this.#changed, changes);
  }

  /** A value to compare a column with, or of a key. */
  given(column: CompiledColumn, value: unknown): Result<unknown, InvalidRow> {
    const parsed = column.value.safeParse(value);
    if (!parsed.success) return err(invalid(this.name, 'write', issuesOf(parsed.error, undefined, [column.name])));
    const message = unfit(column.kind, parsed.data);
    if (message !== undefined) return err(invalid(this.name, 'write', [{ path: [column.name], message }]));
    return ok(column.encode(parsed.data));
  }

  /** Reads rows of `columns`; the same one for the same columns. */
  reader(columns: readonly CompiledColumn[]): Reader {
    const id = columns === this.columns ? '*' : JSON.stringify(columns.map(({ name }) => name));
    const known = this.#readers.get(id) ?? readerOf(this, columns);
    this.#readers.set(id, known);
    return known;
  }

  #checked(schema: z.ZodType<RawRow>, value: unknown, index?: number): Result<RawRow, InvalidRow> {
    const parsed = schema.safeParse(this.#shadows && value !== null && typeof value === 'object' ? own(value) : value);
    if (!parsed.success) return err(invalid(this.name, 'write', issuesOf(parsed.error, index)));
    const { data } = parsed;
    for (const { name, kind } of this.columns) {
      const message = unfit(kind, data[name]);
      if (message === undefined) continue;
      const row = index === undefined ? {} : { row: index };
      return err(invalid(this.name, 'write', [{ ...row, path: [name], message }]));
    }
    return ok(this.#shadows ? own(data) : data);
  }
}

/** Columns that an insert may leave out although they must hold something. */
function filledIn({ options }: AnyTable): readonly (string | undefined)[] {
  const { defaults = [], version, timestamps, softDelete } = options;
  return [...defaults, version, timestamps?.createdAt, timestamps?.updatedAt, softDelete];
}

/** Thrown where a value of a column cannot be encoded. */
class NotEncodable extends Error {
  readonly column: string;
  constructor(column: string, why: string) {
    super(why);
    this.column = column;
  }
}

const codecOf = ({ name, kind }: Column, { encode, decode }: Codec): Pick<CompiledColumn, 'encode' | 'decode'> => ({
  encode: encode
    ? (value) =>
        value === null || value === undefined
          ? null
          : kind === 'json'
            ? inJson(name, () => encode(value as never))
            : encode(value as never)
    : (value) => value ?? null,
  decode: decode ? (raw) => (raw === null ? null : decode(raw as never)) : undefined,
});

/** What PostgreSQL keeps in no text: an escape with an even number of backslashes before it. */
const UNKEPT = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

function inJson(column: string, encode: () => unknown): unknown {
  let text: unknown;
  try {
    text = encode();
  } catch (thrown) {
    throw new NotEncodable(column, thrown instanceof Error ? thrown.message : String(thrown));
  }
  if (typeof text !== 'string') throw new NotEncodable(column, 'JSON cannot say this');
  if (text.includes('\\u') && UNKEPT.test(text))
    throw new NotEncodable(column, 'JSON with a NUL character or half of a surrogate pair');
  return text;
}

/** From the driver's rows, which are changed in place, to rows. */
export interface Reader {
  /** The list of results. */
  readonly sql: string;
  /** Decoded and checked. */
  read(rows: RawRow[]): Result<RawRow[], InvalidRow>;
  decoded(rows: RawRow[]): Result<RawRow[], InvalidRow>;
  checked(rows: RawRow[]): Result<RawRow[], InvalidRow>;
}

function readerOf({ name, flavour, declared }: CompiledTable, columns: readonly CompiledColumn[]): Reader {
  const decoded = columns.flatMap(({ name: column, decode }) => (decode ? [{ column, decode }] : []));
  const schema: z.ZodType<RawRow> = z.object(Object.fromEntries(columns.map((column) => [column.name, column.value])));
  const decodeAll = (rows: RawRow[]): Result<RawRow[], InvalidRow> => {
    let at = 0;
    let path = '';
    try {
      // A column at a time: the same member of every row is found faster than every member of one row.
      for (const { column, decode } of decoded) {
        path = column;
        for (at = 0; at < rows.length; at += 1) {
          const row = rows[at] ?? {};
          const raw = row[column];
          const value = decode(raw);
          if (value !== raw) row[column] = value;
        }
      }
      return ok(rows);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      return err(invalid(name, 'read', [{ row: at, path: [path], message }]));
    }
  };
  const trusted = declared.options.reads === 'trusted';
  const checkAll = (rows: RawRow[]): Result<RawRow[], InvalidRow> => {
    if (trusted) return ok(rows);
    for (let at = 0; at < rows.length; at += 1) {
      const parsed = schema.safeParse(rows[at]);
      if (!parsed.success) return err(invalid(name, 'read', issuesOf(parsed.error, at)));
      rows[at] = parsed.data;
    }
    return ok(rows);
  };
  return {
    sql: columns.map((column) => flavour.selected(column, column.sql, column.sql)).join(', '),
    read: (rows) => decodeAll(rows).andThen(checkAll),
    decoded: decodeAll,
    checked: checkAll,
  };
}

export function issuesOf(error: z.ZodError, row?: number, under: readonly string[] = []): readonly ValueIssue[] {
  return error.issues.map(({ path, message }) => ({
    ...(row === undefined ? {} : { row }),
    path: [...under, ...path.map((part) => (typeof part === 'symbol' ? String(part) : part))],
    message,
  }));
}

export function invalid(table: string, direction: 'read' | 'write', issues: readonly ValueIssue[]): InvalidRow {
  const [first] = issues;
  const where = first === undefined ? '' : `${first.path.join('.') || 'the row'}: ${first.message}`;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  const what = direction === 'write' ? 'cannot be written' : 'holds what its declaration does not allow';
  return { kind: 'invalid-row', table, direction, issues, message: `${table} ${what}: ${where}${more}` };
}
