// What a server has to have before an archive can be put back: found before anything is locked, with what mends it.
import { err, ok, type Result, type ResultAsync } from 'neverthrow';
import type { RestoreWay, WholeRestoreError } from '../../../../core/ports/whole-restore.js';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import type { ArchiveEntry } from '../backup/archive.js';
import type { OpenArchive } from '../backup/archive-tools.js';
import { factsOf } from '../backup/copy-check.js';
import { quoted } from '../name.js';
import { LOCKS_TO_CLEAR } from './clear.js';
import { locksToMake, restoredEntries } from './contents.js';
import { keptExtensions, type KeptExtensions } from './kept-extensions.js';
import { meetsExtensions } from './needs-extensions.js';
import { meetsMappings } from './needs-mappings.js';

/** The lock table takes somewhat more than it promises, and others need locks too. */
const LOCK_SLACK = 1.2;

const ASK = `
  SELECT (SELECT coalesce(json_agg(value), '[]') FROM json_array_elements_text(?::json)
          WHERE value NOT IN (SELECT rolname FROM pg_roles)) AS roles,
         (SELECT coalesce(json_agg(value), '[]') FROM json_array_elements_text(?::json)
          WHERE value NOT IN (SELECT name FROM pg_available_extensions)) AS extensions,
         (SELECT coalesce(json_agg(rolname), '[]') FROM pg_roles
          WHERE rolname IN (SELECT json_array_elements_text(?::json)) AND NOT pg_has_role(oid, 'USAGE')) AS others,
         current_user AS role,
         (${LOCKS_TO_CLEAR})::int AS clearing,
         current_setting('max_locks_per_transaction')::int AS setting,
         current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int
         + current_setting('autovacuum_max_workers')::int + current_setting('max_worker_processes')::int
         + current_setting('max_wal_senders')::int + 1 AS sessions`;

interface Found {
  readonly roles: readonly string[];
  readonly extensions: readonly string[];
  /** Whose rights the role does not have. */
  readonly others: readonly string[];
  readonly role: string;
  readonly clearing: number;
  readonly setting: number;
  readonly sessions: number;
}

/** Of a restore in place. */
export const meetsNeeds = (
  session: Session,
  archive: OpenArchive,
  serverVersion: number,
): ResultAsync<void, SqlError | WholeRestoreError> =>
  keptExtensions(session, serverVersion).andThen((kept) =>
    meetsNeedsOf(session, archive, kept, serverVersion, 'in-place'),
  );

/** `kept`: extensions that are there already, and stay; a new database has none, and its locks are not taken at once. */
export function meetsNeedsOf(
  session: Session,
  archive: OpenArchive,
  kept: KeptExtensions,
  serverVersion: number,
  way: RestoreWay = 'swap',
): ResultAsync<void, SqlError | WholeRestoreError> {
  const entries = restoredEntries(archive.entries, kept);
  const { tables: _, ...facts } = factsOf({ ...archive, entries });
  const { roles, extensions } = 'archive' in facts ? facts.archive : { roles: [], extensions: [] };
  const granted = grantedOn(entries, serverVersion);
  return session
    .all<Found>(
      ASK,
      [roles, extensions, granted.map(({ owner }) => owner)].map((one) => JSON.stringify(one)),
    )
    .andThen(([found]): Result<void, WholeRestoreError> => {
      if (found === undefined) return ok(undefined);
      if (found.roles.length > 0) {
        const create = found.roles.map((role) => `CREATE ROLE ${quoted(role)};`).join(' ');
        return err({ kind: 'roles-missing', roles: found.roles, create });
      }
      if (found.extensions.length > 0) return err({ kind: 'extensions-missing', extensions: found.extensions });
      const [denied, ...more] = granted.filter(({ owner }) => found.others.includes(owner));
      if (denied)
        return err({
          kind: 'rights-not-permitted',
          objects: [denied, ...more].map(({ name }) => name),
          owner: denied.owner,
          role: found.role,
        });
      if (way === 'swap') return ok(undefined);
      const needed = found.clearing + locksToMake(entries);
      if (needed <= found.setting * found.sessions * LOCK_SLACK) return ok(undefined);
      return err({ kind: 'too-few-locks', needed, setting: found.setting, enough: enough(needed, found.sessions) });
    })
    .andThen(() => meetsMappings(session, archive, way))
    .andThen(() => meetsExtensions(session, archive, kept, serverVersion));
}

/**
 * What rights are given on, and whose it is: only its owner can, and to anybody else the server says so in a warning. A
 * schema `public` of the database's owner belongs to who owns the new one.
 */
const grantedOn = (entries: readonly ArchiveEntry[], serverVersion: number): readonly ArchiveEntry[] =>
  entries.filter(
    ({ kind, name, owner, definition }) =>
      kind === 'ACL' &&
      !name.startsWith('DATABASE ') &&
      owner !== '' &&
      owner !== 'pg_database_owner' &&
      !(serverVersion < 150_000 && name === 'SCHEMA public' && definition.trim() === AS_MADE),
  );
/** How a newer pg_dump says that a schema `public` is as it was made before 15. */
const AS_MADE = 'REVOKE USAGE ON SCHEMA public FROM PUBLIC;\nGRANT ALL ON SCHEMA public TO PUBLIC;';

/** A round number for the setting that suffices. */
const enough = (needed: number, sessions: number): number => Math.ceil(needed / sessions / 64) * 64;
