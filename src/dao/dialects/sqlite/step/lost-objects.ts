// What a step took away without naming it: views, and what a rebuilt table's new definition leaves out.
import type { LostObject } from '../../../../core/ports/step-transaction.js';
import type { KeySnapshot, SchemaSnapshot, TableSnapshot } from '../../../../core/schema/snapshot.js';
import { unlike } from '../../../../core/schema/unlike.js';
import type { InspectedSchema } from '../inspect/inspector.js';
import { folded } from '../quote.js';
import type { TableFate } from './table-fate.js';
import type { WriteTrace } from './trace.js';

/** Views, checks and unique constraints that are gone. Triggers and indexes are made again, or reported, elsewhere. */
export function lostObjects(
  before: InspectedSchema,
  after: InspectedSchema,
  fates: readonly TableFate[],
  trace: WriteTrace,
): readonly LostObject[] {
  const rebuilt = fates.flatMap((fate) =>
    fate.kind === 'kept' && fate.before && fate.after
      ? [{ name: fate.nameBefore, before: fate.before, after: fate.after }]
      : [],
  );
  return [
    ...lostViews(before, after, trace),
    ...rebuilt.flatMap(lostChecks),
    ...rebuilt.flatMap((table) => lostUniques(table, after.snapshot)),
  ];
}

interface Rebuilt {
  readonly name: string;
  readonly before: TableSnapshot;
  readonly after: TableSnapshot;
}

/** A view can only go by a DROP VIEW; one that was not named was dropped through a hand-edited schema. */
function lostViews(before: InspectedSchema, after: InspectedSchema, trace: WriteTrace): readonly LostObject[] {
  const [old, now] = unlike(before.snapshot.views, after.snapshot.views);
  if (old.length === 0) return [];
  const present = new Set(now.map((view) => folded(view.name)));
  const named = new Set(trace.drops.map((drop) => folded(drop.name)));
  return old
    .filter((view) => !present.has(folded(view.name)) && !named.has(folded(view.name)))
    .map((view) => ({ type: 'view', name: view.name }));
}

/** Checks that are gone while all their columns are there, and none on the same columns took their place. */
function lostChecks({ name, before, after }: Rebuilt): readonly LostObject[] {
  const onSame = (table: TableSnapshot, key: string): number =>
    table.checks.filter((check) => columnsKey(check.columns) === key).length;
  return before.checks
    .filter((check) => hasColumns(after, check.columns))
    .filter((check) => !after.checks.some((kept) => kept.expression === check.expression))
    .filter((check) => onSame(after, columnsKey(check.columns)) < onSame(before, columnsKey(check.columns)))
    .map((check): LostObject => ({
      type: 'check',
      name: check.name ?? 'check',
      table: name,
      reason: `CHECK (${check.expression})`,
    }));
}

/** Unique constraints that are gone while all their columns are there, and nothing else keeps these unique. */
function lostUniques({ name, before, after }: Rebuilt, schema: SchemaSnapshot): readonly LostObject[] {
  const keys = [after.primaryKey, ...after.uniques].flatMap((key) => (key ? columnsKey(columnsOf(key)) : []));
  const indexes = schema.indexes
    .filter((index) => index.unique && index.where === undefined && folded(index.table) === folded(after.name))
    .filter(({ terms }) => terms.every((term) => 'column' in term))
    .map(({ terms }) => columnsKey(terms.flatMap((term) => ('column' in term ? term.column : []))));
  const unique = new Set([...keys, ...indexes]);
  return before.uniques
    .map((key) => ({ key, columns: columnsOf(key) }))
    .filter(({ columns }) => hasColumns(after, columns) && !unique.has(columnsKey(columns)))
    .map(({ key, columns }): LostObject => ({
      type: 'unique',
      name: key.name ?? 'unique',
      table: name,
      reason: `UNIQUE (${columns.join(', ')})`,
    }));
}

const columnsOf = (key: KeySnapshot): readonly string[] => key.terms.map(({ column }) => column);

const columnsKey = (columns: readonly string[]): string => JSON.stringify(columns.map(folded).toSorted());

function hasColumns(table: TableSnapshot, columns: readonly string[]): boolean {
  const there = new Set(table.columns.map((column) => folded(column.name)));
  return columns.every((column) => there.has(folded(column)));
}
