// The handle that a step written in code gets: a knex instance whose every statement goes through the step's transaction.
import { createRequire } from 'node:module';
import type { Knex } from 'knex';
import { ResultAsync } from 'neverthrow';
import type { StepHandle } from '../../../../core/steps/migration-step.js';
import type { HostKnexConfig } from '../../../host-knex.js';
import type { StatementResult } from './statement.js';

/** Runs the statements of a text for knex; rejects with an Error, as a driver does. */
export type Execute = (sql: string, bindings: readonly unknown[]) => Promise<readonly StatementResult[]>;

interface QueryObject {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
  response?: unknown;
}
/** The parts of knex's PostgreSQL client (knex/lib/dialects/postgres) that a pinned one replaces. */
interface PostgresClientClass {
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
    const client = pinnedClient(require('knex/lib/dialects/postgres/index.js') as PostgresClientClass, execute);
    const config = {
      client: client as typeof Knex.Client,
      ...(host.wrapIdentifier ? { wrapIdentifier: host.wrapIdentifier } : {}),
      ...(host.postProcessResponse ? { postProcessResponse: host.postProcessResponse } : {}),
      ...(host.log ? { log: host.log } : {}),
      ...(host.searchPath === undefined ? {} : { searchPath: host.searchPath }),
    };
    const handle = knex(config);
    return Object.assign(handle, { knex: handle, signal });
  };
  return ResultAsync.fromPromise(make(), (thrown) => thrown);
}

function pinnedClient(base: PostgresClientClass, execute: Execute): PostgresClientClass {
  // One connection for all: knex never sees the driver's own object, so no statement can go round the engine.
  const connection = {};
  const run = async (query: QueryObject): Promise<QueryObject> => {
    if (!query.sql) throw new Error('The query is empty');
    const results = await execute(query.sql, query.bindings ?? []);
    // As the driver gives it: one result, or an array where the text had several statements.
    query.response = results.length === 1 ? results[0] : results;
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
    _stream(): Promise<never> {
      return Promise.reject(new Error('a step reads by pages, not by a stream: its statements go through the engine'));
    }
  }
  return PinnedClient;
}
