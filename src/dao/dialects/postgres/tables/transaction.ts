// The one transaction in which tables are put back: what they are to be, the locks, what keeps their present state, the journal.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { RecordedEvent } from '../../../../core/events/envelope.js';
import type { AppliedStep } from '../../../../core/history/history.js';
import type { TableRestoreError } from '../../../../core/ports/backup-source.js';
import type { NotKept } from '../../../../core/ports/refusals.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { sqlName } from '../name.js';
import { explained } from '../step/blockers.js';
import type { KeptTable } from './catalogue.js';
import { restoreKept } from './restore-tables.js';
import { TEXT_SETTINGS } from './table-facts.js';

export type RestoreError = SqlError | TableRestoreError;

export interface RefillOptions {
  readonly connection: PostgresConnection;
  /** Writes into the journal, in the transaction that is open. */
  readonly record: (events: readonly RecordedEvent[], steps: readonly AppliedStep[]) => ResultAsync<void, SqlError>;
  /** What was recorded is not. */
  readonly onRolledBack: () => void;
}

type Written = { readonly events: readonly RecordedEvent[]; readonly steps: readonly AppliedStep[] };

/** `copies`: what the tables are to be, each of a table that it fits; asked for in the transaction, before any lock. */
export function refillTables<K, E>(
  { connection, record: write, onRolledBack }: RefillOptions,
  copies: () => ResultAsync<readonly KeptTable[], RestoreError>,
  keep: () => ResultAsync<K, E>,
  record: (rows: number, kept: K) => Written,
): ResultAsync<{ readonly rows: number; readonly kept: K }, RestoreError | NotKept<E>> {
  type Failed = RestoreError | NotKept<E>;
  const settled = (): ResultAsync<unknown, SqlError> =>
    inOrder([LOCK_TIMEOUT, TEXT_SETTINGS], (sql) => connection.run(sql));
  return inTransactionOf<{ readonly rows: number; readonly kept: K }, Failed>(connection, 'BEGIN', () =>
    settled()
      .andThen(copies)
      .andThrough((tables) => lock(connection, tables))
      .andThen((tables) =>
        keep()
          .mapErr((error): Failed => ({ kind: 'not-kept', error }))
          .andThen((kept) => restoreKept(connection, tables).map((rows) => ({ rows, kept }))),
      )
      .andThrough(({ rows, kept }) => {
        const { events, steps } = record(rows, kept);
        return write(events, steps);
      }),
  ).mapErr((error) => {
    onRolledBack();
    return error;
  });
}

const LOCK_TIMEOUT = `SET LOCAL lock_timeout = '2s'`;

/** Nobody writes any more; a partitioned table may have no partition that could be locked. */
const lock = (connection: PostgresConnection, tables: readonly KeptTable[]): ResultAsync<unknown, SqlError> =>
  tables.length === 0
    ? okAsync(undefined)
    : connection
        .run(`LOCK TABLE ${tables.map((table) => `ONLY ${sqlName(table)}`).join(', ')} IN EXCLUSIVE MODE`)
        .mapErr((error) => explained(error, []));

/** A look that writes nothing: names and types read as they are written everywhere here. */
export const lookOf = <T>(
  connection: PostgresConnection,
  look: () => ResultAsync<T, RestoreError>,
): ResultAsync<T, RestoreError> =>
  inTransactionOf<T, RestoreError>(connection, 'BEGIN READ ONLY', () => connection.run(TEXT_SETTINGS).andThen(look));

export function inTransactionOf<T, E>(
  connection: PostgresConnection,
  begin: string,
  work: () => ResultAsync<T, E | SqlError>,
): ResultAsync<T, E | SqlError> {
  return connection
    .run(begin)
    .andThen(work)
    .andThen((value) => connection.run('COMMIT').map(() => value))
    .orElse((error: E | SqlError) =>
      connection
        .run('ROLLBACK')
        .orElse(() => okAsync({ changes: 0 }))
        .andThen(() => errAsync(error)),
    );
}
