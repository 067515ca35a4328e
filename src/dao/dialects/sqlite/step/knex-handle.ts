// The handle that a step written in code gets: a knex instance whose every statement goes through the step's transaction.
import { createRequire } from 'node:module';
import type { Knex } from 'knex';
import { ResultAsync } from 'neverthrow';
import type { StepHandle } from '../../../../core/steps/migration-step.js';
import type { HostKnexConfig } from '../../../host-knex.js';
import type { DriverResult } from '../drivers/driver.js';

/** Runs one statement for knex; rejects with an Error, as a driver does. */
export type Execute = (sql: string, bindings: readonly unknown[], wants: 'rows' | 'changes') => Promise<DriverResult>;

interface QueryObject {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
  readonly method?: string;
  readonly returning?: unknown;
  response?: unknown;
  context?: { lastID: number | bigint; changes: number };
}
/** The parts of knex's SQLite client (knex/lib/dialects/sqlite3) that a pinned one replaces. */
interface SqliteClientClass {
  new (config: Knex.Config): object;
}

const require = createRequire(import.meta.url);

/** Makes the handle; knex is loaded only now. */
export function knexHandle(
  execute: Execute,
  host: HostKnexConfig,
  signal: AbortSignal,
): ResultAsync<StepHandle, unknown> {
  const make = async (): Promise<StepHandle> => {
    const { default: knex } = await import('knex');
    const client = pinnedClient(require('knex/lib/dialects/sqlite3/index.js') as SqliteClientClass, execute);
    const config = {
      client: client as typeof Knex.Client,
      useNullAsDefault: host.useNullAsDefault ?? true,
      ...(host.wrapIdentifier ? { wrapIdentifier: host.wrapIdentifier } : {}),
      ...(host.postProcessResponse ? { postProcessResponse: host.postProcessResponse } : {}),
      ...(host.log ? { log: host.log } : {}),
    };
    const handle = knex(config);
    return Object.assign(handle, { knex: handle, signal });
  };
  return ResultAsync.fromPromise(make(), (thrown) => thrown);
}

function pinnedClient(base: SqliteClientClass, execute: Execute): SqliteClientClass {
  // One connection for all: knex never sees the driver's own object, so no statement can go round the engine.
  const connection = {};
  const run = async (query: QueryObject): Promise<QueryObject> => {
    if (!query.sql) throw new Error('The query is empty');
    const wants = wantsOf(query);
    const { rows, changes, lastId } = await execute(query.sql, query.bindings ?? [], wants);
    query.response = wants === 'rows' ? rows : [];
    query.context = { lastID: lastId, changes };
    return query;
  };
  class PinnedClient extends base {
    /** The step's transaction is open already: what knex would begin is a savepoint of it. */
    transacting = true;
    acquireConnection(): Promise<object> {
      return Promise.resolve(connection);
    }
    releaseConnection(): Promise<void> {
      return Promise.resolve();
    }
    destroy(): Promise<void> {
      return Promise.resolve();
    }
    _query(_connection: object, query: QueryObject): Promise<QueryObject> {
      return run(query);
    }
  }
  return PinnedClient;
}

/** As knex's own SQLite client chooses between the driver's `all` and `run`. */
function wantsOf({ method, returning }: QueryObject): 'rows' | 'changes' {
  if (method === 'insert' || method === 'update') return returning ? 'rows' : 'changes';
  return method === 'counter' || method === 'del' ? 'changes' : 'rows';
}
