// Emptying tables and filling them from an attached copy, `migrate_safe_backup`, in the transaction that is open.
import { err, errAsync, ok, okAsync, type Result, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { TableRestoreError } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { readShape } from '../compare/shape.js';
import type { SqliteConnection } from '../drivers/driver.js';
import { folded, quoted } from '../quote.js';

type RestoreError = SqlError | TableRestoreError;
interface StoredObject {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

/** Gives the number of rows that were put back. */
export const refill = (connection: SqliteConnection, tables: readonly string[]): ResultAsync<number, RestoreError> =>
  orphansOf(connection, tables).andThen((before) =>
    inOrder(tables, (table) => restoreTable(connection, table)).andThen((counts) =>
      orphansOf(connection, tables)
        .andThen((after) => noNewOrphans(before, after))
        .map(() => counts.reduce((all, count) => all + count, 0)),
    ),
  );

/** Empties the table and fills it from the copy, with its triggers out of the way; a missing table is made again. */
function restoreTable(connection: SqliteConnection, table: string): ResultAsync<number, RestoreError> {
  const name = quoted(table);
  return columnsOf(connection, 'migrate_safe_backup', table).andThen((then) => {
    if (then.length === 0) return errAsync<number, RestoreError>({ kind: 'table-not-in-backup', table });
    return columnsOf(connection, 'main', table).andThen((now) => {
      if (now.length > 0 && !sameNames(then, now)) {
        const detail = `the backup has (${then.join(', ')}), the database (${now.join(', ')})`;
        return errAsync<number, RestoreError>({ kind: 'table-differs', table, detail });
      }
      const list = then.map(quoted).join(', ');
      const source = now.length === 0 ? 'migrate_safe_backup' : 'main';
      return objectsOf(connection, source, table).andThen((objects) => {
        if (objects.some(({ type, sql }) => type === 'table' && DERIVED.test(sql)))
          return errAsync<number, RestoreError>({ kind: 'table-derived', table });
        const triggers = objects.filter((object) => object.type === 'trigger');
        const others = objects.filter((object) => object.type !== 'trigger');
        const prepare: ResultAsync<unknown, SqlError> =
          now.length === 0
            ? inOrder(others, ({ sql }) => connection.run(sql))
            : inOrder(triggers, (trigger) => connection.run(`DROP TRIGGER main.${quoted(trigger.name)}`)).andThen(() =>
                connection.run(`DELETE FROM main.${name}`),
              );
        return prepare
          .andThen(() => rowidOf(connection, table))
          .andThen((rowid) =>
            connection.run(
              `INSERT INTO main.${name} (${rowid}${list}) SELECT ${rowid}${list} FROM migrate_safe_backup.${name}`,
            ),
          )
          .andThen(({ changes }) =>
            (now.length === 0 ? putCounterBack(connection, table) : okAsync(undefined)).map(() => changes),
          )
          .andThen((changes) => inOrder(triggers, ({ sql }) => connection.run(sql)).map(() => changes));
      });
    });
  });
}

/** A table that is made again would count from its highest row, and give out the numbers of rows that were deleted before. */
function putCounterBack(connection: SqliteConnection, table: string): ResultAsync<unknown, SqlError> {
  return connection
    .all(
      `SELECT 1 FROM main.sqlite_schema AS m JOIN migrate_safe_backup.sqlite_schema AS b USING (name) WHERE name = 'sqlite_sequence'`,
    )
    .andThen((counted): ResultAsync<unknown, SqlError> => {
      if (counted.length === 0) return okAsync(undefined);
      return connection
        .run('DELETE FROM main.sqlite_sequence WHERE name = ? COLLATE NOCASE', [table])
        .andThen(() =>
          connection.run(
            'INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM migrate_safe_backup.sqlite_sequence WHERE name = ? COLLATE NOCASE',
            [table],
          ),
        );
    });
}

/** A full-text index without content of its own (`content=''`, `content='docs'`). https://sqlite.org/fts5.html#external_content_and_contentless_tables */
const DERIVED = /\busing\s+fts\d\w*\s*\([\s\S]*\bcontent\s*=/i;
const FULL_TEXT = /\busing\s+fts\d/i;

/** The rowid as one more column, with its comma, where rows have a number that is none of their columns: others may point at it. */
function rowidOf(connection: SqliteConnection, table: string): ResultAsync<string, SqlError> {
  return readShape(connection, table).andThen((shape) => {
    if (shape === undefined || shape.withoutRowid || shape.rowidAlias !== undefined) return okAsync('');
    const taken = new Set([...shape.columns, ...(shape.hidden ?? [])].map(folded));
    const free = ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name));
    if (free === undefined) return okAsync('');
    if (shape.virtual !== true) return okAsync(`${free}, `);
    return objectsOf(connection, 'main', table).map((objects) =>
      objects.some(({ type, sql }) => type === 'table' && FULL_TEXT.test(sql)) ? `${free}, ` : '',
    );
  });
}

const columnsOf = (connection: SqliteConnection, schema: string, table: string): ResultAsync<string[], SqlError> =>
  connection
    .all<{ name: string }>(
      `SELECT x.name FROM ${schema}.sqlite_schema AS s JOIN pragma_table_xinfo(s.name, '${schema}') AS x
       WHERE s.type = 'table' AND s.name = ? COLLATE NOCASE AND x.hidden = 0`,
      [table],
    )
    .map((rows) => rows.map(({ name }) => name));

/** What belongs to a table, the table itself first. */
const objectsOf = (
  connection: SqliteConnection,
  schema: string,
  table: string,
): ResultAsync<StoredObject[], SqlError> =>
  connection.all<StoredObject>(
    `SELECT type, name, sql FROM ${schema}.sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL ORDER BY type = 'table' DESC, rowid`,
    [table],
  );

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  JSON.stringify(a.map(folded).toSorted()) === JSON.stringify(b.map(folded).toSorted());

/** Rows without their parent, per table, among the tables and those that point at them. */
function orphansOf(
  connection: SqliteConnection,
  tables: readonly string[],
): ResultAsync<ReadonlyMap<string, number>, SqlError> {
  return connection
    .all<{ table: string; n: number }>(
      `WITH wanted AS (SELECT lower(value) AS name FROM json_each(?))
       SELECT "table", count(*) AS n FROM pragma_foreign_key_check
       WHERE lower("table") IN (SELECT name FROM wanted) OR lower(parent) IN (SELECT name FROM wanted) GROUP BY "table"`,
      [JSON.stringify(tables)],
    )
    .map((rows) => new Map(rows.map(({ table, n }) => [table, n])));
}

/** Rows put back must find their parents, and rows that stayed must not lose theirs. */
function noNewOrphans(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Result<void, RestoreError> {
  const worse = [...after].find(([table, n]) => n > (before.get(table) ?? 0));
  return worse === undefined
    ? ok(undefined)
    : err({ kind: 'foreign-keys-broken', table: worse[0], rows: worse[1] - (before.get(worse[0]) ?? 0) });
}
