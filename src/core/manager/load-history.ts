// Reads the journal whole, proves its chain, compares it with its mirror, and folds the history.
import { err, errAsync, ok, okAsync, type Result, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import { decodeEvent } from '../events/codec.js';
import type { StoredEvent } from '../events/envelope.js';
import { EMPTY_HISTORY, foldHistory, type History } from '../history/history.js';
import { EMPTY_HEAD, findBreak, type JournalHead } from '../journal/chain.js';
import type { JournalGlance, OpenDatabase } from '../ports/database.js';
import type { JournalMirror } from '../ports/backup-store.js';
import { fromSql, fromStore } from './as-error.js';

/** The newest layout of the tables that this program knows; `core` is told by the dialect through the glance. */
export interface LoadedHistory {
  readonly history: History;
  readonly head: JournalHead;
  readonly events: readonly StoredEvent[];
}

/** Where there is no journal yet. */
export const EMPTY_PAST: LoadedHistory = { history: EMPTY_HISTORY, head: EMPTY_HEAD, events: [] };

/** The journal of an open database. A broken chain, or events of a newer program, are an error (exit 3). */
export function loadHistory(database: OpenDatabase): ResultAsync<LoadedHistory, MigrateError> {
  return database
    .glance()
    .mapErr((error) => fromSql(error, database.info.label, 'reading the journal'))
    .andThen((glance) => {
      if (glance === undefined) return okAsync<LoadedHistory, MigrateError>(EMPTY_PAST);
      if (glance.layout > database.layout) {
        return errAsync(
          migrateError({
            kind: 'journal-newer',
            detail: `its tables have layout ${glance.layout}, this version knows ${database.layout}`,
          }),
        );
      }
      return database
        .readJournal()
        .mapErr((error) => fromSql(error, database.info.label, 'reading the journal'))
        .andThen((events) => verified(events, 'database'));
    });
}

/** Proves a chain and folds it. */
export function verified(
  events: readonly StoredEvent[],
  where: 'database' | 'mirror',
): Result<LoadedHistory, MigrateError> {
  const broken = findBreak(events);
  if (broken) return err(migrateError({ kind: 'chain-broken', at: broken, where }));
  const history = foldHistory(events.map((event) => decodeEvent(event)));
  const stranger = history.unknown[0];
  if (stranger) {
    return err(
      migrateError({
        kind: 'journal-newer',
        detail: `event ${stranger.position} is a ${stranger.type} that this version does not know`,
      }),
    );
  }
  const last = events.at(-1);
  return ok({ history, events, head: last ? { position: last.position, hash: last.hash } : EMPTY_HEAD });
}

/**
 * Compares the mirror with the journal. A mirror that is behind (a crash between commit and mirror) is caught up; one
 * that is ahead, or says something else, means that the database was rewound or replaced from outside.
 */
export function reconcileMirror(
  mirror: JournalMirror,
  databaseId: string,
  loaded: LoadedHistory,
  mode: 'repair' | 'look',
): ResultAsync<number, MigrateError> {
  return mirror
    .read(databaseId)
    .mapErr(fromStore)
    .andThen((mirrored): ResultAsync<number, MigrateError> => {
      const broken = findBreak(mirrored);
      if (broken) return errAsync(migrateError({ kind: 'chain-broken', at: broken, where: 'mirror' }));
      const common = Math.min(mirrored.length, loaded.events.length);
      const diverged = common > 0 && mirrored[common - 1]?.hash !== loaded.events[common - 1]?.hash;
      if (diverged || mirrored.length > loaded.events.length) {
        return errAsync(
          migrateError({ kind: 'mirror-ahead', mirror: mirrored.length, database: loaded.events.length, diverged }),
        );
      }
      const missing = loaded.events.slice(mirrored.length);
      return mode === 'look' || missing.length === 0
        ? okAsync(mirrored.length)
        : mirror
            .append(databaseId, missing)
            .mapErr(fromStore)
            .map(() => loaded.events.length);
    });
}

/** The database's id: as its journal says; as its tables note it, where the journal was emptied. */
export const idOf = (history: History, glance: Pick<JournalGlance, 'databaseId'> | undefined): string | undefined =>
  history.databaseId ?? (glance === undefined || glance.databaseId === '' ? undefined : glance.databaseId);
