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

/** A row with what is asked of it again and again: a step that adds one object leaves all the others as they are. */
interface Entry {
  readonly row: ObjectRow;
  readonly raw: RawObject;
  readonly text: string;
  /** The table that it belongs to, folded. */
  readonly owner: string;
  readonly isForeign: boolean;
}

/** A part of the schema that is read as a whole: a table with its indexes, or one view or trigger. */
interface Unit {
  readonly object: Entry;
  readonly indexes: readonly Entry[];
}

/** What was read last, and what was made of it. */
interface Last {
  readonly entries: readonly Entry[];
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
  #known: ReadonlyMap<Entry, Known> = new Map();
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
    const newest = last.entries.reduce((id, { row }) => Math.max(id, row.id), 0);
    return readAdded(this.#session, newest, names).andThen((details) => {
      const read = new Map(details.map((one) => [one.object.id, one.object]));
      const kept = last.entries.map((entry) => entryOf(read.get(entry.row.id) ?? entry.row, entry));
      const added = [...read.values()].filter((row) => row.id > newest).map((row) => entryOf(row));
      return this.#build([...kept, ...added], details, ATTEMPTS);
    });
  }

  #inspect(attempts: number): ResultAsync<InspectedSchema, SqlError> {
    return readObjects(this.#session).andThen((rows) => {
      const last = this.#last;
      const before = new Map(last?.entries.map((entry) => [entry.row.id, entry]));
      const entries = rows.map((row) => entryOf(row, before.get(row.id)));
      const isSame =
        last?.entries.length === entries.length && entries.every((entry, at) => entry === last.entries[at]);
      return isSame ? okAsync(last.inspected) : this.#build(entries, [], attempts);
    });
  }

  /** `read`: details that were read together with the rows. */
  #build(
    entries: readonly Entry[],
    read: readonly TableDetails[],
    attempts: number,
  ): ResultAsync<InspectedSchema, SqlError> {
    const units = unitsOf(entries);
    const known = new Map<Entry, Known>();
    const unread: Unit[] = [];
    for (const unit of units) {
      const built = this.#builtBefore(unit) ?? buildFromText(unit.object.row);
      if (built === undefined) unread.push(unit);
      else known.set(unit.object, { ...unit, built });
    }
    return this.#readTables(unread, read).andThen((details): ResultAsync<InspectedSchema, SqlError> => {
      const byId = new Map(details.map((one) => [one.object.id, one]));
      if (!unread.every((unit) => isSettled(unit, byId.get(unit.object.row.id), attempts))) {
        return attempts > 1 ? this.#inspect(attempts - 1) : errAsync(RESTLESS);
      }
      for (const unit of unread) {
        const one = byId.get(unit.object.row.id);
        const indexes = unit.indexes.map(({ row }) => row);
        if (one !== undefined) known.set(unit.object, { ...unit, built: buildTable(one, indexes) });
      }
      this.#known = known;
      const parts = [...known.values()].map(({ built }) => built);
      return this.#readShadows(parts).map((shadows) => {
        const inspected = { snapshot: assemble(parts, shadows), raw: entries.map(({ raw }) => raw) };
        this.#last = { entries, inspected };
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
    const left = units.map((unit) => unit.object.row.id).filter((id) => !read.has(id));
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
  if (details === undefined || textOf(details.object) !== unit.object.text) return false;
  // An index that was written into sqlite_schema by hand is unknown to the pragmas until the schema is loaded again.
  if (attempts === 1) return true;
  const created = details.indexTerms.filter(([, , origin]) => origin === 'c').map(([index]) => index);
  const listed = unit.indexes.filter(({ row }) => row.sql !== null).map(({ row }) => row.name);
  return JSON.stringify([...new Set(created)].toSorted(compareText)) === JSON.stringify(listed.toSorted(compareText));
}

const textOf = ({ type, name, tableName, rootpage, sql }: ObjectRow): string =>
  JSON.stringify([type, name, tableName, rootpage, sql]);

/** A row that says what it said `before` is the same entry again. */
function entryOf(row: ObjectRow, before?: Entry): Entry {
  if (before?.row === row) return before;
  const text = textOf(row);
  if (before?.text === text) return before;
  const { id: _, ...raw } = row;
  const isForeign = isForeignObject(row.name) || isForeignObject(row.tableName);
  return { row, raw, text, owner: foldAscii(row.tableName), isForeign };
}

function isVirtual(part: Built): boolean {
  return 'table' in part && part.table.kind === 'virtual';
}

function unitsOf(entries: readonly Entry[]): readonly Unit[] {
  const indexes = groupBy(
    entries.filter(({ row }) => row.type === 'index'),
    ({ owner }) => owner,
  );
  return entries
    .filter(({ row, isForeign }) => row.type !== 'index' && !isForeign)
    .map((object) => ({ object, indexes: object.row.type === 'table' ? (indexes.get(object.owner) ?? []) : [] }));
}

/** Views, triggers and virtual tables are known from their text; an ordinary table is not. */
function buildFromText(object: ObjectRow): Built | undefined {
  const { name, tableName } = object;
  if (object.type === 'view') return { view: { name, sql: normaliseSql(object.sql ?? '') } };
  if (object.type === 'trigger') return { trigger: { name, table: tableName, sql: normaliseSql(object.sql ?? '') } };
  // What has a page of its own is no virtual table.
  const virtual = object.rootpage > 0 ? undefined : buildVirtualTable(object);
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
