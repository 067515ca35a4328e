// Keeps AUTOINCREMENT's promise across a rebuild: a number that was given out is never given out again.
import { okAsync, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import type { TableFate } from './table-fate.js';

/**
 * `DROP TABLE` forgets the table's counter, and the rebuilt one begins from its highest row: after the newest rows were
 * deleted, their numbers would come back. https://sqlite.org/autoinc.html
 */
export function keepSequences(
  after: Session,
  fates: readonly TableFate[],
  before: () => ResultAsync<Session, SqlError>,
): ResultAsync<void, SqlError> {
  const rebuilt = fates
    .filter((fate) => fate.kind === 'kept')
    .filter((fate) => fate.rebuilt && fate.before?.autoincrement === true && fate.after?.autoincrement === true);
  if (rebuilt.length === 0) return okAsync(undefined);
  return before().andThen((session) =>
    inOrder(rebuilt, ({ name, nameBefore }) =>
      sequenceOf(session, nameBefore).andThen((then) =>
        sequenceOf(after, name).andThen((now): ResultAsync<unknown, SqlError> => {
          if (then === undefined || (now !== undefined && BigInt(now) >= BigInt(then))) return okAsync(undefined);
          return now === undefined
            ? after.run('INSERT INTO sqlite_sequence (name, seq) VALUES (?, CAST(? AS INTEGER))', [name, then])
            : after.run('UPDATE sqlite_sequence SET seq = CAST(? AS INTEGER) WHERE name = ?', [then, name]);
        }),
      ),
    ).map(() => undefined),
  );
}

/** As text: a counter may lie beyond what a JavaScript number holds. */
const sequenceOf = (session: Session, table: string): ResultAsync<string | undefined, SqlError> =>
  session
    .all<{ seq: string }>('SELECT CAST(seq AS TEXT) AS seq FROM sqlite_sequence WHERE name = ? AND seq IS NOT NULL', [
      table,
    ])
    .map(([row]) => row?.seq);
