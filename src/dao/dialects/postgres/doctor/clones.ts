// What is to be said of the clones of a database: those that somebody was let into, and those that nobody has recorded.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { HealthCheck } from '../../../../core/ports/doctor.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { identityIn, LABELLED, type Labelled } from '../backup/clone/label.js';
import type { PostgresConnection } from '../connection.js';
import { quoted } from '../name.js';
import { bad, good } from './check.js';
import { sizeText } from './size-text.js';

interface Known {
  readonly databaseId: string | null;
  readonly ids: readonly string[];
}

export interface FoundClone extends Labelled {
  readonly id: string;
  /** The journal has the backup. */
  readonly isRecorded: boolean;
}

/** Those that the journal says were taken: its data are texts. */
const KNOWN = `
  SELECT (SELECT value FROM migrate_safe.meta WHERE key = 'database_id') AS "databaseId",
    (SELECT coalesce(json_agg(data::json ->> 'backupId'), '[]') FROM migrate_safe.events WHERE type = 'BackupTaken') AS ids`;

/** Of the database that is connected to; without a journal there are none. */
export const clonesHere = (connection: PostgresConnection): ResultAsync<readonly FoundClone[], SqlError> =>
  connection
    .query<Known>(KNOWN)
    .andThen(({ rows: [known] }) =>
      connection.query<Labelled>(LABELLED).map(({ rows }) =>
        rows.flatMap((found): FoundClone[] => {
          const identity = identityIn(found.comment);
          if (identity === undefined || identity.databaseId !== known?.databaseId) return [];
          return [{ ...found, id: identity.id, isRecorded: known.ids.includes(identity.id) }];
        }),
      ),
    )
    .orElse((error) => (error.kind === 'missing-object' ? okAsync([]) : errAsync(error)));

export const cloneChecks = (found: readonly FoundClone[]): readonly HealthCheck[] =>
  found.map(({ name, id, bytes, closed, isRecorded }) => {
    const what = `${name}${bytes === null ? '' : ` (${sizeText(bytes)})`}`;
    if (!isRecorded)
      return good(
        'clone',
        `${what} is a clone of a run that is going on, or was killed`,
        `Where none is going on, the next run that completes drops it, unless migrate-safe backup list has ${id}.`,
      );
    return closed
      ? good('clone', `${what} is backup ${id}`)
      : bad(
          'clone',
          `${what} is backup ${id}, and connections to it are allowed: nobody can say that it is what it was`,
          `If you know that nobody changed it: ALTER DATABASE ${quoted(name)} ALLOW_CONNECTIONS false;`,
        );
  });
