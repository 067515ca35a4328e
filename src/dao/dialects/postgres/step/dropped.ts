// What went with the tables and columns that a step dropped, told by what was in them before the step. Pure.
import type { ColumnFinding, RowFinding } from '../../../../core/ports/step-transaction.js';
import type { Account } from './account.js';
import { filledIn } from './image.js';
import type { Naming } from './lost-parts.js';
import { differencesOf, holdsRows, isOwn, type Relation, type Relations } from './relations.js';

/** Dropped with their rows, those included that were taken before; a partition is part of its table, where that is gone too. */
export function droppedTables(account: Account, relations: Relations): readonly RowFinding[] {
  const { after } = relations;
  const gone = differencesOf(relations).gone.filter((relation) => holdsRows(relation) && !isOwn(relation));
  const rowsOf = ({ oid, kind, root, estimate }: Relation): number => {
    // What was dropped behind the words of a statement was not counted: the server's estimate, and never nothing.
    const dropped = account.dropped.get(oid) ?? (kind === 'p' ? 0 : Math.max(1, estimate));
    // What was taken from a partition before is told of its table, where that is still there.
    if (root !== undefined && after.has(root)) return Math.max(0, dropped);
    return Math.max(0, dropped + (account.rows.get(oid)?.deleted ?? 0)) + (account.truncated.get(oid) ?? 0);
  };
  return gone
    .filter(({ root }) => root === undefined || after.has(root))
    .map((relation) => ({
      table: relation.name,
      rows: gone
        .filter(({ oid, root }) => oid === relation.oid || root === relation.oid)
        .reduce((all, one) => all + rowsOf(one), 0),
      keys: [],
    }));
}

/** With the values that were in them before the step changed any; what went with deleted rows is told of those. */
export function droppedColumns(
  { columns, images, rows }: Account,
  { before, after }: Relations,
  { columnBefore }: Pick<Naming, 'columnBefore'>,
): readonly ColumnFinding[] {
  return columns.flatMap(({ oid, number, column, rows: filled }) => {
    const relation = before.get(oid);
    if (relation === undefined || !after.has(oid)) return [];
    const image = images.get(oid);
    const deleted = [...before.values()]
      .filter((one) => one.oid === oid || one.root === oid)
      .reduce((all, one) => all + (rows.get(one.oid)?.deleted ?? 0), 0);
    const had = image === undefined ? 0 : filledIn(image, number) - deleted;
    const was = columnBefore(relation.name, number) ?? column;
    return [{ table: relation.name, column: was, rows: Math.max(filled, had), keys: [] }];
  });
}
