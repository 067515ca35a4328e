// What a step gave another name: its revert may not take it away as its own. Pure.
import type { StepObservation } from '../../../../core/ports/step-transaction.js';
import { folded } from '../quote.js';
import type { TableFate } from './table-fate.js';
import type { WriteTrace } from './trace.js';

type Kept = TableFate & { readonly kind: 'kept' };
type Renamed = NonNullable<StepObservation['renamed']>;

/** `takenOver`: new columns that hold what another one held, by `ALTER` or in a table that was made anew. */
export function renamed(
  fates: readonly TableFate[],
  takenOver: Renamed,
  trace: Pick<WriteTrace, 'columnRenames'>,
): Renamed {
  const kept = fates.filter((fate) => fate.kind === 'kept');
  const tables = kept.filter(({ name, nameBefore }) => folded(name) !== folded(nameBefore));
  return [
    ...tables.map(({ name, nameBefore }) => ({ table: name, from: nameBefore })),
    ...takenOver,
    ...kept.flatMap((fate) => columnsOf(fate, trace)),
  ];
}

/** Also those that held nothing yet, by which nobody can tell. */
function columnsOf(
  { name, nameBefore, before, after }: Kept,
  { columnRenames }: Pick<WriteTrace, 'columnRenames'>,
): Renamed {
  const had = new Set(before?.columns.map((column) => folded(column.name)));
  const names = new Set(
    columnRenames.flatMap(({ table, from, to }) => (table === folded(name) && had.has(from) ? [to] : [])),
  );
  return (after?.columns ?? [])
    .filter((column) => names.has(folded(column.name)))
    .map((column) => ({ table: name, from: nameBefore, column: column.name }));
}
