// What tests of the comparison share: tables filled by a rule, and the comparison of two versions of one.
import type { Session } from '#src/core/ports/session.js';
import { compareTable, type RowComparison } from '#src/dao/dialects/sqlite/compare/compare-table.js';
import { readShape, type TableShape } from '#src/dao/dialects/sqlite/compare/shape.js';
import { type DriverName, value, withVersions } from './compare-sessions.js';

/** A comparison that found nothing, but for `keyed`. */
export const UNCHANGED = { inserted: 0, updated: 0, deleted: 0, deletedKeys: [], nulled: [] };

export async function shapeOf(session: Session, table: string): Promise<TableShape> {
  const shape = await value(readShape(session, table));
  if (shape === undefined) throw new Error(`no table ${table}`);
  return shape;
}

export interface Asked {
  readonly driver: DriverName;
  readonly start: readonly string[];
  readonly edits?: readonly string[];
  readonly rebuilt?: boolean;
  readonly tables?: readonly [string, string];
}

/** The comparison of a table as `start` made it with what `edits` made of it. */
export async function compared({
  driver,
  start,
  edits = [],
  rebuilt = false,
  tables = ['t', 't'],
}: Asked): Promise<RowComparison> {
  return withVersions(driver, start, edits, async (before, after) =>
    value(compareTable(before, await shapeOf(before, tables[0]), after, await shapeOf(after, tables[1]), { rebuilt })),
  );
}

/** The statement that fills `t` with rows, for `i` from 1 to their number. */
export const fill = (rows: number, select: string): string =>
  `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ${rows}) INSERT INTO t SELECT ${select} FROM s`;
