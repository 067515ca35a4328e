// What a step gave another name: its revert may not take it away as its own. Pure.
import type { StepObservation } from '../../../../core/ports/step-transaction.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { Naming } from './lost-parts.js';
import type { Relations } from './relations.js';

export function renamed(
  { before, after }: Relations,
  schema: SchemaSnapshot,
  naming: Naming,
): NonNullable<StepObservation['renamed']> {
  const tables = [...before.values()].flatMap(({ oid, name }) => {
    const now = after.get(oid)?.name;
    return now === undefined || now === name ? [] : [{ table: now, from: name }];
  });
  const columns = schema.tables.flatMap(({ name, columns: all }) => {
    const table = naming.nameNow(name);
    return all.flatMap((old) => {
      const column = naming.columnNow(name, old.name);
      return table === undefined || column === undefined || column === old.name ? [] : [{ table, from: name, column }];
    });
  });
  return [...tables, ...columns];
}
