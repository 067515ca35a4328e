// What a swap would meet: rights, sessions of others, and what belongs to a database and cannot go along with its name.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { ConnectedSessions, SwapOutlook } from '../../../../../core/ports/swap-restore.js';
import { optionsUnread, rightsNotPermitted, type WholeRestoreError } from '../../../../../core/ports/whole-restore.js';
import type { PostgresServer } from '../../backup/server.js';
import type { PostgresConnection } from '../../connection.js';
import { quoted } from '../../name.js';
import { textLiteral } from '../literal.js';
import { withMaintenance } from './maintenance.js';
import { keptName } from './names.js';
import { traitsOf } from './traits.js';

export interface LiveDatabase {
  readonly oid: number;
  readonly name: string;
  readonly bytes: number;
  readonly role: string;
  readonly owner: string;
  readonly mayCreate: boolean;
  readonly owns: boolean;
  readonly hadPublic: boolean;
  readonly slots: readonly string[];
  readonly subscriptions: readonly string[];
  readonly prepared: readonly string[];
}

const LIVE = `
  SELECT d.oid::bigint AS oid, d.datname AS name, pg_catalog.pg_database_size(d.oid) AS bytes, r.rolname AS role,
    pg_catalog.pg_get_userbyid(d.datdba) AS owner, (r.rolsuper OR r.rolcreatedb) AS "mayCreate",
    pg_catalog.pg_has_role(d.datdba, 'USAGE') AS owns,
    EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'public') AS "hadPublic",
    (SELECT coalesce(json_agg(slot_name), '[]') FROM pg_catalog.pg_replication_slots WHERE database = d.datname) AS slots,
    (SELECT coalesce(json_agg(subname), '[]') FROM pg_catalog.pg_subscription WHERE subdbid = d.oid) AS subscriptions,
    (SELECT coalesce(json_agg(gid), '[]') FROM pg_catalog.pg_prepared_xacts WHERE database = d.datname) AS prepared
  FROM pg_catalog.pg_database AS d, pg_catalog.pg_roles AS r
  WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user`;

export const liveDatabase = (connection: PostgresConnection): ResultAsync<LiveDatabase, SqlError> =>
  connection
    .query<LiveDatabase>(LIVE)
    .andThen(({ rows: [found] }) => (found === undefined ? errAsync(NOBODY) : okAsync(found)));
const NOBODY: SqlError = { kind: 'other', code: '', message: 'the server does not say whose the database is' };

/** The server's own helpers come and go; a plain role is not told what the others are. */
export const OTHERS = (oid: number, except: number): string => `
  FROM pg_catalog.pg_stat_activity AS a
  WHERE a.datid = ${oid} AND a.pid <> ${except} AND a.pid <> pg_catalog.pg_backend_pid()
    AND coalesce(a.backend_type, '') NOT IN ('autovacuum worker', 'parallel worker')`;

interface Group extends ConnectedSessions {
  readonly may: boolean;
}

/** Whose sessions a role may end: https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL */
const GROUPS = (oid: number, except: number): string => `
  SELECT coalesce(a.usename, '') AS "user", coalesce(a.application_name, '') AS application, count(*)::int AS count,
    bool_and((SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
      OR (pg_catalog.pg_has_role(a.usesysid, 'USAGE') OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE'))
        AND NOT coalesce((SELECT rolsuper FROM pg_catalog.pg_roles WHERE oid = a.usesysid), true)) AS may
  ${OTHERS(oid, except)} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`;

/** What a role is not permitted that an archive needs in a new database. */
export type LackOfRights = Extract<
  WholeRestoreError,
  { readonly kind: 'extensions-not-permitted' | 'rights-not-permitted' | 'options-unread' }
>;
type Needs = () => ResultAsync<LackOfRights | undefined, SqlError>;

export const isLackOfRights = (error: WholeRestoreError | SqlError): error is LackOfRights =>
  error.kind === 'extensions-not-permitted' || error.kind === 'rights-not-permitted' || error.kind === 'options-unread';

/** `needs`: what the archive needs and cannot have in a new database. */
export function swapOutlook(
  connection: PostgresConnection,
  server: PostgresServer,
  now: Date,
  needs: Needs,
): ResultAsync<SwapOutlook, SqlError> {
  return liveDatabase(connection).andThen((live) =>
    connection.query<Group>(GROUPS(live.oid, connection.processId)).andThen(({ rows: groups }) => {
      const sessions = groups.map(({ user, application, count }) => ({ user, application, count }));
      const told = inTheWay(live, groups);
      const obstacle = told === undefined ? deeper(live, server, needs) : okAsync(told);
      return obstacle.map((found): SwapOutlook => ({ keptAs: keptName(live.name, now), sessions, obstacle: found }));
    }),
  );
}

function inTheWay(live: LiveDatabase, groups: readonly Group[]): string | undefined {
  const { role, owner, name, slots, subscriptions, prepared } = live;
  const [slot] = slots;
  const [subscription] = subscriptions;
  const [gid] = prepared;
  const stays = groups.find(({ may }) => !may);
  if (!live.owns)
    return `${name} belongs to ${owner}, whose rights the role ${role} does not have; as a superuser: GRANT ${quoted(owner)} TO ${quoted(role)};`;
  if (!live.mayCreate)
    return `the role ${role} may not create databases; as a superuser: ALTER ROLE ${quoted(role)} CREATEDB;`;
  if (slot !== undefined)
    return `the replication slot ${slot} reads ${name}, and would stay with the old database; drop it, and make it anew afterwards: SELECT pg_drop_replication_slot(${textLiteral(slot)});`;
  if (subscription !== undefined)
    return `the subscription ${subscription} writes to ${name}, and would stay with the old database; drop it, and make it anew afterwards`;
  if (gid !== undefined)
    return `the prepared transaction ${gid} has not ended; end it: ROLLBACK PREPARED ${textLiteral(gid)}; (or COMMIT PREPARED)`;
  if (stays !== undefined)
    return `the role ${role} may not end sessions of ${stays.user}, who is connected to ${name}; end them first, or as a superuser: GRANT pg_signal_backend TO ${quoted(role)}; (a superuser's session only a superuser can end)`;
  return undefined;
}

/** What is found out by doing it, and undone. */
function deeper(live: LiveDatabase, server: PostgresServer, needs: Needs): ResultAsync<string | undefined, SqlError> {
  return needs().andThen((lacking) => (lacking === undefined ? rehearsed(live, server) : okAsync(wordsOf(lacking))));
}

function wordsOf(lacking: LackOfRights): string {
  switch (lacking.kind) {
    case 'extensions-not-permitted':
      return `the role ${lacking.role} may not make the extensions ${lacking.extensions.join(', ')} in a new database`;
    case 'rights-not-permitted':
      return rightsNotPermitted(lacking);
    case 'options-unread':
      return optionsUnread(lacking);
  }
}

/** The statements that make the new database what the live one is change nothing in the live one: they say whether this role may. */
function rehearsed(live: LiveDatabase, server: PostgresServer): ResultAsync<string | undefined, SqlError> {
  return server
    .withTools((toolbox) => traitsOf(toolbox))
    .andThen(({ statements }) =>
      withMaintenance(server, live.name, (acting) =>
        acting
          .query(['BEGIN', ...statements, 'ROLLBACK'].join(';\n'))
          .map((): string | undefined => undefined)
          .orElse((error) =>
            acting
              .query('ROLLBACK')
              .andThen(() =>
                error.kind === 'not-permitted'
                  ? okAsync(`the role ${live.role} may not give a new database what ${live.name} has: ${error.message}`)
                  : errAsync<string | undefined, SqlError>(error),
              ),
          ),
      ),
    )
    .orElse((error) =>
      UNREACHED.has(error.kind)
        ? okAsync(`no other database of the server can be reached to rename ${live.name} from: ${error.message}`)
        : errAsync(error),
    );
}
const UNREACHED: ReadonlySet<SqlError['kind']> = new Set(['access-denied', 'cannot-open', 'not-permitted']);
