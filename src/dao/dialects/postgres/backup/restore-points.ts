// Restore points in the server's log. https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-BACKUP
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { RestorePoint, RestorePoints } from '../../../../core/ports/restore-points.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';

interface Archiving {
  readonly standby: boolean;
  readonly level: string;
  readonly mode: string;
  /** How the log is archived; it may not be shown to everybody. */
  readonly by: string | null;
  readonly may: boolean;
  readonly failed: string | null;
}

/** The library came with version 15; the last attempt counts, however often it failed before. */
const ARCHIVING = `
  SELECT pg_catalog.pg_is_in_recovery() AS standby, pg_catalog.current_setting('wal_level') AS level,
    pg_catalog.current_setting('archive_mode') AS mode,
    (SELECT pg_catalog.string_agg(setting, '') FROM pg_catalog.pg_settings WHERE name IN ('archive_command', 'archive_library')) AS by,
    pg_catalog.has_function_privilege('pg_catalog.pg_create_restore_point(text)', 'EXECUTE') AS may,
    (SELECT last_failed_wal FROM pg_catalog.pg_stat_archiver
     WHERE last_failed_time > coalesce(last_archived_time, '-infinity')) AS failed`;
/** What the server shows where neither is set. */
const NO_WAY = new Set(['', '(disabled)']);

export class PostgresRestorePoints implements RestorePoints {
  readonly #connection: PostgresConnection;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  obstacle(): ResultAsync<string | undefined, SqlError> {
    return this.#connection
      .all<Archiving & Record<string, never>>(ARCHIVING)
      .map(([found]) => found && reasonIn(found));
  }

  set(name: string): ResultAsync<RestorePoint, SqlError> {
    return this.#connection
      .query<{ lsn: string }>('SELECT pg_catalog.pg_create_restore_point($1)::text AS lsn', [name])
      .andThen(({ rows: [row] }) =>
        row === undefined
          ? errAsync<RestorePoint, SqlError>({ kind: 'other', code: '', message: 'the server names no place for it' })
          : okAsync<RestorePoint, SqlError>({ name, lsn: row.lsn }),
      );
  }
}

function reasonIn({ standby, level, mode, by, may, failed }: Archiving): string | undefined {
  if (standby) return 'it is a standby';
  if (level === 'minimal') return 'its wal_level is minimal';
  if (mode === 'off') return 'it does not archive its log: archive_mode is off';
  if (by !== null && NO_WAY.has(by))
    return 'it does not archive its log: neither archive_command nor archive_library is set';
  if (failed !== null) return `its archiver is stuck: ${failed} could not be archived`;
  return may
    ? undefined
    : 'the role may not call pg_create_restore_point (GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) gives it the right)';
}
