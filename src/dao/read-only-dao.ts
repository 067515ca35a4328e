// The reading half of a DAO: nothing in it can write, and it is all that a read-only database gives.
import type { Knex } from 'knex';
import { err, errAsync, ok, Result, ResultAsync } from 'neverthrow';
import type * as z from 'zod';
import type { Connections } from './app/connections.js';
import type { Script } from './app/flavour.js';
import { connectionsOf, type ReadOnlyDatabase } from './app-database.js';
import { readError, type NotFound, type ReadError } from './dao-error.js';
import { askRows, type NamedQuery, type ParamsOf } from './named-query.js';
import {
  aggregates,
  type Aggregates,
  type AggregateQuery,
  type AggregateRow,
  compileAggregate,
} from './query/aggregate.js';
import { cursorOf, sortColumns, totalOrder, type Cursor } from './query/keyset.js';
import type { OrderByColumns } from './query/order-by.js';
import { keyCondition, liveness, select, type Removed, type Selection } from './query/select.js';
import { Statement } from './query/statement.js';
import type { Where } from './query/where.js';
import { compiled, type CompiledColumn, type CompiledTable, type RawRow } from './table/compiled-table.js';
import type { AnyTable, Columns, Key, Row } from './table/table.js';

/** Which rows are meant. */
export interface Filter<T extends AnyTable> {
  /** Without a condition every row. */
  readonly where?: Where<T>;
  /** Of a table with soft delete: whether rows that are removed are there; without a word they are not. */
  readonly removed?: Removed;
}
/** Which rows, in which order, how many of them, and which of their columns. */
export interface ListQuery<T extends AnyTable, C extends Columns<T> = Columns<T>> extends Filter<T> {
  readonly orderBy?: OrderByColumns<T>;
  readonly limit?: number;
  /** Only these columns. */
  readonly select?: readonly C[];
}
/** Which rows, in which order, and which page of them. */
export interface PageQuery<T extends AnyTable> extends Filter<T> {
  /** By the key where it is left out; the key decides in any case where nothing else does. */
  readonly orderBy?: OrderByColumns<T>;
  /** Rows a page. */
  readonly size: number;
  /** `next` of the page before. */
  readonly after?: Cursor | string;
}
/** One page of rows, and what asks for the next. */
export interface Page<T extends AnyTable> {
  readonly rows: readonly Row<T>[];
  /** Undefined where there is nothing behind. */
  readonly next: Cursor | undefined;
}

const STREAMED_AT_ONCE = 500;

/** Reads the rows of one table. */
export class ReadOnlyDao<T extends AnyTable> {
  /** The table's declaration. */
  readonly table: T;
  protected readonly connections: Connections;
  protected readonly compiled: CompiledTable;

  constructor(database: ReadOnlyDatabase, table: T) {
    this.table = table;
    this.connections = connectionsOf(database);
    this.compiled = compiled(table, this.connections.flavour);
  }

  /** The row of a key. */
  get(key: Key<T>): ResultAsync<Row<T>, ReadError | NotFound> {
    return this.rowOf(key, 'exclude');
  }

  /** The first row that the query finds, if there is one. */
  find<C extends Columns<T> = Columns<T>>(
    query: Omit<ListQuery<T, C>, 'limit'>,
  ): ResultAsync<Pick<Row<T>, C> | undefined, ReadError> {
    return this.list({ ...query, limit: 1 }).map(([row]) => row);
  }

  /** All rows that the query finds, at once: see `page` and `stream` for many. */
  list<C extends Columns<T> = Columns<T>>(query: ListQuery<T, C> = {}): ResultAsync<Pick<Row<T>, C>[], ReadError> {
    const { orderBy = [], select: names, ...filter } = query;
    return this.#columns(names).asyncAndThen((columns) => {
      const script = sortColumns(this.compiled, orderBy).andThen((order) =>
        this.#select(columns, { ...filter, order }),
      );
      return this.read(script, columns).map((rows) => rows as Pick<Row<T>, C>[]);
    });
  }

  /** One page after another in a fixed order, each as fast as the first. */
  page({ orderBy = [], size, ...filter }: PageQuery<T>): ResultAsync<Page<T>, ReadError> {
    if (!(Number.isSafeInteger(size) && size >= 1))
      return errAsync(this.compiled.refused('a page has at least one row'));
    return totalOrder(this.compiled, orderBy).asyncAndThen((order) => {
      const { columns } = this.compiled;
      // One more than asked tells whether there is another page.
      return this.run(this.#select(columns, { ...filter, order, limit: size + 1 })).andThen((raw) => {
        const last = raw.length > size ? raw[size - 1] : undefined;
        const next = last === undefined ? undefined : cursorOf(this.compiled, order, last);
        return this.compiled
          .reader(columns)
          .read(raw.slice(0, size))
          .map((rows): Page<T> => ({ rows: rows as readonly object[] as readonly Row<T>[], next }));
      });
    });
  }

  /**
   * Every row that the query finds, in constant memory: read page by page, in the order of the key unless it says
   * otherwise. Ends with the first error. Inside of a unit of work with `repeatable-read` it is of one moment.
   * @example
   * for await (const row of requests.stream()) {
   *   if (row.isErr()) return err(row.error);
   *   write(row.value);
   * }
   */
  async *stream(
    query: Filter<T> & { readonly orderBy?: OrderByColumns<T> } = {},
  ): AsyncGenerator<Result<Row<T>, ReadError>> {
    let after: Cursor | undefined;
    do {
      const page = await this.page({ ...query, size: STREAMED_AT_ONCE, ...(after === undefined ? {} : { after }) });
      if (page.isErr()) return yield err(page.error);
      for (const row of page.value.rows) yield ok(row);
      after = page.value.next;
    } while (after !== undefined);
  }

  /** How many rows there are. */
  count(filter: Filter<T> = {}): ResultAsync<number, ReadError> {
    return this.run(select(this.compiled, 'count(*) AS n', filter)).map(([row]) => Number(row?.['n'] ?? 0));
  }

  /** Whether there is one; reads no more than one. */
  exists(filter: Filter<T> = {}): ResultAsync<boolean, ReadError> {
    return this.run(select(this.compiled, '1 AS n', { ...filter, limit: 1 })).map((rows) => rows.length > 0);
  }

  /**
   * Figures over rows, by group where groups are asked for.
   * @example
   * requests.aggregate({ groupBy: ['model'], select: (a) => ({ requests: a.count(), tokens: a.sum('prompt_tokens') }) })
   */
  aggregate<A extends Aggregates, G extends Columns<T> = never>(
    query: AggregateQuery<T, A, G>,
  ): ResultAsync<AggregateRow<T, A, G>[], ReadError> {
    const asked = query.select(aggregates<T>());
    return compileAggregate(this.compiled, { ...query, asked }).asyncAndThen(({ script, decode }) =>
      this.run(ok(script))
        .andThen((rows) => Result.combine(rows.map(decode)))
        .map((rows) => rows as AggregateRow<T, A, G>[]),
    );
  }

  /**
   * A query of your own, written with knex; its rows are checked by `row`. It runs on the connection of the unit of work
   * that it is called in.
   * @example
   * requests.query(z.object({ day: z.string(), n: z.coerce.number() }), (knex) =>
   *   knex('completion_requests').select(knex.raw('date(started_at) AS day')).count({ n: '*' }).groupBy('day'))
   */
  query<R extends z.ZodType>(
    row: R,
    build: (knex: Knex) => Knex.QueryBuilder | Knex.Raw,
  ): ResultAsync<z.output<R>[], ReadError> {
    return askRows(this.connections, this.compiled.name, row, build);
  }

  /** Runs a query that has a name, on the connection of the unit of work that it is called in. */
  ask<R extends z.ZodType, P>(query: NamedQuery<R, P>, ...params: ParamsOf<P>): ResultAsync<z.output<R>[], ReadError> {
    return askRows(this.connections, query.query, query.row, (knex) => query.build(knex, params[0] as P));
  }

  protected rowOf(key: Key<T>, removed: Removed): ResultAsync<Row<T>, ReadError | NotFound> {
    const statement = new Statement(this.compiled.flavour);
    const script = keyCondition(this.compiled, key, statement).map((condition) => {
      const alive = liveness(this.compiled, removed);
      const { sql } = this.compiled.reader(this.compiled.columns);
      return statement.ended(
        `SELECT ${sql} FROM ${this.compiled.sql} WHERE ${condition}${alive === 'TRUE' ? '' : ` AND ${alive}`}`,
      );
    });
    return this.read(script, this.compiled.columns).andThen(([row]) =>
      row === undefined ? err(this.notFound(key)) : ok(row as Row<T>),
    );
  }

  protected notFound(key: unknown): NotFound {
    return { kind: 'not-found', table: this.compiled.name, key };
  }

  /** Runs a statement and reads its rows as rows of the table. */
  protected read(
    script: Result<Script, ReadError>,
    columns: readonly CompiledColumn[],
  ): ResultAsync<RawRow[], ReadError> {
    return this.run(script).andThen((rows) => this.compiled.reader(columns).read(rows));
  }

  protected run(script: Result<Script, ReadError>): ResultAsync<RawRow[], ReadError> {
    return script.asyncAndThen((asked) => new ResultAsync(this.#answered(asked)));
  }

  /** Not by `map` and `mapErr`: what those leave behind holds on to the rows of every page of a stream, some fifty megabytes. */
  async #answered({ sql, values }: Script): Promise<Result<RawRow[], ReadError>> {
    const answer = await this.connections.use((connection) => connection.query(sql, values, 'rows'), {
      table: this.compiled.name,
      doing: 'read',
    });
    return answer.isOk() ? ok(answer.value.rows) : err(readError(answer.error));
  }

  #select(columns: readonly CompiledColumn[], selection: Selection): Result<Script, ReadError> {
    return select(this.compiled, this.compiled.reader(columns).sql, selection);
  }

  #columns(names: readonly string[] | undefined): Result<readonly CompiledColumn[], ReadError> {
    if (names === undefined) return ok(this.compiled.columns);
    const columns: CompiledColumn[] = [];
    for (const name of names) {
      const column = this.compiled.column(name);
      if (column.isErr()) return err(column.error);
      columns.push(column.value);
    }
    return columns.length === 0 ? err(this.compiled.refused('select names at least one column')) : ok(columns);
  }
}
