// The differences between two schemas, as data.
import {
  checkText,
  columnProperties,
  foreignKeyText,
  indexText,
  keyText,
  objectText,
  tableProperties,
  tableText,
  triggerText,
  viewText,
} from './comparable.js';
import type { ColumnProperty, SchemaChange, TableProperty } from './change.js';
import { compareText, foldName } from './names.js';
import type { ColumnSnapshot, IdentifierRule, SchemaSnapshot, TableSnapshot } from './snapshot.js';
import { unlike } from './unlike.js';

interface Named {
  readonly name: string;
}

interface Pairs<T> {
  readonly removed: readonly T[];
  readonly added: readonly T[];
  readonly kept: readonly (readonly [before: T, after: T])[];
}

/**
 * Lists what has to happen to `before` to make it `after`, in a fixed order: tables by name with their parts,
 * then indexes, views, triggers and what else there is. Empty exactly when the fingerprints are equal. Both must follow the same
 * identifier rule. Names are given as `after` writes them, or `before` for what is gone.
 */
export function diffSchemas(before: SchemaSnapshot, after: SchemaSnapshot): readonly SchemaChange[] {
  const rule = before.identifiers;
  if (rule !== after.identifiers) throw new TypeError('schemas of two dialects have no difference, only a translation');
  if (before === after) return [];
  const tables = pairByName(...unlike(before.tables, after.tables), rule);
  const indexes = pairByName(...unlike(before.indexes, after.indexes), rule);
  const views = pairByName(...unlike(before.views, after.views), rule);
  const triggers = pairByName(...unlike(before.triggers, after.triggers), rule);
  const objects = pairByName(...unlike(before.objects ?? [], after.objects ?? []), 'exact');
  return [
    ...tables.removed.map((table) => ({ kind: 'table-removed', table: table.name, snapshot: table }) as const),
    ...tables.added.map((table) => ({ kind: 'table-added', table: table.name, snapshot: table }) as const),
    ...differing(tables, (table) => tableText(table, rule)).flatMap(([old, now]) => diffTable(old, now, rule)),
    ...indexes.removed.map(
      (index) => ({ kind: 'index-removed', index: index.name, table: index.table, snapshot: index }) as const,
    ),
    ...indexes.added.map(
      (index) => ({ kind: 'index-added', index: index.name, table: index.table, snapshot: index }) as const,
    ),
    ...differing(indexes, (index) => indexText(index, rule)).map(
      ([old, now]) => ({ kind: 'index-changed', index: now.name, table: now.table, before: old, after: now }) as const,
    ),
    ...views.removed.map((view) => ({ kind: 'view-removed', view: view.name, snapshot: view }) as const),
    ...views.added.map((view) => ({ kind: 'view-added', view: view.name, snapshot: view }) as const),
    ...differing(views, (view) => viewText(view, rule)).map(
      ([old, now]) => ({ kind: 'view-changed', view: now.name, before: old, after: now }) as const,
    ),
    ...triggers.removed.map(
      (it) => ({ kind: 'trigger-removed', trigger: it.name, table: it.table, snapshot: it }) as const,
    ),
    ...triggers.added.map(
      (it) => ({ kind: 'trigger-added', trigger: it.name, table: it.table, snapshot: it }) as const,
    ),
    ...differing(triggers, (trigger) => triggerText(trigger, rule)).map(
      ([old, now]) =>
        ({ kind: 'trigger-changed', trigger: now.name, table: now.table, before: old, after: now }) as const,
    ),
    ...objects.removed.map((it) => ({ kind: 'object-removed', object: it.name, snapshot: it }) as const),
    ...objects.added.map((it) => ({ kind: 'object-added', object: it.name, snapshot: it }) as const),
    ...differing(objects, objectText).map(
      ([old, now]) => ({ kind: 'object-changed', object: now.name, before: old, after: now }) as const,
    ),
  ];
}

function diffTable(before: TableSnapshot, after: TableSnapshot, rule: IdentifierRule): readonly SchemaChange[] {
  const table = after.name;
  const what = differingProperties<TableProperty>(tableProperties(before, rule), tableProperties(after, rule));
  const uniques = pairAsSets(before.uniques, after.uniques, (unique) => keyText(unique, rule));
  const checks = pairAsSets(before.checks, after.checks, (check) => checkText(check, rule));
  const keys = pairAsSets(before.foreignKeys, after.foreignKeys, (key) => foreignKeyText(key, rule));
  return [
    ...(what.length === 0 ? [] : [{ kind: 'table-changed', table, what, before, after } as const]),
    ...diffColumns(before, after, rule),
    ...diffPrimaryKey(before, after, rule),
    ...uniques.removed.map((unique) => ({ kind: 'unique-removed', table, unique }) as const),
    ...uniques.added.map((unique) => ({ kind: 'unique-added', table, unique }) as const),
    ...checks.removed.map((check) => ({ kind: 'check-removed', table, check }) as const),
    ...checks.added.map((check) => ({ kind: 'check-added', table, check }) as const),
    ...keys.removed.map((foreignKey) => ({ kind: 'foreign-key-removed', table, foreignKey }) as const),
    ...keys.added.map((foreignKey) => ({ kind: 'foreign-key-added', table, foreignKey }) as const),
  ];
}

function diffColumns(before: TableSnapshot, after: TableSnapshot, rule: IdentifierRule): readonly SchemaChange[] {
  const table = after.name;
  const columns = pairByName(before.columns, after.columns, rule);
  const changed = columns.kept.flatMap(([old, now]) => {
    const what = differingProperties<ColumnProperty>(columnProperties(old, rule), columnProperties(now, rule));
    return what.length === 0
      ? []
      : [{ kind: 'column-changed', table, column: now.name, what, before: old, after: now } as const];
  });
  const names = (all: readonly ColumnSnapshot[]): readonly string[] => all.map((column) => foldName(column.name, rule));
  const kept = new Set(columns.kept.map(([, now]) => foldName(now.name, rule)));
  const orderBefore = names(before.columns).filter((name) => kept.has(name));
  const orderAfter = names(after.columns).filter((name) => kept.has(name));
  const reordered = orderBefore.some((name, position) => name !== orderAfter[position]);
  return [
    ...columns.removed.map(
      (column) => ({ kind: 'column-removed', table, column: column.name, snapshot: column }) as const,
    ),
    ...columns.added.map((column) => ({ kind: 'column-added', table, column: column.name, snapshot: column }) as const),
    ...changed,
    ...(reordered ? [{ kind: 'columns-reordered', table, before: orderBefore, after: orderAfter } as const] : []),
  ];
}

function diffPrimaryKey(before: TableSnapshot, after: TableSnapshot, rule: IdentifierRule): readonly SchemaChange[] {
  const old = before.primaryKey;
  const now = after.primaryKey;
  if ((old && keyText(old, rule)) === (now && keyText(now, rule))) return [];
  return [{ kind: 'primary-key-changed', table: after.name, ...(old && { before: old }), ...(now && { after: now }) }];
}

function pairByName<T extends Named>(before: readonly T[], after: readonly T[], rule: IdentifierRule): Pairs<T> {
  const old = new Map(before.map((item) => [foldName(item.name, rule), item]));
  const now = new Map(after.map((item) => [foldName(item.name, rule), item]));
  const kept: [T, T][] = [];
  for (const name of [...old.keys()].toSorted(compareText)) {
    const was = old.get(name);
    const is = now.get(name);
    if (was !== undefined && is !== undefined) kept.push([was, is]);
  }
  return {
    removed: before.filter((item) => !now.has(foldName(item.name, rule))),
    added: after.filter((item) => !old.has(foldName(item.name, rule))),
    kept,
  };
}

function differing<T>(pairs: Pairs<T>, text: (item: T) => string): readonly (readonly [before: T, after: T])[] {
  // An inspector hands out the same object for what did not change, so that most pairs need no text.
  return pairs.kept.filter(([old, now]) => old !== now && text(old) !== text(now));
}

function differingProperties<K extends string>(
  before: Readonly<Partial<Record<K, unknown>>>,
  after: Readonly<Partial<Record<K, unknown>>>,
): readonly K[] {
  const all = new Set([...Object.keys(before), ...Object.keys(after)] as K[]);
  return [...all].filter((property) => before[property] !== after[property]);
}

/** Nameless things: equal texts cancel out one by one, so that a constraint written twice counts twice. */
function pairAsSets<T>(before: readonly T[], after: readonly T[], text: (item: T) => string): Omit<Pairs<T>, 'kept'> {
  const spare = new Map<string, number>();
  for (const item of before) spare.set(text(item), (spare.get(text(item)) ?? 0) + 1);
  const added = after.filter((item) => !take(spare, text(item)));
  const left = new Map(spare);
  const removed = before.filter((item) => take(left, text(item)));
  return { removed, added };
}

function take(counts: Map<string, number>, key: string): boolean {
  const count = counts.get(key) ?? 0;
  if (count === 0) return false;
  counts.set(key, count - 1);
  return true;
}
