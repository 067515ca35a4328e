// The form of schema objects in which equal means equal: names folded, sets sorted, what depends on the connection left out.
import { compareText, foldName } from './names.js';
import type {
  CheckSnapshot,
  ColumnSnapshot,
  ForeignKeySnapshot,
  IdentifierRule,
  IndexSnapshot,
  IndexTerm,
  KeySnapshot,
  ObjectSnapshot,
  SchemaSnapshot,
  TableSnapshot,
  TriggerSnapshot,
  ViewSnapshot,
} from './snapshot.js';

type Fold = (name: string) => string;

// Snapshots are never changed, and an inspector hands out the same object for what stayed the same.
const known: Readonly<Record<IdentifierRule, WeakMap<object, string>>> = {
  'ascii-case-insensitive': new WeakMap(),
  exact: new WeakMap(),
};

function once<T extends object>(
  object: T,
  rule: IdentifierRule,
  write: (object: T, rule: IdentifierRule) => string,
): string {
  const before = known[rule].get(object);
  if (before !== undefined) return before;
  const text = write(object, rule);
  known[rule].set(object, text);
  return text;
}

// One literal in one place fixes the order of its members, so that the native writer is canonical too, and many times faster.
const written = (value: unknown): string => JSON.stringify(value);

const folding =
  (rule: IdentifierRule): Fold =>
  (name) =>
    foldName(name, rule);

/** The properties of a column that make two columns of one name differ, each as comparable text; the ordinal is left to the key. */
export function columnProperties(column: ColumnSnapshot, rule: IdentifierRule) {
  const fold = folding(rule);
  return {
    type: fold(column.type),
    'not-null': column.notNull ? (column.notNullOnConflict ?? 'yes') : 'no',
    default: column.default ?? null,
    generated: column.generated ? `${column.generated.storage} ${column.generated.expression}` : null,
    collation: column.collation === undefined ? null : fold(column.collation),
    // Left out where there is none: a fingerprint is what it was before there was such a property.
    ...(column.identity === undefined ? {} : { identity: column.identity }),
  };
}

/** The properties of a table outside of its columns and constraints. */
export function tableProperties(table: TableSnapshot, rule: IdentifierRule) {
  return {
    // Whether a shadow table is known as one depends on the modules that the connection has loaded.
    kind: table.kind === 'virtual' ? 'virtual' : 'table',
    autoincrement: table.autoincrement,
    'without-rowid': table.withoutRowid,
    strict: table.strict,
    module: table.module ? written([foldName(table.module.name, rule), table.module.args]) : null,
    ...(table.options === undefined ? {} : { options: written(table.options) }),
  };
}

function term(value: IndexTerm, fold: Fold) {
  const what = 'column' in value ? { column: fold(value.column) } : { expression: value.expression };
  return {
    ...what,
    descending: value.descending,
    collation: value.collation === undefined ? undefined : fold(value.collation),
  };
}

const optional = (name: string | undefined, fold: Fold): string | undefined =>
  name === undefined ? undefined : fold(name);

/** Comparable text of a primary key or a unique constraint. */
export function keyText(key: KeySnapshot, rule: IdentifierRule): string {
  const fold = folding(rule);
  return written({
    name: optional(key.name, fold),
    terms: key.terms.map((part) => term(part, fold)),
    onConflict: key.onConflict,
  });
}

/** Comparable text of a CHECK; the columns follow from the expression and are left out. */
export function checkText(check: CheckSnapshot, rule: IdentifierRule): string {
  return written({ name: optional(check.name, folding(rule)), expression: check.expression });
}

/** Comparable text of a foreign key. */
export function foreignKeyText(key: ForeignKeySnapshot, rule: IdentifierRule): string {
  const fold = folding(rule);
  return written({
    name: optional(key.name, fold),
    columns: key.columns.map(fold),
    references: { table: fold(key.references.table), columns: key.references.columns.map(fold) },
    onDelete: key.onDelete,
    onUpdate: key.onUpdate,
    deferrable: key.deferrable,
    notValid: key.notValid,
  });
}

/** Comparable text of an index. */
export const indexText = (index: IndexSnapshot, rule: IdentifierRule): string => once(index, rule, writeIndex);

function writeIndex(index: IndexSnapshot, rule: IdentifierRule): string {
  const fold = folding(rule);
  return written({
    name: fold(index.name),
    table: fold(index.table),
    unique: index.unique,
    origin: index.origin,
    terms: index.terms.map((part) => term(part, fold)),
    where: index.where,
    definition: index.definition,
  });
}

/** Comparable text of a view. */
export function viewText(view: ViewSnapshot, rule: IdentifierRule): string {
  return written({ name: foldName(view.name, rule), sql: view.sql });
}

/** Comparable text of a trigger. */
export function triggerText(trigger: TriggerSnapshot, rule: IdentifierRule): string {
  return written({ name: foldName(trigger.name, rule), table: foldName(trigger.table, rule), sql: trigger.sql });
}

/** Comparable text of any other object. */
export const objectText = (object: ObjectSnapshot): string =>
  written({ type: object.type, name: object.name, definition: object.definition });

const sorted = (texts: readonly string[]): readonly string[] => texts.toSorted(compareText);

/** Comparable text of a table with its columns in their order and its constraints as sets. */
export const tableText = (table: TableSnapshot, rule: IdentifierRule): string => once(table, rule, writeTable);

function writeTable(table: TableSnapshot, rule: IdentifierRule): string {
  return written({
    name: foldName(table.name, rule),
    ...tableProperties(table, rule),
    columns: table.columns.map((column) => ({ name: foldName(column.name, rule), ...columnProperties(column, rule) })),
    primaryKey: table.primaryKey ? keyText(table.primaryKey, rule) : null,
    uniques: sorted(table.uniques.map((unique) => keyText(unique, rule))),
    checks: sorted(table.checks.map((check) => checkText(check, rule))),
    foreignKeys: sorted(table.foreignKeys.map((key) => foreignKeyText(key, rule))),
  });
}

/** What stands for a list of objects in the text of a schema, in one order; `text` gives an object's own. */
export type Hashes = <T extends object>(all: readonly T[], text: (object: T) => string) => readonly string[];

/**
 * Comparable text of a whole schema, in which hashes stand for the texts of its objects: two schemas have the same text
 * exactly when `diffSchemas` finds no change.
 */
export function schemaText(snapshot: SchemaSnapshot, hashes: Hashes): string {
  const rule = snapshot.identifiers;
  const { indexes, objects, tables, triggers, views } = snapshot;
  // In the order of RFC 8785.
  return written({
    indexes: hashes(indexes, (index) => indexText(index, rule)),
    ...(objects === undefined ? {} : { objects: hashes(objects, (object) => once(object, rule, objectText)) }),
    tables: hashes(tables, (table) => tableText(table, rule)),
    triggers: hashes(triggers, (trigger) => once(trigger, rule, triggerText)),
    views: hashes(views, (view) => once(view, rule, viewText)),
  });
}
