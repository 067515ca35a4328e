// The handle that a step written in code gets: a knex instance whose every statement goes through the step's transaction.
import type { Knex } from 'knex';
import { ResultAsync } from 'neverthrow';
import type { StepHandle } from '../core/steps/migration-step.js';
import type { HostKnexConfig } from './host-knex.js';

/** A statement as knex hands it to its client, which puts the answer into it. */
export interface KnexQuery {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
  readonly method?: string;
  readonly returning?: unknown;
  response?: unknown;
  context?: { lastID: number | bigint; changes: number };
}

/** Runs one statement for knex and answers it; rejects with an Error, as a driver does. */
export type Answer = (query: KnexQuery) => Promise<KnexQuery>;

/** The parts of a client of knex (knex/lib/dialects) that a pinned one replaces. */
export interface KnexClientClass {
  new (config: Knex.Config): object;
}

export interface StepClient {
  /** Loads knex's client for the dialect. */
  readonly load: () => KnexClientClass;
  readonly answer: Answer;
  /** What else of knex's client is to be another way. */
  readonly adapt?: (client: KnexClientClass) => KnexClientClass;
}

/** Makes the handle; knex is loaded only now. `config`: what of it the dialect itself decides. */
export function stepHandle(
  { load, answer, adapt = (client) => client }: StepClient,
  config: Knex.Config,
  host: HostKnexConfig,
  signal: AbortSignal,
): ResultAsync<StepHandle, unknown> {
  const make = async (): Promise<StepHandle> => {
    const { default: knex } = await import('knex');
    const handle = knex({
      ...config,
      client: adapt(pinned(load(), answer)) as typeof Knex.Client,
      ...(host.wrapIdentifier ? { wrapIdentifier: host.wrapIdentifier } : {}),
      ...(host.postProcessResponse ? { postProcessResponse: host.postProcessResponse } : {}),
      ...(host.log ? { log: host.log } : {}),
    });
    return Object.assign(handle, { knex: handle, signal });
  };
  return ResultAsync.fromPromise(make(), (thrown) => thrown);
}

function pinned(base: KnexClientClass, answer: Answer): KnexClientClass {
  // One connection for all: knex never sees the driver's own object, so no statement can go round the engine.
  const connection = {};
  return class PinnedClient extends base {
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
    async _query(_connection: object, query: KnexQuery): Promise<KnexQuery> {
      if (!query.sql) throw new Error('The query is empty');
      return answer(query);
    }
  };
}
