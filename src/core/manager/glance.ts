// The fast path's look at a database: the projection and the journal's head, in two statements, nothing written.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import type { JournalGlance, OpenError } from '../ports/database.js';
import { fromOpen } from './as-error.js';
import type { ManagerPorts } from './ports.js';

/** Undefined where there is no database or no journal yet. */
export function glanceAt({
  database,
}: Pick<ManagerPorts, 'database'>): ResultAsync<JournalGlance | undefined, MigrateError> {
  return database
    .open('read')
    .andThen((opened) =>
      opened
        .glance()
        .andThen((glance) => opened.close().map(() => glance))
        .orElse((error) =>
          opened
            .close()
            .orElse(() => okAsync(undefined))
            .andThen(() => errAsync(error)),
        )
        .mapErr((error): OpenError => ({ kind: 'database-unusable', path: opened.info.label, error })),
    )
    .orElse((error) => (error.kind === 'database-missing' ? okAsync(undefined) : errAsync(error)))
    .mapErr(fromOpen);
}

/** Types of events after which no run is open. */
export const RUN_ENDINGS: ReadonlySet<string> = new Set(['RunCompleted', 'RunFailed', 'RunRecovered']);
