// What a step took away without naming it: views, triggers, indexes, and what belongs to its tables. Pure.
import type { LostObject } from '../../../../core/ports/step-transaction.js';
import type { IndexSnapshot, ObjectSnapshot, SchemaSnapshot, TableSnapshot } from '../../../../core/schema/snapshot.js';
import { unlike } from '../../../../core/schema/unlike.js';
import { parseName } from '../name.js';
import {
  ATTACHED,
  becamePartition,
  DEFERRABLE,
  lostAttached,
  lostDefaults,
  lostKeys,
  lostWords,
  PRIVILEGES,
  WORDS,
  type Kept,
  type Naming,
} from './lost-parts.js';

/** Whether anything of before is not there any more by its name: without that, nothing was lost. */
export function hasLess(before: SchemaSnapshot, after: SchemaSnapshot): boolean {
  if (before === after) return false;
  const [old, now] = namesIn(before, after);
  const there = new Set(now);
  return old.some((name) => !there.has(name));
}

type Both<T> = readonly [before: readonly T[], after: readonly T[]];

/** Of what is not the same in both: whatever was not touched is the same object. */
function namesIn(before: SchemaSnapshot, after: SchemaSnapshot): Both<string> {
  const each = <T extends object>(
    was: readonly T[],
    is: readonly T[],
    name: (one: T) => readonly string[],
  ): Both<string> => {
    const [old, now] = unlike(was, is);
    return [old.flatMap(name), now.flatMap(name)];
  };
  const all = [
    each(before.indexes, after.indexes, ({ name }) => [`index ${name}`]),
    each(before.views, after.views, ({ name }) => [`view ${name}`]),
    each(before.triggers, after.triggers, ({ name }) => [`trigger ${name}`]),
    each(before.objects ?? [], after.objects ?? [], nameOfObject),
    each(before.tables, after.tables, namesOf),
  ];
  return [all.flatMap(([old]) => old), all.flatMap(([, now]) => now)];
}

const nameOfObject = ({ type, name, definition }: ObjectSnapshot): readonly string[] =>
  type === PRIVILEGES
    ? [`${name} ${definition}`]
    : type === MATERIALIZED || ATTACHED.has(type) || WORDS.has(type)
      ? [name]
      : [];

const namesOf = ({
  name,
  checks,
  uniques,
  foreignKeys,
  primaryKey,
  columns,
  options = [],
}: TableSnapshot): readonly string[] => [
  ...[...checks, ...uniques, ...foreignKeys, ...(primaryKey ? [primaryKey] : [])].map(
    (one) => `${name} ${one.name ?? ''}`,
  ),
  ...columns.flatMap((column) => [
    `${name}.${column.name}`,
    ...(column.default === undefined ? [] : [`${name}.${column.name} default`]),
  ]),
  ...options.map((option) => `${name} ${option}`),
];

export function lostObjects(before: SchemaSnapshot, after: SchemaSnapshot, naming: Naming): readonly LostObject[] {
  if (!hasLess(before, after)) return [];
  const tables = new Map(after.tables.map((table) => [table.name, table]));
  const kept = before.tables.flatMap((table): Kept[] => {
    const now = tables.get(naming.nameNow(table.name) ?? '');
    return now === undefined || now === table || becamePartition(table, now) ? [] : [{ before: table, after: now }];
  });
  return [
    ...lostViews(before, after, naming),
    ...lostTriggers(before, after, naming),
    ...lostIndexes(before, after, kept, naming),
    ...kept.flatMap((table) => [
      ...lostConstraints(table, naming),
      ...lostKeys(table, naming),
      ...lostDefaults(table, naming),
      ...lostWords(table, before, after, naming),
    ]),
    ...lostAttached(before, after, naming),
  ];
}

const MATERIALIZED = 'materialized view';

function lostViews(before: SchemaSnapshot, after: SchemaSnapshot, naming: Naming): readonly LostObject[] {
  const viewsOf = (schema: SchemaSnapshot): readonly string[] => [
    ...schema.views.map(({ name }) => name),
    ...(schema.objects ?? [])
      .filter(({ type }) => type === MATERIALIZED)
      .map(({ name }) => name.slice(MATERIALIZED.length + 1)),
  ];
  const present = new Set(viewsOf(after));
  return viewsOf(before)
    .filter((name) => !present.has(naming.nameNow(name) ?? name) && !naming.isNamed(parseName(name).name))
    .map((name) => ({ type: 'view', name }));
}

function lostTriggers(before: SchemaSnapshot, after: SchemaSnapshot, naming: Naming): readonly LostObject[] {
  const present = new Set(after.triggers.map(({ name }) => name));
  return before.triggers.flatMap(({ name, table }): LostObject[] => {
    // With its table gone, or its view, there is nothing left to watch; a view that was made again is there.
    const now = naming.nameNow(table) ?? after.views.find((view) => view.name === table)?.name;
    if (now === undefined) return [];
    const own = name.slice(table.length + 1);
    return present.has(`${now}.${own}`) || naming.isNamed(bareOf(own)) ? [] : [{ type: 'trigger', name, table }];
  });
}

const bareOf = (name: string): string => parseName(name).name;

function lostIndexes(
  before: SchemaSnapshot,
  after: SchemaSnapshot,
  kept: readonly Kept[],
  naming: Naming,
): readonly LostObject[] {
  const present = new Set(after.indexes.map(({ name }) => name));
  const byTable = new Set(kept.map((table) => table.before.name));
  return before.indexes
    .filter(({ name, table }) => byTable.has(table) && !present.has(name) && !naming.isNamed(parseName(name).name))
    .filter((index) => !goesWithItsColumns(index, naming))
    .filter((index) => !after.indexes.some((other) => isSame(index, other, naming)))
    .map(({ name, table, terms }) => ({
      type: 'index',
      name,
      table,
      reason: `on (${terms.map((term) => ('column' in term ? term.column : term.expression)).join(', ')})`,
    }));
}

const goesWithItsColumns = ({ table, terms }: IndexSnapshot, naming: Naming): boolean =>
  terms.every((term) => 'column' in term && naming.columnNow(table, term.column) === undefined);

/** Under another name, which the index or its schema got. */
const isSame = (index: IndexSnapshot, other: IndexSnapshot, naming: Naming): boolean =>
  other.table === naming.nameNow(index.table) &&
  other.unique === index.unique &&
  other.where === index.where &&
  JSON.stringify(other.terms) === JSON.stringify(index.terms);

/** Checks and unique constraints that are gone while one of their columns is there, and nothing says the same. */
function lostConstraints({ before, after }: Kept, naming: Naming): readonly LostObject[] {
  const columnsNow = (columns: readonly string[]): readonly string[] =>
    columns.flatMap((column) => naming.columnNow(before.name, column) ?? []);
  const names = new Set([...after.checks, ...after.uniques].map(({ name }) => name));
  const isLost = (name: string | undefined, columns: readonly string[]): boolean =>
    !names.has(name) &&
    !naming.isNamed((name ?? '').replace(DEFERRABLE, '')) &&
    (columns.length === 0 || columnsNow(columns).length > 0);
  const checks = before.checks
    .filter((check) => isLost(check.name, check.columns))
    .filter((check) => !after.checks.some(({ expression }) => expression === check.expression))
    .map((check): LostObject => ({
      type: 'check',
      name: check.name ?? 'check',
      table: before.name,
      reason: check.expression,
    }));
  const uniqueNow = new Set(
    [after.primaryKey, ...after.uniques].flatMap((key) =>
      key ? key.terms.map(({ column }) => column).join('\0') : [],
    ),
  );
  const uniques = before.uniques
    .map((key) => ({ key, columns: key.terms.map(({ column }) => column) }))
    .filter(({ key, columns }) => isLost(key.name, columns) && !uniqueNow.has(columnsNow(columns).join('\0')))
    .map(({ key, columns }): LostObject => ({
      type: 'unique',
      name: key.name ?? 'unique',
      table: before.name,
      reason: `UNIQUE (${columns.join(', ')})`,
    }));
  return [...checks, ...uniques];
}
