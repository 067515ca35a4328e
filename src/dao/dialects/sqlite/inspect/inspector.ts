// Reads the schema of a SQLite database, and reads again only what has changed since it last looked.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { compareText, foldAscii } from '../../../../core/schema/names.js';
import type { SchemaSnapshot, TableSnapshot, TriggerSnapshot, ViewSnapshot } from '../../../../core/schema/snapshot.js';
import { normaliseSql } from '../sql/normalise.js';
import { buildTable, buildVirtualTable, type BuiltTable } from './build-table.js';
import { groupBy } from './group-by.js';
import { isForeignObject } from './neighbours.js';
import {
  readAdded,
  readDetails,
  readObjects,
  readShadows,
  type ObjectRow,
  type RawObject,
  type TableDetails,
} from './read-objects.js';

export interface InspectedSchema {
  /** The application's schema: without what `isForeignObject` names. */
  readonly snapshot: SchemaSnapshot;
  /** Every row of `sqlite_schema`, in its order. */
  readonly raw: readonly RawObject[];
}

/** A part of the schema that is read as a whole: a table with its indexes, or one view or trigger. */
interface Unit {
  readonly object: ObjectRow;
  readonly indexes: readonly ObjectRow[];
  /** All that is known of it from `sqlite_schema`: while this is the same, so are the details. */
  readonly key: string;
}

/** What was read last, and what was made of it. */
interface Last {
  readonly rows: readonly ObjectRow[];
  readonly inspected: InspectedSchema;
}

type Built = BuiltTable | { readonly view: ViewSnapshot } | { readonly trigger: TriggerSnapshot };

const ATTEMPTS = 5;

/** Inspects the main database of one session; objects that did not change are handed out as the same objects again. */
export class SqliteInspector {
  readonly #session: Session;
  #built: ReadonlyMap<string, Built> = new Map();
  #last: Last | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * The schema as the session sees it now, inside or outside of a transaction: one read where nothing has changed,
   * else one or two more. Views that no longer compile and virtual tables whose module is missing are no obstacle.
   */
  snapshot(): ResultAsync<InspectedSchema, SqlError> {
    return this.#inspect(ATTEMPTS);
  }

  /**
   * The schema where nobody did anything to the one in `before` but make objects and add columns, naming `names`: one
   * read, of what is new and of what these name.
   */
  grown(before: InspectedSchema, names: readonly string[]): ResultAsync<InspectedSchema, SqlError> {
    const last = this.#last;
    if (last?.inspected !== before) return this.snapshot();
    const newest = last.rows.reduce((id, row) => Math.max(id, row.id), 0);
    return readAdded(this.#session, newest, names).andThen((details) => {
      const read = new Map(details.map((one) => [one.object.id, one.object]));
      const kept = last.rows.map((row) => read.get(row.id) ?? row);
      const rows = [...kept, ...[...read.values()].filter((row) => row.id > newest)];
      return this.#build(rows, details, ATTEMPTS);
    });
  }

  #inspect(attempts: number): ResultAsync<InspectedSchema, SqlError> {
    return readObjects(this.#session).andThen((rows) =>
      this.#last !== undefined && textOf(this.#last.rows) === textOf(rows)
        ? okAsync(this.#last.inspected)
        : this.#build(rows, [], attempts),
    );
  }

  /** `known`: details that were read together with the rows. */
  #build(
    rows: readonly ObjectRow[],
    known: readonly TableDetails[],
    attempts: number,
  ): ResultAsync<InspectedSchema, SqlError> {
    const units = unitsOf(rows);
    const built = new Map<string, Built>();
    const unread: Unit[] = [];
    for (const unit of units) {
      const part = this.#built.get(unit.key) ?? buildFromText(unit.object);
      if (part === undefined) unread.push(unit);
      else built.set(unit.key, part);
    }
    return this.#readTables(unread, known).andThen((details): ResultAsync<InspectedSchema, SqlError> => {
      const read = new Map(details.map((one) => [one.object.id, one]));
      if (!unread.every((unit) => isSettled(unit, read.get(unit.object.id), attempts))) {
        return attempts > 1 ? this.#inspect(attempts - 1) : errAsync(RESTLESS);
      }
      for (const unit of unread) {
        const one = read.get(unit.object.id);
        if (one !== undefined) built.set(unit.key, buildTable(one, unit.indexes));
      }
      this.#built = built;
      return this.#readShadows(units, built).map((shadows) => {
        const inspected = { snapshot: assemble([...built.values()], shadows), raw: rows.map(withoutId) };
        this.#last = { rows, inspected };
        return inspected;
      });
    });
  }

  #readTables(units: readonly Unit[], known: readonly TableDetails[]): ResultAsync<readonly TableDetails[], SqlError> {
    const read = new Set(known.map(({ object }) => object.id));
    const left = units.map((unit) => unit.object.id).filter((id) => !read.has(id));
    if (left.length === 0) return okAsync(known);
    return readDetails(this.#session, left).map((details) => [...known, ...details]);
  }

  #readShadows(units: readonly Unit[], built: ReadonlyMap<string, Built>): ResultAsync<ReadonlySet<string>, SqlError> {
    const virtual = units.some(({ key }) => isVirtual(built.get(key)));
    return virtual
      ? readShadows(this.#session).map((names) => new Set(names.map(foldAscii)))
      : okAsync(new Set<string>());
  }
}

const RESTLESS: SqlError = {
  kind: 'busy',
  code: 'SQLITE_SCHEMA',
  message: 'another connection kept changing the schema while it was read',
};

/** False where another connection changed the table or its indexes between the two reads. */
function isSettled(unit: Unit, details: TableDetails | undefined, attempts: number): boolean {
  if (details === undefined || rowKey(details.object) !== rowKey(unit.object)) return false;
  // An index that was written into sqlite_schema by hand is unknown to the pragmas until the schema is loaded again.
  if (attempts === 1) return true;
  const created = details.indexTerms.filter(([, , origin]) => origin === 'c').map(([index]) => index);
  const listed = unit.indexes.filter((index) => index.sql !== null).map((index) => index.name);
  return JSON.stringify([...new Set(created)].toSorted(compareText)) === JSON.stringify(listed.toSorted(compareText));
}

const rowKey = (row: ObjectRow): string => remembered(ROW_KEYS, row, writeRowKey);
const ROW_KEYS = new WeakMap<ObjectRow, string>();
const writeRowKey = (row: ObjectRow): string =>
  JSON.stringify([row.type, row.name, row.tableName, row.rootpage, row.sql]);

const textOf = (rows: readonly ObjectRow[]): string => JSON.stringify(rows.map((row) => [row.id, rowKey(row)]));

const withoutId = (row: ObjectRow): RawObject => remembered(RAW_OBJECTS, row, writeWithoutId);
const RAW_OBJECTS = new WeakMap<ObjectRow, RawObject>();
const writeWithoutId = ({ type, name, tableName, rootpage, sql }: ObjectRow): RawObject => ({
  type,
  name,
  tableName,
  rootpage,
  sql,
});

const isForeign = (row: ObjectRow): boolean => remembered(FOREIGN, row, lookWhose);
const FOREIGN = new WeakMap<ObjectRow, boolean>();
const lookWhose = ({ name, tableName }: ObjectRow): boolean => isForeignObject(name) || isForeignObject(tableName);

/** A step that adds one object leaves the rows of all the others as they are. */
function remembered<K extends object, V>(known: WeakMap<K, V>, key: K, make: (key: K) => V): V {
  const value = known.get(key) ?? make(key);
  known.set(key, value);
  return value;
}

function isVirtual(part: Built | undefined): boolean {
  return part !== undefined && 'table' in part && part.table.kind === 'virtual';
}

function unitsOf(rows: readonly ObjectRow[]): readonly Unit[] {
  const indexes = groupBy(
    rows.filter((row) => row.type === 'index'),
    (row) => foldAscii(row.tableName),
  );
  return rows
    .filter((row) => row.type !== 'index' && !isForeign(row))
    .map((object) => {
      const own = object.type === 'table' ? (indexes.get(foldAscii(object.name)) ?? []) : [];
      return { object, indexes: own, key: [object, ...own].map(rowKey).join('\n') };
    });
}

/** Views, triggers and virtual tables are known from their text; an ordinary table is not. */
function buildFromText(object: ObjectRow): Built | undefined {
  const { name, tableName } = object;
  if (object.type === 'view') return { view: { name, sql: normaliseSql(object.sql ?? '') } };
  if (object.type === 'trigger') return { trigger: { name, table: tableName, sql: normaliseSql(object.sql ?? '') } };
  const virtual = buildVirtualTable(object);
  return virtual && { table: virtual, indexes: [] };
}

function assemble(parts: readonly Built[], shadows: ReadonlySet<string>): SchemaSnapshot {
  const tables = parts.filter((part) => 'table' in part);
  return {
    identifiers: 'ascii-case-insensitive',
    tables: byName(
      tables.map(({ table }): TableSnapshot =>
        shadows.has(foldAscii(table.name)) ? { ...table, kind: 'shadow' } : table,
      ),
    ),
    indexes: byName(tables.flatMap(({ indexes }) => indexes).filter((index) => !isForeignObject(index.name))),
    views: byName(parts.filter((part) => 'view' in part).map(({ view }) => view)),
    triggers: byName(parts.filter((part) => 'trigger' in part).map(({ trigger }) => trigger)),
  };
}

function byName<T extends { readonly name: string }>(objects: readonly T[]): readonly T[] {
  return objects
    .map((object) => ({ object, key: foldAscii(object.name) }))
    .toSorted((a, b) => compareText(a.key, b.key))
    .map(({ object }) => object);
}
