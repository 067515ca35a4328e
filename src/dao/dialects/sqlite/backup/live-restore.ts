// Putting a copy back into the live database: whole through the backup API, or single tables in one transaction.
import { err, errAsync, ok, okAsync, type Result, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { RecordedEvent } from '../../../../core/events/envelope.js';
import type { AppliedStep } from '../../../../core/history/history.js';
import type { CopyProgress, LiveRestorePort, TableRestoreError } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SqliteConnection } from '../drivers/driver.js';
import { folded, quoted } from '../quote.js';

type RestoreError = SqlError | TableRestoreError;
type Record = (events: readonly RecordedEvent[], steps: readonly AppliedStep[]) => ResultAsync<void, SqlError>;
interface StoredObject {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

export class LiveRestore implements LiveRestorePort {
  readonly #connection: () => SqliteConnection;
  readonly #record: Record;
  readonly #onSwitched: () => void;

  /** `onSwitched`: what was known of the content is not true any more. */
  constructor(connection: () => SqliteConnection, record: Record, onSwitched: () => void) {
    this.#connection = connection;
    this.#record = record;
    this.#onSwitched = onSwitched;
  }

  switchTo(file: string, onProgress: CopyProgress): ResultAsync<void, SqlError> {
    const connection = this.#connection();
    // A larger cache spares the destination half of its reads; the journal keeps the switch atomic.
    return connection
      .run('PRAGMA cache_size = -64000')
      .andThen(() => connection.copyFrom(file, onProgress))
      .andThen(() => connection.run('PRAGMA cache_size = -2000'))
      .map(() => this.#onSwitched());
  }

  restoreTables(
    file: string,
    tables: readonly string[],
    record: (rows: number) => { readonly events: readonly RecordedEvent[]; readonly steps: readonly AppliedStep[] },
  ): ResultAsync<{ readonly rows: number }, RestoreError> {
    const connection = this.#connection();
    const inTransaction = (): ResultAsync<{ rows: number }, RestoreError> => connection
      .run('BEGIN IMMEDIATE')
      .andThen(() => orphansOf(connection, tables))
      .andThen((before) =>
        inOrder(tables, (table) => restoreTable(connection, table)).andThen((counts) =>
          orphansOf(connection, tables)
            .andThen((after) => noNewOrphans(before, after))
            .map(() => counts.reduce((all, count) => all + count, 0)),
        ),
      )
      .andThen((rows) => {
        const { events, steps } = record(rows);
        return this.#record(events, steps)
          .andThen(() => connection.run('COMMIT'))
          .map(() => ({ rows }));
      })
      .orElse((error: RestoreError) =>
        connection
          .run('ROLLBACK')
          .orElse(() => okAsync({ changes: 0 }))
          .andThen(() => errAsync<{ rows: number }, RestoreError>(error)),
      );
    return connection
      .run('PRAGMA foreign_keys = OFF')
      .andThen(() => connection.run('ATTACH DATABASE ? AS migrate_safe_backup', [file]))
      .andThen(inTransaction)
      .andThen((done) => connection.run('DETACH DATABASE migrate_safe_backup').map(() => done))
      .orElse((error) =>
        connection
          .run('DETACH DATABASE migrate_safe_backup')
          .orElse(() => okAsync({ changes: 0 }))
          .andThen(() => errAsync(error)),
      );
  }
}

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
        const triggers = objects.filter((object) => object.type === 'trigger');
        const others = objects.filter((object) => object.type !== 'trigger');
        const prepare: ResultAsync<unknown, SqlError> =
          now.length === 0
            ? inOrder(others, ({ sql }) => connection.run(sql))
            : inOrder(triggers, (trigger) => connection.run(`DROP TRIGGER main.${quoted(trigger.name)}`)).andThen(() => connection.run(`DELETE FROM main.${name}`));
        return prepare
          .andThen(() => connection.run(`INSERT INTO main.${name} (${list}) SELECT ${list} FROM migrate_safe_backup.${name}`))
          .andThen(({ changes }) => inOrder(triggers, ({ sql }) => connection.run(sql)).map(() => changes));
      });
    });
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
const objectsOf = (connection: SqliteConnection, schema: string, table: string): ResultAsync<StoredObject[], SqlError> =>
  connection.all<StoredObject>(
    `SELECT type, name, sql FROM ${schema}.sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL ORDER BY type = 'table' DESC, rowid`,
    [table],
  );

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  JSON.stringify(a.map(folded).toSorted()) === JSON.stringify(b.map(folded).toSorted());

/** Rows without their parent, per table, among the tables and those that point at them. */
function orphansOf(connection: SqliteConnection, tables: readonly string[]): ResultAsync<ReadonlyMap<string, number>, SqlError> {
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
function noNewOrphans(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Result<void, RestoreError> {
  const worse = [...after].find(([table, n]) => n > (before.get(table) ?? 0));
  return worse === undefined ? ok(undefined) : err({ kind: 'foreign-keys-broken', table: worse[0], rows: worse[1] - (before.get(worse[0]) ?? 0) });
}
