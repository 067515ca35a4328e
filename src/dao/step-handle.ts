// The handle that a step written in code gets: a knex instance whose every statement goes through the step's transaction.
import { Readable, type Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Knex } from 'knex';
import { ResultAsync } from 'neverthrow';
import type { StepHandle } from '../core/steps/migration-step.js';
import { StepTransactions, type Container } from './step-transactions.js';
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

/** What carries out a query of knex (knex/lib/execution/runner). */
interface KnexRunner {
  stream(options?: object): Transform;
  pipe(writable: Writable, options?: object): Writable;
}

/** Of what a transaction of knex is told, as far as it matters here. */
interface TransactionConfig {
  readonly connection?: object;
}

/** The parts of a client of knex (knex/lib/dialects) that a pinned one replaces. */
export interface KnexClientClass {
  new (config: Knex.Config): {
    runner(builder: object): KnexRunner;
    transaction(container: Container, config?: TransactionConfig, outer?: object | null): object;
  };
}

export interface StepClient {
  /** Loads knex's client for the dialect. */
  readonly load: () => KnexClientClass;
  readonly answer: Answer;
  /** The rows of what was answered. */
  readonly rowsOf: (query: KnexQuery) => readonly unknown[];
}

/** Makes the handle; knex is loaded only now. `config`: what of it the dialect itself decides. */
export function stepHandle(
  client: StepClient,
  config: Knex.Config,
  host: HostKnexConfig,
  signal: AbortSignal,
): ResultAsync<StepHandle, unknown> {
  const make = async (): Promise<StepHandle> => {
    const { default: knex } = await import('knex');
    const handle = knex({
      ...config,
      client: pinned(client) as typeof Knex.Client,
      ...(host.wrapIdentifier ? { wrapIdentifier: host.wrapIdentifier } : {}),
      ...(host.postProcessResponse ? { postProcessResponse: host.postProcessResponse } : {}),
      ...(host.log ? { log: host.log } : {}),
    });
    return Object.assign(handle, { knex: handle, signal });
  };
  return ResultAsync.fromPromise(make(), (thrown) => thrown);
}

function pinned({ load, answer, rowsOf }: StepClient): KnexClientClass {
  // One connection for all: knex never sees the driver's own object, so no statement can go round the engine.
  const connection = {};
  const transactions = new StepTransactions();
  const asked: Answer = async (query) => {
    if (!query.sql) throw new Error('The query is empty');
    return answer(query);
  };
  return class PinnedClient extends load() {
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
    async _query(of: object, query: KnexQuery): Promise<KnexQuery> {
      if (of === connection) await transactions.outside();
      return asked(query);
    }
    override transaction(container: Container, config?: TransactionConfig, outer?: object | null): object {
      // A rebuild of knex's own goes on with the connection that it has.
      if (outer || config?.connection) return super.transaction(container, config, outer);
      // A connection of its own tells its statements from those of the handle.
      const own = { doNotRejectOnRollback: true, ...config, connection: {} };
      return transactions.begin((...how) => super.transaction(...how), container, own);
    }
    /** All rows are read before the first is given: the step's one connection is free for what it does with them. */
    async _stream(of: object, query: KnexQuery, stream: Transform): Promise<void> {
      try {
        if (of === connection) await transactions.outside();
        await pipeline(Readable.from(rowsOf(await asked(query))), stream);
      } catch (thrown) {
        // Who stopped reading has destroyed it already. Nobody else is told: knex waits for no stream.
        stream.destroy(thrown as Error);
      }
    }
    override runner(builder: object): KnexRunner {
      const runner = super.runner(builder);
      // What a pipe leads to has to learn that nothing more comes, and why.
      runner.pipe = (writable, options) => {
        pipeline(runner.stream(options), writable).catch(() => undefined);
        return writable;
      };
      return runner;
    }
  };
}
