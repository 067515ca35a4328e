// The journal's part in a whole restore: it stays, and the events that came after are appended in the same transaction.
import type { StaleJournal } from '../../../../core/ports/refusals.js';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import type { JournalTail } from '../../../../core/ports/whole-restore.js';
import { inOrder } from '../../../in-order.js';
import { JournalDao } from '../../../system/journal-dao.js';
import { missingLayouts } from '../layout.js';
import { POSTGRES_TABLES } from '../system-tables.js';

/** The lock of a run that is under way lies beside these, and stays. */
const AWAY = `DROP TABLE IF EXISTS ${POSTGRES_TABLES.events}, ${POSTGRES_TABLES.steps}, ${POSTGRES_TABLES.meta} CASCADE`;

/** Sees to it that the journal's tables are there, in the layout of this program. */
export function journalRoom(session: Session, journal: 'goes-on' | 'anew'): ResultAsync<void, SqlError> {
  const away = journal === 'anew' ? session.run(AWAY) : okAsync({ changes: 0 });
  return away
    .andThen(() => missingLayouts(session))
    .andThen((statements) => inOrder(statements, (sql) => session.run(sql)))
    .map(() => undefined);
}

export function writeTail(
  session: Session,
  { after, events, steps }: JournalTail,
): ResultAsync<void, SqlError | StaleJournal> {
  const journal = new JournalDao(session, POSTGRES_TABLES);
  const first = events.find((event) => event.type === 'RunStarted')?.data;
  const databaseId = first !== undefined && 'databaseId' in first ? first.databaseId : undefined;
  return journal.head().andThen((head): ResultAsync<void, SqlError | StaleJournal> => {
    if (head.hash !== after.hash)
      return errAsync({ kind: 'stale-journal', expected: after.position, actual: head.position });
    const identified =
      typeof databaseId === 'string' ? journal.identify(databaseId) : okAsync<void, SqlError>(undefined);
    return identified.andThen(() => journal.append(events)).andThen(() => journal.rewriteProjection(steps));
  });
}
