// The effects of a step as reports and the journal have them, from its account and the server's counters. Pure.
import type { Effects, LockEffect, TableEffects, UnindexedForeignKey } from '../../../../core/events/effects.js';
import { compareText } from '../../../../core/schema/names.js';
import type { SchemaSnapshot, TableSnapshot } from '../../../../core/schema/snapshot.js';
import { sum } from './account.js';
import type { Look } from './look.js';
import { holdsRows, isOwn, type Relation, type Relations } from './relations.js';
import type { StepTrace } from './trace.js';

/** Locks that keep others from writing, or from reading too. */
const HINDERING: ReadonlySet<string> = new Set(['Share', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive']);

/** Rows are told of the partitioned table, not of its partitions; of a dropped table under the name that it had. */
export function effectsOf(trace: StepTrace, relations: Relations, now: Look, after: SchemaSnapshot): Effects {
  const { account, locks } = trace;
  const find = (oid: number): Relation | undefined => relations.after.get(oid) ?? relations.before.get(oid);
  const top = (oid: number): Relation | undefined => {
    const relation = find(oid);
    return (relation?.root === undefined ? undefined : find(relation.root)) ?? relation;
  };
  const tables = new Map<string, TableEffects>();
  const add = (oid: number, effects: TableEffects): void => {
    const relation = top(oid);
    if (relation && !isOwn(relation) && effects.inserted + effects.updated + effects.deleted > 0)
      tables.set(relation.name, sum(tables.get(relation.name), effects));
  };
  for (const [oid, effects] of account.rows) add(oid, effects);
  for (const [oid, deleted] of [...account.dropped, ...account.truncated])
    add(oid, { inserted: 0, updated: 0, deleted: Math.max(0, deleted) });

  const namesOf = (oids: Iterable<number>): readonly string[] =>
    [...new Set([...oids].flatMap((oid) => top(oid)?.name ?? []))].toSorted(compareText);
  const end = performance.now();
  const held = [...locks].flatMap(([oid, { mode, since }]): LockEffect[] => {
    const relation = relations.before.get(oid);
    return relation && holdsRows(relation) && !isOwn(relation) && HINDERING.has(mode)
      ? [{ table: relation.name, mode, heldMs: Math.round(end - since) }]
      : [];
  });
  const truncated = [...account.truncated].filter(([, rows]) => rows > 0).map(([oid]) => oid);
  const sequences = [...now.written].filter((oid) => relations.before.get(oid)?.kind === 'S');
  const unindexed = unindexedForeignKeys(tables, relations, rowsRead(trace, now), after);
  return {
    tables: Object.fromEntries([...tables].toSorted(([a], [b]) => compareText(a, b))),
    ...(held.length > 0 ? { locks: held.toSorted((a, b) => compareText(a.table, b.table)) } : {}),
    ...(account.rewritten.size > 0 ? { rewritten: namesOf(account.rewritten) } : {}),
    ...(truncated.length > 0 ? { truncated: namesOf(truncated) } : {}),
    ...(sequences.length > 0 ? { sequences: namesOf(sequences) } : {}),
    ...(unindexed.length > 0 ? { unindexedForeignKeys: unindexed } : {}),
  };
}

/** By the step: the counters begin at what is left of earlier transactions. */
const rowsRead =
  ({ start }: StepTrace, { counters }: Look) =>
  (oid: number): number =>
    Math.max(0, (counters.get(oid)?.[3] ?? 0) - (start?.look.counters.get(oid)?.[3] ?? 0));

function unindexedForeignKeys(
  effects: ReadonlyMap<string, TableEffects>,
  { after: relations }: Relations,
  read: (oid: number) => number,
  schema: SchemaSnapshot,
): readonly UnindexedForeignKey[] {
  const lost = new Set([...effects].filter(([, { deleted }]) => deleted > 0).map(([name]) => name));
  if (lost.size === 0) return [];
  const byName = new Map([...relations.values()].map(({ name, oid }) => [name, oid]));
  return schema.tables.flatMap((table) =>
    table.foreignKeys
      .filter(({ references, columns }) => lost.has(references.table) && !isIndexed(schema, table, columns))
      .map(({ columns }) => ({
        table: table.name,
        columns,
        rowsRead: read(byName.get(table.name) ?? 0),
      }))
      .filter(({ rowsRead }) => rowsRead > 0),
  );
}

/** Whether an index or a key begins with these columns, in any order. */
function isIndexed(schema: SchemaSnapshot, table: TableSnapshot, columns: readonly string[]): boolean {
  const keys = [table.primaryKey, ...table.uniques].flatMap((key) => (key ? [key.terms] : []));
  const indexes = schema.indexes.filter((index) => index.table === table.name && index.where === undefined);
  return [...keys, ...indexes.map(({ terms }) => terms)].some((terms) => {
    const first = terms.slice(0, columns.length).flatMap((term) => ('column' in term ? term.column : []));
    return columns.every((column) => first.includes(column));
  });
}
