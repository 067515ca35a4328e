// Which columns an UPDATE sets, where it changes rows of one table by its own words, and nothing besides.
import type { SetColumns } from '../../../../core/ports/script-splitter.js';
import type { Node } from './parser.js';

export function setColumns(node: Node): SetColumns | undefined {
  if (!('UpdateStmt' in node)) return undefined;
  // What stands in WITH can change rows of any table.
  const { relation, targetList = [], withClause } = node.UpdateStmt;
  if (withClause !== undefined || relation?.relname === undefined) return undefined;
  const columns = targetList.flatMap((target) => ('ResTarget' in target ? (target.ResTarget.name ?? []) : []));
  return columns.length === targetList.length ? { table: relation.relname, columns } : undefined;
}
