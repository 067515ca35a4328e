// User mappings of foreign servers: pg_dump leaves their options out where its role may not read them, and says nothing.
import { err, ok, type Result, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import type { RestoreWay, WholeRestoreError } from '../../../../core/ports/whole-restore.js';
import type { OpenArchive } from '../backup/archive-tools.js';

/** As the view shows the options: https://www.postgresql.org/docs/current/view-pg-user-mappings.html */
const LIVE = `
  SELECT format('USER MAPPING FOR %I SERVER %I', m.usename, m.srvname) AS name, current_user AS role,
    m.umoptions IS NOT NULL AS has_options,
    NOT ((SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
      OR (m.umuser <> 0 AND m.usename = current_user
          AND (pg_has_role(s.srvowner, 'USAGE') OR has_server_privilege(s.oid, 'USAGE')))
      OR (m.umuser = 0 AND pg_has_role(s.srvowner, 'USAGE'))) AS hidden
  FROM pg_user_mappings AS m JOIN pg_foreign_server AS s ON s.oid = m.srvid ORDER BY 1`;

interface Live {
  readonly name: string;
  readonly role: string;
  readonly has_options: boolean;
  readonly hidden: boolean;
}

/** In its place all of them go, and the safety copy has no more of them than this role can read. */
export function meetsMappings(
  session: Session,
  { entries }: OpenArchive,
  way: RestoreWay,
): ResultAsync<void, SqlError | WholeRestoreError> {
  const bare = new Set(
    entries.filter(({ kind }) => kind === 'USER MAPPING').map(({ definition }) => definition.trim()),
  );
  return session.all<Live>(LIVE).andThen((live): Result<void, WholeRestoreError> => {
    const lost = live.filter(
      ({ name, has_options, hidden }) =>
        (hidden && way === 'in-place') || ((hidden || has_options) && bare.has(`CREATE ${name};`)),
    );
    const [first] = lost;
    if (first === undefined) return ok(undefined);
    const mappings = lost.map(({ name }) => name);
    const mend = mappings.map((name) => `DROP ${name};`).join(' ');
    return err({ kind: 'options-unread', mappings, role: first.role, mend });
  });
}
