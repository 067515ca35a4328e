// What can still be told of a journal of whose tables some are gone: it is not taken for a database without a journal.
import { okAsync, type ResultAsync } from 'neverthrow';
import { EMPTY_HEAD } from '../../core/journal/chain.js';
import type { JournalGlance } from '../../core/ports/database.js';
import type { Session, SqlError } from '../../core/ports/session.js';
import type { JournalTables } from './journal-dao.js';

interface Head {
  readonly position: number;
  readonly hash: string;
  readonly type: string;
}

/** The glance as far as it goes; undefined where none of the engine's tables is there. */
export function glanceAtRemains(
  session: Session,
  { events, meta, present }: JournalTables,
): ResultAsync<JournalGlance | undefined, SqlError> {
  return session.all<{ name: string }>(present).andThen((found) => {
    if (found.length === 0) return okAsync(undefined);
    const has = (table: string): boolean => found.some(({ name }) => name === table);
    const notes = has(meta)
      ? session.all<{ key: string; value: string }>(`SELECT key, value FROM ${meta}`)
      : okAsync<{ key: string; value: string }[], SqlError>([]);
    const last = has(events)
      ? session.all<Head>(`SELECT position, hash, type FROM ${events} ORDER BY position DESC LIMIT 1`)
      : okAsync<Head[], SqlError>([]);
    return notes.andThen((noted) =>
      last.map(([head]): JournalGlance => ({
        databaseId: noted.find(({ key }) => key === 'database_id')?.value ?? '',
        layout: Number(noted.find(({ key }) => key === 'layout')?.value ?? 0),
        head: head ?? EMPTY_HEAD,
        headType: head?.type ?? '',
        steps: [],
      })),
    );
  });
}
