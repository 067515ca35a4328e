// Table backups of a PostgreSQL database: the port, on the work connection and one more that is opened when it is needed.
import type { NotKept } from '../../../../core/ports/refusals.js';
import { err, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import type { RecordedEvent } from '../../../../core/events/envelope.js';
import type { AppliedStep } from '../../../../core/history/history.js';
import type { RowsAtStake } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { KeepTables, TableBackup, TableBackups } from '../../../../core/ports/table-backups.js';
import { compareText } from '../../../../core/schema/names.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { Declarations, StepWork } from '../../../../core/steps/migration-step.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import type { Moment } from '../inspect/moment.js';
import { nameOf, parseName, sqlName, type QualifiedName } from '../name.js';
import { discard, keptTables, listBackups, type KeptTable } from './catalogue.js';
import { differenceOf } from './compare-rows.js';
import { copyTables } from './copy-tables.js';
import { KnownGraph } from './known-graph.js';
import { leavesOf } from './leaves.js';
import { compareColumns, hasColumns } from './restore-tables.js';
import { readFacts, TEXT_SETTINGS } from './table-facts.js';
import { touchedBy } from './touched-by.js';
import { inTransactionOf, lookOf, refillTables, type RefillOptions, type RestoreError } from './transaction.js';

export interface TableBackupsOptions extends RefillOptions {
  readonly connect: () => ResultAsync<PostgresConnection, SqlError>;
  /** Told the number, without its epoch, of each transaction that makes copies. */
  readonly onKept: (transaction: number) => void;
  /**
   * What the database is known to have been when the transaction began that is open on `connection`; `at`: and to be
   * since, then.
   */
  readonly begun: (at?: Moment) => SchemaSnapshot | undefined;
}

export class PostgresTableBackups implements TableBackups {
  readonly #connection: PostgresConnection;
  readonly #options: TableBackupsOptions;
  readonly #graph = new KnownGraph();
  #copier: PostgresConnection | undefined;
  /** What was found to be touched last, and is yet to be copied: none of it is partitioned. */
  #touched: ReadonlySet<string> = new Set();
  #lockedAt: Moment | undefined;

  constructor(options: TableBackupsOptions) {
    this.#options = options;
    this.#connection = options.connection;
  }

  touchedBy(work: StepWork, declares: Declarations): ResultAsync<readonly string[], SqlError> {
    return this.#touchedBy(this.#options.begun(), work, declares).map((names) => {
      this.#touched = new Set(names);
      return names;
    });
  }

  touchedSince(work: StepWork, declares: Declarations): ResultAsync<readonly string[], SqlError> {
    const at = this.#lockedAt;
    return this.#touchedBy(at && this.#options.begun(at), work, declares);
  }

  #touchedBy(
    schema: SchemaSnapshot | undefined,
    work: StepWork,
    declares: Declarations,
  ): ResultAsync<readonly string[], SqlError> {
    return touchedBy(this.#connection, this.#graph, schema, work, declares).map((tables) => tables.map(nameOf));
  }

  keep({ tables, ...request }: KeepTables): ResultAsync<TableBackup, SqlError> {
    const names = tables.map(parseName);
    const arePlain = tables.every((table) => this.#touched.has(table));
    this.#touched = new Set();
    const all = arePlain ? okAsync(inOneOrder(names)) : withRows(this.#connection, names);
    return all.andThen((found) => this.#keep(found, request));
  }

  #keep(tables: readonly QualifiedName[], request: Omit<KeepTables, 'tables'>): ResultAsync<TableBackup, SqlError> {
    return this.#copying().andThen((copier) => {
      const abort = (): void => void this.close();
      request.signal.addEventListener('abort', abort, { once: true });
      const { onKept } = this.#options;
      const onLocked = (at: Moment): void => void (this.#lockedAt = at);
      this.#lockedAt = undefined;
      const done = copyTables({ work: this.#connection, copier, request, tables, onKept, onLocked });
      const ended = <T>(result: T): T => {
        request.signal.removeEventListener('abort', abort);
        return result;
      };
      return done.map(ended).mapErr((error) => {
        if (error.kind === 'connection-lost') this.#copier = undefined;
        return ended(error);
      });
    });
  }

  list(databaseId: string): ResultAsync<readonly TableBackup[], SqlError> {
    return listBackups(this.#connection, databaseId);
  }

  discard(ids: readonly string[]): ResultAsync<void, SqlError> {
    return discard(this.#connection, ids);
  }

  atStake(id: string, tables: readonly string[]): ResultAsync<readonly RowsAtStake[], SqlError> {
    const connection = this.#connection;
    return inTransactionOf(connection, 'BEGIN READ ONLY', () =>
      safeTry(async function* () {
        yield* connection.run(TEXT_SETTINGS);
        const copies = yield* chosen(connection, yield* keptTables(connection, id), tables);
        const there = yield* readFacts(connection, copies);
        const comparable = copies.filter((copy) => there.some((table) => hasColumns(table, copy)));
        const stakes = yield* inOrder(comparable, (table) =>
          differenceOf(connection, table).map((difference) => ({ table: nameOf(table), ...difference })),
        );
        return ok(stakes.filter(({ written, deleted }) => written + deleted > 0));
      }),
    );
  }

  fits(id: string, tables: readonly string[]): ResultAsync<void, RestoreError> {
    return lookOf(this.#connection, () => copiesFor(this.#connection, id, tables).map(() => undefined));
  }

  restoreTables<K, E>(
    id: string,
    tables: readonly string[],
    keep: () => ResultAsync<K, E>,
    record: (
      rows: number,
      kept: K,
    ) => { readonly events: readonly RecordedEvent[]; readonly steps: readonly AppliedStep[] },
  ): ResultAsync<{ readonly rows: number; readonly kept: K }, RestoreError | NotKept<E>> {
    const copies = (): ResultAsync<readonly KeptTable[], RestoreError> => copiesFor(this.#connection, id, tables);
    return refillTables(this.#options, copies, keep, record);
  }

  /** Closes the connection for copies, if there is one. */
  close(): ResultAsync<void, SqlError> {
    const copier = this.#copier;
    this.#copier = undefined;
    return copier === undefined ? okAsync(undefined) : copier.close();
  }

  #copying(): ResultAsync<PostgresConnection, SqlError> {
    if (this.#copier !== undefined) return okAsync(this.#copier);
    return this.#options.connect().map((copier) => {
      this.#copier = copier;
      return copier;
    });
  }
}

/** The copies that are meant, each of a table that it fits. */
function copiesFor(
  connection: PostgresConnection,
  id: string,
  tables: readonly string[],
): ResultAsync<readonly KeptTable[], RestoreError> {
  return safeTry(async function* () {
    const kept = yield* keptTables(connection, id);
    const copies: KeptTable[] = [];
    for (const table of tables) {
      const found = yield* chosen(connection, kept, [table]);
      if (found.length === 0) return err({ kind: 'table-not-in-backup', table } as const);
      copies.push(...found.filter((copy) => !copies.includes(copy)));
    }
    yield* await compareColumns(connection, copies);
    return ok(copies);
  });
}

/** Names as people give them; a partitioned table stands for its partitions. */
function chosen(
  connection: PostgresConnection,
  kept: readonly KeptTable[],
  tables: readonly string[],
): ResultAsync<readonly KeptTable[], SqlError> {
  return inOrder(tables, (table) => {
    const exact = kept.filter((copy) => nameOf(copy) === table);
    const meant = exact.length > 0 ? exact : kept.filter((copy) => nameOf(copy).toLowerCase() === table.toLowerCase());
    if (meant.length > 0) return okAsync(meant);
    return withRows(connection, [parseName(table)]).map((found) =>
      kept.filter((copy) => found.some((one) => same(one, copy))),
    );
  }).map((found) => [...new Set(found.flat())]);
}

const same = (a: QualifiedName, b: QualifiedName): boolean => a.schema === b.schema && a.name === b.name;

/** For a partitioned table its partitions. What is not there is as it is said. */
function withRows(
  connection: PostgresConnection,
  tables: readonly QualifiedName[],
): ResultAsync<readonly QualifiedName[], SqlError> {
  return leavesOf(connection, tables).map((rows) => {
    const parents = new Set(rows.map(({ parent }) => parent));
    const plain = tables.filter((table) => !parents.has(sqlName(table)));
    return inOneOrder([...plain, ...rows]);
  });
}

/** For all who lock more than one. */
function inOneOrder(tables: readonly QualifiedName[]): readonly QualifiedName[] {
  const all = new Map(tables.map(({ schema, name }) => [sqlName({ schema, name }), { schema, name }]));
  return [...all].toSorted(([a], [b]) => compareText(a, b)).map(([, table]) => table);
}
