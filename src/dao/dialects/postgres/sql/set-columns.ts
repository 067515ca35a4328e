// Which columns an UPDATE sets, or an ALTER makes, where it does that to one table by its own words, and nothing besides.
import type { AlterTableStmt } from 'libpg-query';
import type { SetColumns } from '../../../../core/ports/script-splitter.js';
import type { Node } from './parser.js';

export function setColumns(node: Node): SetColumns | undefined {
  if ('AlterTableStmt' in node) return madeColumns(node.AlterTableStmt);
  if (!('UpdateStmt' in node)) return undefined;
  // What stands in WITH can change rows of any table.
  const { relation, targetList = [], withClause } = node.UpdateStmt;
  if (withClause !== undefined || relation?.relname === undefined) return undefined;
  const columns = targetList.flatMap((target) => ('ResTarget' in target ? (target.ResTarget.name ?? []) : []));
  return columns.length === targetList.length ? { table: relation.relname, columns } : undefined;
}

/** With IF NOT EXISTS it may be a column that somebody else has made meanwhile. */
function madeColumns({ relation, cmds = [] }: AlterTableStmt): SetColumns | undefined {
  const columns = cmds.flatMap((cmd) => {
    const { subtype, missing_ok: isMissing, def } = 'AlterTableCmd' in cmd ? cmd.AlterTableCmd : {};
    if (subtype !== 'AT_AddColumn' || isMissing === true || def === undefined || !('ColumnDef' in def)) return [];
    return def.ColumnDef.colname ?? [];
  });
  if (relation?.relname === undefined || columns.length !== cmds.length) return undefined;
  return { table: relation.relname, columns, makes: true };
}
