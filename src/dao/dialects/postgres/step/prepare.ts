// Whether PostgreSQL could run a statement: it is prepared behind a savepoint, of which nothing stays, not even a lock.
import { errAsync, ok, okAsync, type ResultAsync } from 'neverthrow';
import type { Preparable, Unprepared } from '../../../../core/ports/contract.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { ContractRules } from '../../../../core/schema/contract.js';
import { prepareAll, refuseToRun } from '../../../contract/prepare-all.js';
import type { HostKnexConfig } from '../../../host-knex.js';
import { postgresContractRules } from '../app/contract-rules.js';
import { classify } from '../classify.js';
import type { PostgresConnection } from '../connection.js';
import { searchPathOf } from './begin.js';
import { knexHandle } from './knex-handle.js';

const NAME = 'migrate_safe_contract';
const EACH = 'migrate_safe_contract_statement';

/** In the transaction that is open. Whatever a step has set, names are found as the program's own connections find them. */
export function prepareOn(
  connection: PostgresConnection,
  host: HostKnexConfig,
  statements: readonly Preparable[],
): ResultAsync<readonly Unprepared[], SqlError> {
  const { searchPath } = host;
  if (statements.length === 0) return okAsync([]);
  const settings = `RESET SESSION AUTHORIZATION; RESET ROLE; SET LOCAL row_security = DEFAULT; SET LOCAL search_path = ${searchPathOf(searchPath)}`;
  // What is set belongs to all of them, what is locked to each.
  const begin = `SAVEPOINT ${NAME}; ${settings}; SAVEPOINT ${EACH}`;
  const undo = `ROLLBACK TO SAVEPOINT ${EACH}`;
  const end = `ROLLBACK TO SAVEPOINT ${NAME}; RELEASE SAVEPOINT ${NAME}`;
  const prepare = (sql: string): ResultAsync<void, SqlError> =>
    // By itself: a second statement in the text is refused, and not run.
    connection
      .foreign(`PREPARE ${NAME} AS ${sql}`, [])
      .andThen(() => connection.query(`DEALLOCATE ${NAME}; ${undo}`))
      .map(() => undefined)
      .orElse((error) => connection.query(undo).andThen(() => errAsync(error)));
  const prepared = (): ReturnType<typeof prepareAll> =>
    prepareAll(
      statements,
      () =>
        knexHandle(refuseToRun, host, new AbortController().signal).mapErr((cause): SqlError => ({
          ...classify(cause),
          kind: 'driver-missing',
        })),
      ({ sql }) => prepare(sql),
    );
  return connection
    .query(begin)
    .andThen(() => prepared())
    .andThen((unprepared) => connection.query(end).map(() => unprepared));
}

/** The same outside of a step, in a transaction that only reads. */
export function prepareAlone(
  connection: PostgresConnection,
  host: HostKnexConfig,
  statements: readonly Preparable[],
): ResultAsync<readonly Unprepared[], SqlError> {
  const over = (): ResultAsync<unknown, SqlError> => connection.query('ROLLBACK');
  return connection
    .query('BEGIN READ ONLY')
    .andThen(() => prepareOn(connection, host, statements))
    .andThen((unprepared) => over().map(() => unprepared))
    .orElse((error) =>
      over()
        .orElse(() => okAsync(undefined))
        .andThen(() => errAsync(error)),
    );
}

/** The path that the role, the database or the server sets, whatever this session has set for itself. */
const ASK_PATH = `SELECT reset_val AS path, session_user AS "user" FROM pg_catalog.pg_settings WHERE name = 'search_path'`;

export function contractRulesOf(
  connection: PostgresConnection,
  { searchPath }: HostKnexConfig,
): ResultAsync<ContractRules, SqlError> {
  if (searchPath !== undefined)
    return okAsync(postgresContractRules(typeof searchPath === 'string' ? [searchPath] : searchPath));
  return connection
    .query<{ path: string; user: string }>(ASK_PATH)
    .andThen(({ rows: [row] }) => ok(postgresContractRules(pathOf(row?.path ?? 'public', row?.user ?? ''))));
}

const pathOf = (text: string, user: string): readonly string[] =>
  [...text.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)]
    .map(([, quoted, bare = '']) => quoted?.replaceAll('""', '"') ?? bare)
    .map((schema) => (schema === '$user' ? user : schema));
