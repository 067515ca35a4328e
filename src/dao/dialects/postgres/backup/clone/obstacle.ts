// What keeps a database from being cloned, as far as it can be seen beforehand: others, rights, prepared transactions, room.
import { statfs } from 'node:fs/promises';
import { okAsync, ResultAsync } from 'neverthrow';
import type { CloneObstacle } from '../../../../../core/ports/clones.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { PostgresConnection } from '../../connection.js';
import { sizeText } from '../../doctor/size-text.js';
import { quoted } from '../../name.js';
import { textLiteral } from '../../restore/literal.js';
import { liveDatabase, OTHERS, type LiveDatabase } from '../../restore/swap/outlook.js';

/** Sessions that were just closed are on the server for a moment longer. */
const LOOKS = 6;
const LOOK_EVERY_MS = 200;
const MOST_NAMED = 5;
/** What a disk keeps free beside the clones. */
const RESERVE_BYTES = 16 * 1024 * 1024;

interface Other {
  readonly pid: number;
  readonly user: string;
  readonly application: string;
}

export function obstacleTo(
  connection: PostgresConnection,
  clones: number,
): ResultAsync<CloneObstacle | undefined, SqlError> {
  if (connection.isPooled || connection.server.product !== 'postgresql')
    return okAsync({
      reason: 'a pooler answers for it, whose own sessions stay connected, or it is no PostgreSQL',
      fix: 'Name the address of the server itself with --database.',
    });
  return liveDatabase(connection).andThen((live) => {
    const inTheWay = byRights(live);
    if (inTheWay !== undefined) return okAsync(inTheWay);
    return others(connection, live.oid, LOOKS).andThen((found) =>
      found.length > 0 ? okAsync(bySessions(live.name, found)) : byRoom(connection, live.bytes * clones),
    );
  });
}

function byRights({ name, role, owner, owns, mayCreate, prepared: [gid] }: LiveDatabase): CloneObstacle | undefined {
  if (!mayCreate)
    return {
      reason: `the role ${role} may not create databases`,
      fix: `As a superuser: ALTER ROLE ${quoted(role)} CREATEDB;`,
    };
  if (!owns)
    return {
      reason: `${name} belongs to ${owner}, whose rights the role ${role} does not have`,
      fix: `As a superuser: GRANT ${quoted(owner)} TO ${quoted(role)};`,
    };
  if (gid !== undefined)
    return {
      reason: `the prepared transaction ${gid} has not ended`,
      fix: `End it: ROLLBACK PREPARED ${textLiteral(gid)}; (or COMMIT PREPARED).`,
    };
  return undefined;
}

/** The server's own workers, which it ends itself, have no user. */
function others(connection: PostgresConnection, oid: number, looks: number): ResultAsync<readonly Other[], SqlError> {
  return connection
    .query<Other>(
      `SELECT a.pid, coalesce(a.usename, '') AS "user", coalesce(a.application_name, '') AS application
       ${OTHERS(oid, connection.processId)} AND a.usesysid IS NOT NULL ORDER BY a.backend_start, a.pid`,
    )
    .andThen(({ rows }) => {
      if (rows.length === 0 || looks <= 1) return okAsync(rows);
      return ResultAsync.fromSafePromise(new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))).andThen(() =>
        others(connection, oid, looks - 1),
      );
    });
}

function bySessions(name: string, found: readonly Other[]): CloneObstacle {
  const who = found
    .slice(0, MOST_NAMED)
    .map(
      ({ pid, user, application }) =>
        `process ${pid} (${[user, application].filter((part) => part !== '').join(', ')})`,
    );
  const more = found.length > MOST_NAMED ? ` and ${found.length - MOST_NAMED} more` : '';
  return {
    reason: `somebody else is connected to ${name}: ${who.join(', ')}${more}`,
    fix: `Stop the application${found.length === 1 ? `, or end that session (SELECT pg_terminate_backend(${found[0]?.pid});)` : ''}, and run it again.`,
  };
}

const PLACE = `
  SELECT (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory') AS directory,
    pg_catalog.inet_server_addr() IS NULL OR pg_catalog.inet_server_addr() << '127.0.0.0/8' OR pg_catalog.inet_server_addr() = '::1' AS here,
    EXISTS (SELECT 1 FROM pg_catalog.pg_database AS d JOIN pg_catalog.pg_tablespace AS t ON t.oid = d.dattablespace
      WHERE d.datname = pg_catalog.current_database() AND t.spcname = 'pg_default') AS inside`;

/** Known only of a server on this machine that says where it keeps its data. */
function byRoom(connection: PostgresConnection, bytes: number): ResultAsync<CloneObstacle | undefined, SqlError> {
  return connection
    .query<{ directory: string | null; here: boolean; inside: boolean }>(PLACE)
    .andThen(({ rows: [row] }) => {
      if (row === undefined || row.directory === null || !row.here || !row.inside) return okAsync(undefined);
      const { directory } = row;
      const free = statfs(directory).then(
        ({ bavail, bsize }) => bavail * bsize,
        () => undefined,
      );
      return ResultAsync.fromSafePromise(free).map((freeBytes) =>
        freeBytes === undefined || bytes + RESERVE_BYTES <= freeBytes
          ? undefined
          : {
              reason: `it takes ${sizeText(bytes)}, and where the server has its data (${directory}) ${sizeText(freeBytes)} are free`,
              fix: 'Free some room on the server, or have fewer of them: --file-backup each-run.',
            },
      );
    });
}
