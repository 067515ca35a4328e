// A write whose answer was lost with the connection: what became of it is asked of the journal, on a new connection and under the same lock.
import type { StaleJournal } from '../ports/refusals.js';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { RecordedEvent } from '../events/envelope.js';
import type { AppliedStep } from '../history/history.js';
import type { JournalHead } from '../journal/chain.js';
import type { OpenDatabase } from '../ports/database.js';
import type { SqlError } from '../ports/session.js';
import type { StepTransaction } from '../ports/step-transaction.js';

/** An error that left nobody knows what: the server could not be asked again, or another run went on from it. */
export interface Unsettled {
  readonly kind: 'unsettled';
  readonly error: SqlError;
}

type Journal = Pick<OpenDatabase, 'append' | 'readJournal' | 'reconnect'>;
type Fate = 'committed' | 'not-committed' | 'overtaken';

const isLost = (error: SqlError | StaleJournal): error is SqlError => error.kind === 'connection-lost';

/**
 * A commit that failed: nothing where it is found to have been done after all. `events` were written in it behind `head`;
 * they carry the attempt's id and their hashes, so that nothing else can be taken for them.
 */
export function settleCommit(
  database: Journal,
  error: SqlError,
  head: JournalHead,
  events: readonly RecordedEvent[],
): ResultAsync<void, SqlError | Unsettled> {
  if (!isLost(error) || database.reconnect === undefined) return errAsync(error);
  return database
    .reconnect()
    .andThen(() => fateOf(database, head, events))
    .mapErr((cause): Unsettled => ({ kind: 'unsettled', error: cause }))
    .andThen((fate): ResultAsync<void, SqlError | Unsettled> => {
      if (fate === 'committed') return okAsync(undefined);
      return errAsync(fate === 'not-committed' ? error : { kind: 'unsettled', error: overtaken(error) });
    });
}

/** Appends to the journal; tried once more where the connection was lost before it was done. */
export function appendSettled(
  database: Journal,
  head: JournalHead,
  events: readonly RecordedEvent[],
  steps: readonly AppliedStep[],
): ResultAsync<void, SqlError | StaleJournal> {
  const append = (): ResultAsync<void, SqlError | StaleJournal> => database.append(head, events, steps);
  return append().orElse((error): ResultAsync<void, SqlError | StaleJournal> => {
    if (!isLost(error) || database.reconnect === undefined) return errAsync(error);
    return database
      .reconnect()
      .andThen(() => fateOf(database, head, events))
      .andThen((fate): ResultAsync<void, SqlError | StaleJournal> => {
        if (fate === 'committed') return okAsync(undefined);
        return fate === 'not-committed' ? append() : errAsync(overtaken(error));
      });
  });
}

/**
 * Rolls back; a transaction whose connection is lost has ended with that, and there is a new one afterwards. Gives how
 * far another run has written behind `head`, as it could where the lock was lost with the connection.
 */
export function rollBackSettled(
  database: Journal,
  transaction: Pick<StepTransaction, 'rollback'>,
  head: JournalHead,
): ResultAsync<StaleJournal | undefined, SqlError> {
  const { reconnect } = database;
  if (reconnect === undefined) return transaction.rollback().map(() => undefined);
  const reconnected = (error: SqlError): ResultAsync<void, SqlError> =>
    isLost(error) ? reconnect.call(database) : errAsync(error);
  const { position } = head;
  const behind = (): ResultAsync<number, SqlError> => database.readJournal(position).map(({ length }) => length);
  return transaction
    .rollback()
    .orElse(reconnected)
    .andThen(() => behind().orElse((error) => reconnected(error).andThen(behind)))
    .map((events) =>
      events === 0 ? undefined : { kind: 'stale-journal', expected: position, actual: position + events },
    );
}

function fateOf(database: Journal, head: JournalHead, events: readonly RecordedEvent[]): ResultAsync<Fate, SqlError> {
  return database.readJournal(head.position).map((after) => {
    if (after.length === 0) return 'not-committed';
    const isOurs = events.length === after.length && events.every(({ hash }, at) => after[at]?.hash === hash);
    return isOurs ? 'committed' : 'overtaken';
  });
}

const overtaken = (error: SqlError): SqlError => ({
  ...error,
  message: `${error.message}; another run has had the lock since, and went on from what it found`,
});
