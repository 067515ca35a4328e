// The DAO of an append-only table: adds rows to its chain of hashes.
import { err, errAsync, ok, okAsync, type Result, ResultAsync } from 'neverthrow';
import type { ChainHead } from '../core/journal/hash-chain.js';
import type { AppDatabase } from './app-database.js';
import type { Script } from './app/flavour.js';
import type { Failed, ReadError, WriteError } from './dao-error.js';
import { linked, rowBreak } from './query/row-chain.js';
import { created } from './query/stamps.js';
import * as write from './query/write.js';
import { ReadOnlyAppendOnlyDao } from './read-only-append-only-dao.js';
import { sendMany } from './send-many.js';
import type { AnyAppendOnlyTable } from './table/append-only-table.js';
import type { RawRow } from './table/compiled-table.js';
import type { NewRow, Row } from './table/table.js';
import { UnitOfWork } from './unit-of-work.js';

/**
 * Appends to one table, and reads it. Nothing in it can change or remove a row.
 * @example
 * class ChainOfCustodyDao extends AppendOnlyDao<typeof ChainOfCustody> {
 *   constructor(database: AppDatabase) {
 *     super(database, ChainOfCustody);
 *   }
 * }
 */
export class AppendOnlyDao<T extends AnyAppendOnlyTable> extends ReadOnlyAppendOnlyDao<T> {
  readonly #unitOfWork: UnitOfWork;

  constructor(database: AppDatabase, table: T) {
    super(database, table);
    this.#unitOfWork = new UnitOfWork(this.connections);
  }

  /** Adds the row behind the last one, and gives it back with its place in the chain. */
  append(row: NewRow<T>): ResultAsync<Row<T>, WriteError> {
    const { compiled } = this;
    return this.#behindHead([row], (head, rows) =>
      compiled
        .encodable(() => rows.map((one) => write.insert(compiled, one)))
        .asyncAndThen(([script]) => (script === undefined ? okAsync([]) : this.#written(script)))
        .andThen((raw) => compiled.reader(compiled.columns).decoded(raw))
        .andThen(([kept]) => this.#asGiven(head, kept))
        .andThen((kept) => compiled.reader(compiled.columns).checked([kept])),
    ).map(([kept]) => kept as Row<T>);
  }

  /** Adds all of them or none, in their order; gives back where the chain ends now. */
  appendMany(rows: readonly NewRow<T>[]): ResultAsync<ChainHead, WriteError> {
    return this.#behindHead(rows, (head, all) =>
      this.#all(all)
        .andThen(() => this.walk(head))
        .mapErr((error) => (error.kind === 'chain-broken' ? this.#keptOtherwise(error.position) : error)),
    );
  }

  /** In a unit of work, so that head and rows fit, and in turn, so that no two appenders find the same head. */
  #behindHead<R>(
    rows: readonly object[],
    append: (head: ChainHead, rows: readonly RawRow[]) => ResultAsync<R, WriteError>,
  ): ResultAsync<R, WriteError> {
    const checked: RawRow[] = [];
    for (const [at, row] of rows.entries()) {
      const one = this.compiled.inserted(created(this.table, row, this.connections.now), at);
      if (one.isErr()) return errAsync(one.error);
      checked.push(one.value);
    }
    const work = (): ResultAsync<R, WriteError> =>
      this.#turn()
        .andThen(() => this.head())
        .andThen((head) =>
          this.compiled
            .encodable(() => linked(this.compiled, head, checked))
            .asyncAndThen((links) => append(head, links)),
        );
    return this.#unitOfWork.run(work, { isolation: 'read-committed' });
  }

  #turn(): ResultAsync<unknown, ReadError> {
    const script = this.compiled.flavour.turn(this.compiled.sql);
    return script === undefined ? okAsync(undefined) : this.run(ok(script));
  }

  #all(rows: readonly RawRow[]): ResultAsync<void, WriteError> {
    return write.insertMany(this.compiled, rows).asyncAndThen((next) => {
      const sent = sendMany<WriteError>(next, (script) => this.#written(script).map(({ length }) => length));
      return new ResultAsync(sent).map(() => undefined);
    });
  }

  #written({ sql, values }: Script): ResultAsync<RawRow[], WriteError> {
    return this.connections
      .use((connection) => connection.query(sql, values, 'rows'), { table: this.compiled.name, doing: 'write' })
      .map(({ rows }) => rows)
      .mapErr((error) =>
        error.kind === 'unique-violation' && error.columns.includes('position')
          ? { kind: 'serialization-failure', message: `another row was appended meanwhile: ${error.message}` }
          : error,
      );
  }

  /** What the table keeps must be what was hashed: a column that rounds or pads would look like an edit ever after. */
  #asGiven(head: ChainHead, row: RawRow | undefined): Result<RawRow, Failed> {
    return row === undefined || rowBreak(this.compiled, head, row) !== undefined
      ? err(this.#keptOtherwise(head.position + 1))
      : ok(row);
  }

  #keptOtherwise(position: number): Failed {
    const { name } = this.compiled;
    return {
      kind: 'failed',
      code: '',
      message: `${name} would keep row ${position} otherwise than it was given: the types of its columns do not fit the declaration, or a trigger changes them`,
    };
  }
}
