// Copies tables into schema `migrate_safe_backup` on a connection of its own: what it commits stays, whatever becomes of the step.
import { err, errAsync, ok, okAsync, ResultAsync, safeTry } from 'neverthrow';
import type { QueryResult } from 'pg';
import type { TableCopy } from '../../../../core/ports/backup-store.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { KeepTables, TableBackup } from '../../../../core/ports/table-backups.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { MOMENT } from '../inspect/known-schema.js';
import { momentOf, type Moment } from '../inspect/moment.js';
import { nameOf, quoted, sqlName, type QualifiedName } from '../name.js';
import { namingBlockers } from '../step/blockers.js';
import { discard } from './catalogue.js';
import { raiseLayout } from './layout.js';
import { keptColumn, readFacts, readSequence, TEXT_SETTINGS, type TableFacts } from './table-facts.js';

/** How often the locks are tried for, each time as long as the transaction's `lock_timeout` lets it. */
const TRIES = 10;
const PAUSE_MS = 100;
/** Each new table takes several of the locks that a server has room for. */
const BATCH = 200;
const COPIER_LOCK_TIMEOUT = `SET LOCAL lock_timeout = '2s'`;

export interface Copying {
  /** Where the step's transaction is open. */
  readonly work: PostgresConnection;
  readonly copier: PostgresConnection;
  readonly request: Omit<KeepTables, 'tables'>;
  readonly tables: readonly QualifiedName[];
  readonly onKept: (transaction: number) => void;
  /** Told what can be seen since the tables are locked. */
  readonly onLocked: (at: Moment) => void;
  readonly tries?: number;
}

/** All tables or none. The transaction on `work` is as it was, but for the locks. */
export function copyTables(copying: Copying): ResultAsync<TableBackup, SqlError> {
  const { copier, request, tables, onKept } = copying;
  const { lock, signal: _, replaces, ...backup } = request;
  const begun = lock === 'transaction' ? lockBoth(copying, 1) : beginAtOneMoment(copier);
  return begun
    .andThen(() =>
      safeTry<TableBackup, SqlError>(async function* () {
        yield* recordBackup(copier, request);
        const facts = yield* readFacts(copier, tables);
        if (facts.length < tables.length) return err(notAllTables(tables, facts));
        const copies = yield* inOrder(facts, (table, at) =>
          (at > 0 && at % BATCH === 0 && lock === 'transaction' ? nextBatch(copying) : okAsync(undefined)).andThen(() =>
            copyTable(copier, request.id, table, at + 1),
          ),
        );
        if (replaces !== undefined) yield* discard(copier, [replaces]);
        onKept(yield* numberOf(copier));
        yield* copier.run('COMMIT');
        return ok({ ...backup, tables: copies });
      }),
    )
    .orElse((error) =>
      rolledBack(copier)
        .andThen(() => (tables.length > BATCH ? discard(copier, [request.id]) : okAsync(undefined)))
        .orElse(() => okAsync(undefined))
        .andThen(() => errAsync(error)),
    );
}

/** Under the step's own locks the copies may be committed a part at a time. */
const nextBatch = ({ copier, onKept }: Copying): ResultAsync<unknown, SqlError> =>
  numberOf(copier)
    .map(onKept)
    .andThen(() => inOrder(['COMMIT', 'BEGIN', COPIER_LOCK_TIMEOUT, TEXT_SETTINGS], (sql) => copier.run(sql)));

/** Of the transaction that is open. */
const numberOf = (copier: PostgresConnection): ResultAsync<number, SqlError> =>
  copier
    .query<{ number: number }>(`SELECT pg_catalog.pg_current_xact_id()::xid::text::bigint AS number`)
    .map(({ rows: [row] }) => row?.number ?? 0);

const notAllTables = (wanted: readonly QualifiedName[], found: readonly QualifiedName[]): SqlError => ({
  kind: 'missing-object',
  code: '',
  message: `of ${wanted.map(nameOf).join(', ')} only ${found.map(nameOf).join(', ') || 'none'} can be copied`,
});

const rolledBack = (copier: PostgresConnection): ResultAsync<unknown, never> =>
  copier.run('ROLLBACK').orElse(() => okAsync({ changes: 0 }));

/** What copies are kept in is made before anything is locked. */
const begin = (copier: PostgresConnection, isolation: string): ResultAsync<void, SqlError> =>
  inOrder([`BEGIN ISOLATION LEVEL ${isolation}`, COPIER_LOCK_TIMEOUT, TEXT_SETTINGS], (sql) => copier.run(sql)).andThen(
    () => raiseLayout(copier),
  );

const beginAtOneMoment = (copier: PostgresConnection): ResultAsync<unknown, SqlError> =>
  begin(copier, 'REPEATABLE READ');

/**
 * The copier's right to read comes first. It could not get it any more behind somebody who waits for the step's lock to
 * alter a table, and the server would not see that the step waits for the copier.
 */
function lockBoth(copying: Copying, attempt: number): ResultAsync<unknown, SqlError> {
  const { work, copier, request, tables, tries = TRIES } = copying;
  const names = tables.map((table) => `ONLY ${sqlName(table)}`).join(', ');
  return inOrder(
    [
      () => begin(copier, 'READ COMMITTED'),
      // Each of the two looks who is in the way of the other.
      () => namingBlockers(copier.run(`LOCK TABLE ${names} IN ACCESS SHARE MODE`), copier, () => okAsync(work)),
      () => namingBlockers(lockForWork(copying, names), work, () => okAsync(copier)),
    ],
    (statement): ResultAsync<unknown, SqlError> => statement(),
  ).orElse((error) => {
    if (error.kind !== 'busy' || attempt === tries || request.signal.aborted) return errAsync(error);
    return rolledBack(copier)
      .andThen(() => ResultAsync.fromSafePromise(pause()))
      .andThen(() => lockBoth(copying, attempt + 1));
  });
}

const lockForWork = ({ work, onLocked }: Copying, names: string): ResultAsync<unknown, SqlError> =>
  work
    .query(`SAVEPOINT ${PLACE}; LOCK TABLE ${names} IN SHARE ROW EXCLUSIVE MODE; RELEASE SAVEPOINT ${PLACE}; ${MOMENT}`)
    .map((done: unknown) => {
      // The driver gives as many results as there are statements.
      const [row] = (done as readonly QueryResult<{ at: string }>[]).at(-1)?.rows ?? [];
      onLocked(momentOf(row?.at ?? ''));
    })
    .orElse((error) =>
      work
        .query(`ROLLBACK TO SAVEPOINT ${PLACE}; RELEASE SAVEPOINT ${PLACE}`)
        .orElse(() => okAsync(undefined))
        .andThen(() => errAsync(error)),
    );
const PLACE = 'migrate_safe_tables';

/** Others that wait for the same tables get their turn, and not all at once. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS * (1 + Math.random())));

const recordBackup = (copier: PostgresConnection, request: Copying['request']): ResultAsync<unknown, SqlError> =>
  copier.query(
    `INSERT INTO migrate_safe_backup.backups
       (id, database_id, run_id, component, version, direction, reason, journal_position, journal_hash, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      request.id,
      request.databaseId,
      request.reason.runId,
      request.reason.component ?? null,
      request.reason.version ?? null,
      request.reason.direction ?? null,
      request.reason.kind,
      request.journal.position,
      request.journal.hash,
      request.createdAt,
    ],
  );

function copyTable(
  copier: PostgresConnection,
  id: string,
  table: TableFacts,
  number: number,
): ResultAsync<TableCopy, SqlError> {
  const copy = `copy_${id.toLowerCase().replaceAll(/[^a-z0-9]/g, '_')}_${number}`;
  const target = `migrate_safe_backup.${quoted(copy)}`;
  return safeTry(async function* () {
    const { rowCount } = yield* copier.query(
      `CREATE TABLE ${target} AS SELECT ${table.columns.map(keptColumn).join(', ')} FROM ONLY ${sqlName(table)} AS t`,
    );
    const rows = rowCount ?? 0;
    const sequences = yield* inOrder(table.sequences, (sequence) => readSequence(copier, sequence));
    const { rows: recorded } = yield* copier.query<{ bytes: number }>(
      `INSERT INTO migrate_safe_backup.tables (backup_id, number, table_schema, table_name, copy, row_count, bytes, columns, sequences)
       VALUES ($1, $2, $3, $4, $5, $6, pg_catalog.pg_total_relation_size($7::regclass), $8, $9) RETURNING bytes`,
      [
        id,
        number,
        table.schema,
        table.name,
        copy,
        rows,
        target,
        JSON.stringify({ columns: table.columns, key: table.key }),
        JSON.stringify(sequences),
      ],
    );
    return ok({ table: nameOf(table), rows, bytes: recorded[0]?.bytes ?? 0, copy: `migrate_safe_backup.${copy}` });
  });
}
