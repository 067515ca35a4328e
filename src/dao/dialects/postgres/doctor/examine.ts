// Connects and looks: at the server, this role's rights, the tools, and what others left in the database.
import { ResultAsync } from 'neverthrow';
import type { ClientConfig } from 'pg';
import { fromOpen } from '../../../../core/manager/as-error.js';
import type { HealthCheck } from '../../../../core/ports/doctor.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { findTools, majorOf, versionText, type ToolsMissing } from '../backup/tools.js';
import { PostgresConnection } from '../connection.js';
import { loadDriver } from '../load-driver.js';
import { swapRemains } from '../restore/swap/remains.js';
import { bad, good } from './check.js';
import { cloneChecks, clonesHere } from './clones.js';
import { idleTransactions, leftovers, restrictedTables, serverFacts, tableNames, type ServerFacts } from './facts.js';
import { unreachable } from './reach.js';
import { checksOf } from './server-checks.js';
import { idleChecks, leftoverChecks, otherTools, remainsChecks, tableRights } from './table-checks.js';

/** Somebody waits for the doctor. */
const CONNECT_WITHIN_MS = 10_000;

export async function examineServer(options: ClientConfig, label: string): Promise<readonly HealthCheck[]> {
  const driver = loadDriver();
  if (driver.isErr()) {
    const { message, hint } = fromOpen(driver.error);
    return [bad('driver', message, hint)];
  }
  const connected = await PostgresConnection.connect(driver.value, {
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    ...options,
  });
  if (connected.isErr()) return [unreachable(connected.error, label, options)];
  const connection = connected.value;
  const facts = await serverFacts(connection);
  const checks = facts.isErr()
    ? [unseen('server', facts.error)]
    : facts.value === undefined
      ? [bad('server', 'it does not say who it is', 'Name a PostgreSQL server in the URL.')]
      : await look(connection, facts.value, label);
  await connection.close().unwrapOr(undefined);
  return checks;
}

async function look(
  connection: PostgresConnection,
  facts: ServerFacts,
  label: string,
): Promise<readonly HealthCheck[]> {
  const role = facts.role;
  return [
    ...checksOf(facts, label, { product: connection.server.product, isPooled: connection.isPooled }),
    ...(facts.superuser
      ? []
      : await seen('rights', restrictedTables(connection), (tables) => tableRights(tables, role))),
    await tools(facts),
    ...(await seen('other tool', tableNames(connection), otherTools)),
    ...(await seen('idle session', idleTransactions(connection), idleChecks)),
    ...(await seen('leftovers', leftovers(connection), leftoverChecks)),
    ...(await seen('old database', swapRemains(connection), remainsChecks)),
    ...(await seen('clone', clonesHere(connection), cloneChecks)),
  ];
}

async function seen<T>(
  name: string,
  asked: ResultAsync<T, SqlError>,
  say: (found: T) => readonly HealthCheck[],
): Promise<readonly HealthCheck[]> {
  const found = await asked;
  return found.isErr() ? [unseen(name, found.error)] : say(found.value);
}

const unseen = (name: string, { message }: SqlError): HealthCheck =>
  bad(name, `it cannot be looked at: ${message}`, 'Look with a role that may read the catalogs, or as a superuser.');

async function tools({ version }: ServerFacts): Promise<HealthCheck> {
  const found = await findTools(version);
  if (found.isErr()) return missing(found.error);
  const major = majorOf(found.value.version);
  return good(
    'tools',
    `pg_dump, pg_restore and psql ${versionText(found.value.version)}`,
    major === majorOf(version)
      ? null
      : `The server is of version ${majorOf(version)}: those of the same version are the best to restore with.`,
  );
}

function missing({ major, found, lookedIn, install }: ToolsMissing): HealthCheck {
  const misfits = found.map(({ folder, version }) => `${version} in ${folder}`);
  const there = misfits.length === 0 ? '' : `; what is there does not fit: ${misfits.join(', ')}`;
  const named = process.env['PG_BIN'];
  return bad(
    'tools',
    `pg_dump, pg_restore and psql of version ${major} are not there${named ? `: PG_BIN names ${lookedIn.join(', ')}` : ''}${there}`,
    `${install}${named ? ', or let PG_BIN name the folder that has them' : ''}; until then fileBackup: 'never' leaves the table backups`,
  );
}
