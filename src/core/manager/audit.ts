// `audit`: the proof that journal, projection and mirror are what was written.
import { errAsync, ok, safeTry, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { JournalHead } from '../journal/chain.js';
import { fromSql } from './as-error.js';
import { readingWhatIs } from './inspect-state.js';
import { idOf, loadHistory, reconcileMirror } from './load-history.js';
import type { ManagerPorts } from './ports.js';

/** A journal that was proven: the number of its events, and where its chain ends. */
export interface AuditReport {
  readonly events: number;
  readonly head: JournalHead;
  /** How many of them the mirror has: none where there is no mirror, not all where it was not caught up yet. */
  readonly mirrored: number;
}

/** Proves the chain, the projection and the mirror. */
export function audit(ports: ManagerPorts): ResultAsync<AuditReport, MigrateError> {
  return readingWhatIs(ports, (database) =>
    safeTry(async function* () {
      const loaded = yield* loadHistory(database);
      const { steps } = loaded.history;
      const glance = yield* database
        .glance()
        .mapErr((error) => fromSql(error, database.info.label, 'reading the journal'));
      const databaseId = idOf(loaded.history, glance);
      const mirrored = databaseId === undefined ? 0 : yield* reconcileMirror(ports.mirror, databaseId, loaded, 'look');
      if (loaded.history.databaseId !== undefined && glance?.databaseId !== loaded.history.databaseId) {
        return errAsync(migrateError({ kind: 'projection-differs', detail: 'it notes another database id' }));
      }
      const said = new Set(
        glance?.steps.map((step) => `${step.component}/${step.version} ${step.checksum} ${step.state}`),
      );
      const differing = steps.filter(
        (step) => !said.has(`${step.component}/${step.version} ${step.checksum} ${step.state}`),
      );
      if (differing.length > 0 || (glance?.steps.length ?? 0) !== steps.length) {
        const detail =
          differing.length > 0
            ? `step ${differing.map((step) => step.version).join(', ')}`
            : 'it has steps that were never applied';
        return errAsync(migrateError({ kind: 'projection-differs', detail }));
      }
      return ok({ events: loaded.events.length, head: loaded.head, mirrored });
    }),
  );
}
