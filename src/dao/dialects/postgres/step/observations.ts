// What several parts of a step did, as one observation. Pure.
import type { Effects } from '../../../../core/events/effects.js';
import type { StepObservation } from '../../../../core/ports/step-transaction.js';
import { sum } from './account.js';

/** One after the other. */
export const joined = (first: StepObservation, next: StepObservation): StepObservation => ({
  before: first.before,
  after: next.after,
  effects: joinedEffects(first.effects, next.effects),
  deletedRows: [...first.deletedRows, ...next.deletedRows],
  droppedTables: [...first.droppedTables, ...next.droppedTables],
  droppedColumns: [...first.droppedColumns, ...next.droppedColumns],
  nulledValues: [...first.nulledValues, ...next.nulledValues],
  renamed: [...(first.renamed ?? []), ...(next.renamed ?? [])],
  brokenForeignKeys: [...first.brokenForeignKeys, ...next.brokenForeignKeys],
  lostObjects: [...first.lostObjects, ...next.lostObjects],
  reinstated: [...first.reinstated, ...next.reinstated],
});

type Lists = Omit<Effects, 'tables'>;

function joinedEffects(first: Effects, next: Effects): Effects {
  const tables = { ...first.tables };
  for (const [table, effects] of Object.entries(next.tables)) tables[table] = sum(tables[table], effects);
  const both = <Key extends keyof Lists>(key: Key, all: readonly unknown[]): Partial<Lists> =>
    all.length === 0 ? {} : { [key]: all };
  const names = (one: readonly string[] = [], other: readonly string[] = []): readonly string[] => [
    ...new Set([...one, ...other]),
  ];
  return {
    tables,
    ...both('locks', [...(first.locks ?? []), ...(next.locks ?? [])]),
    ...both('rewritten', names(first.rewritten, next.rewritten)),
    ...both('truncated', names(first.truncated, next.truncated)),
    ...both('sequences', names(first.sequences, next.sequences)),
    ...both('unindexedForeignKeys', [...(first.unindexedForeignKeys ?? []), ...(next.unindexedForeignKeys ?? [])]),
  };
}
