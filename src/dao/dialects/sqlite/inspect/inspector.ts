// Reads the schema of a SQLite database, and reads again only what has changed since it last looked.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { compareText, foldAscii } from '../../../../core/schema/names.js';
import type { SchemaSnapshot, TableSnapshot, TriggerSnapshot, ViewSnapshot } from '../../../../core/schema/snapshot.js';
import { unlike } from '../../../../core/schema/unlike.js';
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
}

/** What was read last, and what was made of it. */
interface Last {
  readonly rows: readonly ObjectRow[];
  readonly inspected: InspectedSchema;
}

/** What was made of a unit: while its rows are the same, so are the details. */
interface Known extends Unit {
  readonly built: Built;
}
type Built = BuiltTable | { readonly view: ViewSnapshot } | { readonly trigger: TriggerSnapshot };

const ATTEMPTS = 5;

/** Inspects the main database of one session; objects that did not change are handed out as the same objects again. */
export class SqliteInspector {
  readonly #session: Session;
  #known: ReadonlyMap<ObjectRow, Known> = new Map();
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
      const kept = last.rows.map((row) => sameRow(row, read.get(row.id) ?? row));
      const rows = [...kept, ...[...read.values()].filter((row) => row.id > newest)];
      return this.#build(rows, details, ATTEMPTS);
    });
  }

  #inspect(attempts: number): ResultAsync<InspectedSchema, SqlError> {
    return readObjects(this.#session).andThen((read) => {
      const last = this.#last;
      if (last === undefined) return this.#build(read, [], attempts);
      const before = new Map(last.rows.map((row) => [row.id, row]));
      const rows = read.map((row) => sameRow(before.get(row.id), row));
      const [gone, fresh] = unlike(last.rows, rows);
      return gone.length + fresh.length === 0 ? okAsync(last.inspected) : this.#build(rows, [], attempts);
    });
  }

  /** `read`: details that were read together with the rows. */
  #build(
    rows: readonly ObjectRow[],
    read: readonly TableDetails[],
    attempts: number,
  ): ResultAsync<InspectedSchema, SqlError> {
    const units = unitsOf(rows);
    const known = new Map<ObjectRow, Known>();
    const unread: Unit[] = [];
    for (const unit of units) {
      const built = this.#builtBefore(unit) ?? buildFromText(unit.object);
      if (built === undefined) unread.push(unit);
      else known.set(unit.object, { ...unit, built });
    }
    return this.#readTables(unread, read).andThen((details): ResultAsync<InspectedSchema, SqlError> => {
      const byId = new Map(details.map((one) => [one.object.id, one]));
      if (!unread.every((unit) => isSettled(unit, byId.get(unit.object.id), attempts))) {
        return attempts > 1 ? this.#inspect(attempts - 1) : errAsync(RESTLESS);
      }
      for (const unit of unread) {
        const one = byId.get(unit.object.id);
        if (one !== undefined) known.set(unit.object, { ...unit, built: buildTable(one, unit.indexes) });
      }
      this.#known = known;
      const parts = [...known.values()].map(({ built }) => built);
      return this.#readShadows(parts).map((shadows) => {
        const inspected = { snapshot: assemble(parts, shadows), raw: rows.map(withoutId) };
        this.#last = { rows, inspected };
        return inspected;
      });
    });
  }

  #builtBefore({ object, indexes }: Unit): Built | undefined {
    const known = this.#known.get(object);
    return known?.indexes.length === indexes.length && known.indexes.every((index, at) => index === indexes[at])
      ? known.built
      : undefined;
  }

  #readTables(units: readonly Unit[], known: readonly TableDetails[]): ResultAsync<readonly TableDetails[], SqlError> {
    const read = new Set(known.map(({ object }) => object.id));
    const left = units.map((unit) => unit.object.id).filter((id) => !read.has(id));
    if (left.length === 0) return okAsync(known);
    return readDetails(this.#session, left).map((details) => [...known, ...details]);
  }

  #readShadows(parts: readonly Built[]): ResultAsync<ReadonlySet<string>, SqlError> {
    return parts.some(isVirtual)
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

/** A row that was read again and says what it said is the same object again. */
const sameRow = (before: ObjectRow | undefined, now: ObjectRow): ObjectRow =>
  before !== undefined && (before === now || rowKey(before) === rowKey(now)) ? before : now;

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

function isVirtual(part: Built): boolean {
  return 'table' in part && part.table.kind === 'virtual';
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
      return { object, indexes: own };
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
