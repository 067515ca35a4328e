// What a step gave another name: its revert may not take it away as its own. Pure.
import type { StepObservation } from '../../../../core/ports/step-transaction.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { Naming } from './lost-parts.js';
import { differencesOf, type Relations } from './relations.js';

export function renamed(
  relations: Relations,
  schema: SchemaSnapshot,
  now: SchemaSnapshot,
  naming: Naming,
): NonNullable<StepObservation['renamed']> {
  const tables = differencesOf(relations).renamed.map(({ was, is }) => ({ table: is.name, from: was.name }));
  // What was not touched is the same object.
  const kept = new Set(now.tables);
  const touched = schema.tables.filter((table) => !kept.has(table));
  const columns = touched.flatMap(({ name, columns: all }) => {
    const table = naming.nameNow(name);
    return all.flatMap((old) => {
      const column = naming.columnNow(name, old.name);
      return table === undefined || column === undefined || column === old.name ? [] : [{ table, from: name, column }];
    });
  });
  return [...tables, ...columns];
}

/** By whose names others are told. */
const NAMED: ReadonlySet<string> = new Set(['function', 'enum', 'domain', 'type', 'range', 'schema']);

/**
 * Whether something can have another name than before, behind the words of a step that gave none: what was not touched may
 * be told by it.
 */
export function mayHaveRenamed(schema: SchemaSnapshot, now: SchemaSnapshot): boolean {
  const objects = new Set((now.objects ?? []).map(({ name }) => name));
  const tables = new Map(now.tables.map((table) => [table.name, table]));
  return (
    (schema.objects ?? []).some(({ type, name }) => NAMED.has(type) && !objects.has(name)) ||
    schema.tables.some((table) => {
      const is = tables.get(table.name);
      if (is === undefined || is === table) return false;
      const [had, has] = [table, is].map(({ columns }) => columns.map(({ name }) => name));
      return had?.some((name) => !has?.includes(name)) === true && has?.some((name) => !had.includes(name)) === true;
    })
  );
}
