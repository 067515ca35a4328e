// Whether a run holds the lock of a database now, for those who only look: nothing is taken and nothing is written.
import { okAsync, errAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../core/ports/session.js';
import type { PostgresConnection } from './connection.js';
import { isAdvisory } from './choose-lock.js';
import { leaseIsHeld } from './lease-table.js';
import { HOLDER } from './postgres-lock.js';

export function lockIsHeld(connection: PostgresConnection): ResultAsync<boolean, SqlError> {
  if (isAdvisory(connection)) return connection.all(HOLDER).map((rows) => rows.length > 0);
  // The table is made by the first run.
  return leaseIsHeld(connection).orElse((error) =>
    error.kind === 'missing-object' ? okAsync(false) : errAsync(error),
  );
}
