// Statements that happen together or not at all.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../core/ports/session.js';
import { inOrder } from './in-order.js';

/** Runs them in a transaction of their own; the first that fails takes back all of them. */
export function inTransaction(
  session: Session,
  statements: readonly string[],
  begin = 'BEGIN',
): ResultAsync<void, SqlError> {
  return inOrder([begin, ...statements, 'COMMIT'], (sql) => session.run(sql))
    .map(() => undefined)
    .orElse((error) =>
      session
        .run('ROLLBACK')
        .orElse(() => okAsync({ changes: 0 }))
        .andThen(() => errAsync(error)),
    );
}
