// A DAO: all that an application does with the rows of one table, typed by its declaration, every outcome a value.
import { err, errAsync, ok, okAsync, Result, ResultAsync } from 'neverthrow';
import type { AppDatabase } from './app-database.js';
import type { Script } from './app/flavour.js';
import type { DaoError, InvalidRow, NotFound, ReadError, StaleVersion, WriteError } from './dao-error.js';
import { keyValues, type Removed } from './query/select.js';
import type { Where } from './query/where.js';
import { asksNothing } from './query/compile-where.js';
import { conflictOf } from './query/conflict.js';
import * as stamps from './query/stamps.js';
import * as write from './query/write.js';
import { ReadOnlyDao } from './read-only-dao.js';
import { sendMany, type Making } from './send-many.js';
import type { RawRow } from './table/compiled-table.js';
import type { AnyTable, Changes, Columns, IsVersioned, Key, NewRow, Row } from './table/table.js';
import { UnitOfWork } from './unit-of-work.js';

/** The version that the row was read with; tables that have a version column ask for it. */
export type Expecting<T extends AnyTable> =
  IsVersioned<T> extends true ? [options: { readonly version: number }] : [options?: { readonly version?: never }];

/** Which constraint decides, and what becomes of a row that is there. */
export interface UpsertOptions<T extends AnyTable> {
  /** The columns of the unique constraint that decides; the primary key where it is left out. */
  readonly onConflict?: readonly Columns<T>[];
  /** What is changed of a row that is there already, but for its key; all that was given where it is left out. */
  readonly update?: readonly Columns<T>[];
}

/**
 * Reads and writes the rows of one table. Extend it with what your application asks for.
 * @example
 * class CompletionRequestsDao extends Dao<typeof CompletionRequests> {
 *   constructor(database: AppDatabase) {
 *     super(database, CompletionRequests);
 *   }
 *   ofModel(model: string) {
 *     return this.list({ where: { model }, orderBy: [['started_at', 'desc']] });
 *   }
 * }
 */
export class Dao<T extends AnyTable> extends ReadOnlyDao<T> {
  readonly #unitOfWork: UnitOfWork;

  constructor(database: AppDatabase, table: T) {
    super(database, table);
    if (table.appendOnly) throw new TypeError(`table ${table.name} is append-only: its DAO is an AppendOnlyDao`);
    this.#unitOfWork = new UnitOfWork(this.connections);
  }

  /** Gives back the row as it is in the table, with what the database filled in. */
  insert(row: NewRow<T>): ResultAsync<Row<T>, WriteError> {
    return this.compiled
      .inserted(this.#created(row))
      .andThen((values) => this.compiled.encodable(() => write.insert(this.compiled, values)))
      .asyncAndThen((script) => this.#written(script))
      .andThen(([made]) => (made === undefined ? err(this.#nothingBack()) : ok(made as Row<T>)));
  }

  /** All of them or none, thousands in one statement; gives back how many. */
  insertMany(rows: readonly NewRow<T>[]): ResultAsync<number, WriteError> {
    return this.#scripts(rows).asyncAndThen((next) => {
      const ahead = [next(), next()];
      const [first, second] = ahead;
      if (first && second?.isOk() && second.value === undefined)
        return first.asyncAndThen((only) => (only === undefined ? okAsync(0) : this.#changed(ok(only))));
      return this.#unitOfWork.run(() =>
        sendMany<WriteError>(
          () => ahead.shift() ?? next(),
          (script) => this.#changed(ok(script)),
        ),
      );
    });
  }

  /** Inserts the row, or changes the one that is there; one that was removed is there again. */
  upsert(row: NewRow<T>, options: UpsertOptions<T> = {}): ResultAsync<Row<T>, WriteError> {
    return this.compiled
      .inserted(this.#created(row))
      .andThen((values) => conflictOf(this.compiled, values, row, options).map((conflict) => ({ values, conflict })))
      .andThen(({ values, conflict }) => this.compiled.encodable(() => write.insert(this.compiled, values, conflict)))
      .asyncAndThen((script) => this.#written(script))
      .andThen(([made]) => (made === undefined ? err(this.#nothingBack()) : ok(made as Row<T>)));
  }

  /** Changes the row of a key, and gives it back as it is now. */
  update(
    key: Key<T>,
    changes: Changes<T>,
    ...[options]: Expecting<T>
  ): ResultAsync<Row<T>, WriteError | NotFound | StaleVersion> {
    return this.#prepared(key, changes, options?.version)
      .andThen((update) => this.compiled.encodable(() => write.updateByKey(this.compiled, update)))
      .asyncAndThen((script) => this.#written(script))
      .andThen(([row]) => (row === undefined ? this.#missing(key, options?.version) : okAsync(row as Row<T>)));
  }

  /** Changes every row that the condition finds, `'all'` meaning every row; gives back how many. */
  updateMany(where: Where<T> | 'all', changes: Changes<T>): ResultAsync<number, WriteError> {
    return this.#condition(where)
      .andThen(() => this.#changes(changes))
      .andThen((values) => this.compiled.encodable(() => write.updateWhere(this.compiled, where, values)))
      .andThen((script) => script)
      .asyncAndThen((script) => this.#changed(ok(script)));
  }

  /** Removes the row of a key; with soft delete it is kept, marked as removed. */
  remove(key: Key<T>, ...[options]: Expecting<T>): ResultAsync<void, WriteError | NotFound | StaleVersion> {
    const version = options?.version;
    const isKept = this.table.options.softDelete !== undefined;
    return this.#keyed(key, version)
      .asyncAndThen((values) =>
        isKept
          ? this.#written(write.updateByKey(this.compiled, { key: values, changes: this.#removal(), version })).map(
              ({ length }) => length,
            )
          : this.#changed(ok(write.deleteByKey(this.compiled, values, version))),
      )
      .andThen((removed) => (removed === 0 ? this.#missing(key, version) : okAsync(undefined)));
  }

  /** Takes back a removal, where the table has soft delete. */
  restore(key: Key<T>, ...[options]: Expecting<T>): ResultAsync<Row<T>, WriteError | NotFound | StaleVersion> {
    const version = options?.version;
    if (this.table.options.softDelete === undefined)
      return errAsync(this.compiled.refused('what is removed is gone: the table has no soft delete'));
    const changes = stamps.removal(this.table, null, this.connections.now());
    return this.#keyed(key, version)
      .map((values) => write.updateByKey(this.compiled, { key: values, changes, version, removed: 'only' }))
      .asyncAndThen((script) => this.#written(script))
      .andThen(([row]) => (row === undefined ? this.#missing(key, version, 'only') : okAsync(row as Row<T>)));
  }

  /** Removes every row that the condition finds; gives back how many. */
  removeMany(where: Where<T> | 'all'): ResultAsync<number, WriteError> {
    return this.#condition(where)
      .andThen(() =>
        this.table.options.softDelete === undefined
          ? write.deleteWhere(this.compiled, where)
          : write.updateWhere(this.compiled, where, this.#removal()),
      )
      .asyncAndThen((script) => this.#changed(ok(script)));
  }

  #written(script: Script): ResultAsync<RawRow[], WriteError> {
    const { name, columns } = this.compiled;
    return this.connections
      .use((connection) => connection.query(script.sql, script.values, 'rows'), { table: name, doing: 'write' })
      .andThen(({ rows }) => this.compiled.reader(columns).read(rows));
  }

  #changed(script: Result<Script, WriteError>): ResultAsync<number, WriteError> {
    return script.asyncAndThen(({ sql, values }) =>
      this.connections
        .use((connection) => connection.query(sql, values, 'changes'), { table: this.compiled.name, doing: 'write' })
        .map(({ changes }) => changes),
    );
  }

  /** With what the DAO keeps itself. */
  #created(row: object): object {
    return stamps.created(this.table, row, this.connections.now);
  }

  #removal(): RawRow {
    const now = this.connections.now();
    return stamps.removal(this.table, now, now);
  }

  #touched(): RawRow {
    return stamps.touched(this.table, this.connections.now());
  }

  #changes(changes: object): Result<RawRow, WriteError> {
    return this.compiled
      .changed(changes)
      .andThen((values) =>
        Object.values(values).every((value) => value === undefined)
          ? err(this.compiled.refused('there is nothing to change'))
          : ok({ ...values, ...this.#touched() }),
      );
  }

  #prepared(key: unknown, changes: object, version: number | undefined): Result<write.Update, WriteError> {
    return this.#keyed(key, version).andThen((values) =>
      this.#changes(changes).map((set) => ({ key: values, changes: set, version })),
    );
  }

  #keyed(key: unknown, version: number | undefined): Result<readonly unknown[], WriteError> {
    const isVersioned = this.table.options.version !== undefined;
    if (isVersioned && !Number.isSafeInteger(version))
      return err(this.compiled.refused('a write by key names the version that the row was read with'));
    if (!isVersioned && version !== undefined)
      return err(this.compiled.refused('a version is named, but the table has none'));
    return keyValues(this.compiled, key);
  }

  #condition(where: object | 'all'): Result<void, WriteError> {
    if (where !== 'all' && (typeof where !== 'object' || where === null || asksNothing(where)))
      return err(this.compiled.refused("the condition is empty; write 'all' if every row is meant"));
    return ok(undefined);
  }

  /** Why no row was there to write to. */
  #missing(
    key: Key<T>,
    version: number | undefined,
    removed: Removed = 'exclude',
  ): ResultAsync<never, ReadError | NotFound | StaleVersion> {
    if (version === undefined) return errAsync(this.notFound(key));
    return this.rowOf(key, removed).andThen(() =>
      errAsync<never, StaleVersion>({ kind: 'stale-version', table: this.compiled.name, key, expected: version }),
    );
  }

  /** What makes the statements that insert `rows`, all of which are checked. */
  #scripts(rows: readonly object[]): Result<Making<InvalidRow>, WriteError> {
    const checked: RawRow[] = [];
    for (const [at, row] of rows.entries()) {
      const one = this.compiled.inserted(this.#created(row), at);
      if (one.isErr()) return err(one.error);
      checked.push(one.value);
    }
    return write.insertMany(this.compiled, checked);
  }

  #nothingBack(): DaoError & { readonly kind: 'failed' } {
    return { kind: 'failed', code: '', message: `${this.compiled.name} gave no row back: a trigger or a rule kept it` };
  }
}
