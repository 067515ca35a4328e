// Compares what came out of an archive with what is in the database, before the restore is committed.
import { err, errAsync, ok, type Result, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import type { WholeRestoreError } from '../../../../core/ports/whole-restore.js';
import { inOrder } from '../../../in-order.js';
import type { ArchiveEntry } from '../backup/archive.js';
import { isEnforced } from '../constraint-kinds.js';
import { sqlName, type QualifiedName } from '../name.js';
import { DOOMED } from './clear.js';
import { tablesWithRows } from './contents.js';
import { textLiteral } from './literal.js';

const TABLES_PER_STATEMENT = 100;
const EXTENSIONS_TABLES = `
  SELECT n.nspname AS schema, c.relname AS name FROM pg_depend AS e
  JOIN pg_class AS c ON c.oid = e.objid JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE e.classid = 'pg_class'::regclass AND e.deptype = 'e'`;
const UNSOUND = `
  SELECT (SELECT count(*) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
          JOIN pg_namespace AS n ON n.oid = c.relnamespace
          WHERE ${DOOMED} AND c.relkind = 'i' AND NOT (i.indisvalid AND i.indisready)) AS indexes,
         (SELECT count(*) FROM pg_constraint AS c JOIN pg_namespace AS n ON n.oid = c.connamespace
          WHERE ${DOOMED} AND NOT c.convalidated AND ${isEnforced('c')}) AS constraints`;
const NOT_VALID = /\bNOT VALID\b/;

/** `taken`: the rows that each COPY took, in the archive's order. Gives the number of rows in the application's tables. */
export function verifyContent(
  session: Session,
  entries: readonly ArchiveEntry[],
  taken: readonly number[],
): ResultAsync<number, SqlError | WholeRestoreError> {
  const tables = tablesWithRows(entries);
  if (tables.length !== taken.length) return differs(`${taken.length} of ${tables.length} tables were filled`);
  return session.all<QualifiedName>(EXTENSIONS_TABLES).andThen((ofExtensions) => {
    const others = new Set(ofExtensions.map(sqlName));
    return countsOf(session, tables).andThen((counts) => {
      const wrong = tables.find((table, at) => counts[at] !== taken[at] && !others.has(sqlName(table)));
      const at = wrong === undefined ? -1 : tables.indexOf(wrong);
      if (wrong !== undefined)
        return differs(`${sqlName(wrong)} has ${counts[at] ?? 0} rows, the archive ${taken[at] ?? 0}`);
      const rows = tables.reduce((sum, table, i) => sum + (others.has(sqlName(table)) ? 0 : (counts[i] ?? 0)), 0);
      return sound(session, entries).map(() => rows);
    });
  });
}

function countsOf(session: Session, tables: readonly ArchiveEntry[]): ResultAsync<readonly number[], SqlError> {
  const batches = Array.from({ length: Math.ceil(tables.length / TABLES_PER_STATEMENT) }, (_, at) =>
    tables.slice(at * TABLES_PER_STATEMENT, (at + 1) * TABLES_PER_STATEMENT),
  );
  return inOrder(batches, (batch) =>
    session
      .all<{ name: string; n: number }>(
        batch
          .map((table) => `SELECT ${textLiteral(sqlName(table))} AS name, count(*) AS n FROM ONLY ${sqlName(table)}`)
          .join(' UNION ALL '),
      )
      .map((rows) => {
        const byName = new Map(rows.map(({ name, n }) => [name, n]));
        return batch.map((table) => byName.get(sqlName(table)) ?? 0);
      }),
  ).map((counts) => counts.flat());
}

/** An index that is not valid is none; a constraint may be not valid only where the archive says so. */
function sound(session: Session, entries: readonly ArchiveEntry[]): ResultAsync<void, SqlError | WholeRestoreError> {
  return session
    .all<{ indexes: number; constraints: number }>(UNSOUND)
    .andThen(([found]): Result<void, WholeRestoreError> => {
      const { indexes, constraints } = found ?? { indexes: 0, constraints: 0 };
      if (indexes > 0) return err({ kind: 'content-differs', detail: `${indexes} indexes are not valid` });
      const meant = entries.filter(({ definition }) => NOT_VALID.test(definition)).length;
      return constraints > meant
        ? err({ kind: 'content-differs', detail: `${constraints} constraints are not valid` })
        : ok(undefined);
    });
}

const differs = (detail: string): ResultAsync<never, WholeRestoreError> =>
  errAsync({ kind: 'content-differs', detail });
