// The handle of a step in code on SQLite: answers as knex's own client for `sqlite3` takes them.
import { createRequire } from 'node:module';
import type { ResultAsync } from 'neverthrow';
import type { StepHandle } from '../../../../core/steps/migration-step.js';
import type { HostKnexConfig } from '../../../host-knex.js';
import { stepHandle, type KnexClientClass, type KnexQuery } from '../../../step-handle.js';
import type { DriverResult } from '../drivers/driver.js';

const require = createRequire(import.meta.url);
const client = (): KnexClientClass => require('knex/lib/dialects/sqlite3/index.js') as KnexClientClass;

/** Runs one statement for knex; rejects with an Error, as a driver does. */
export type Execute = (sql: string, bindings: readonly unknown[], wants: 'rows' | 'changes') => Promise<DriverResult>;

export function knexHandle(
  execute: Execute,
  host: HostKnexConfig,
  signal: AbortSignal,
): ResultAsync<StepHandle, unknown> {
  const answer = async (query: KnexQuery): Promise<KnexQuery> => {
    const wants = wantsOf(query);
    const { rows, changes, lastId } = await execute(query.sql, query.bindings ?? [], wants);
    query.response = wants === 'rows' ? rows : [];
    query.context = { lastID: lastId, changes };
    return query;
  };
  const config = { useNullAsDefault: host.useNullAsDefault ?? true };
  const rowsOf = ({ response }: KnexQuery): readonly unknown[] => response as readonly unknown[];
  return stepHandle({ load: client, answer, rowsOf }, config, host, signal);
}

/** As knex's own SQLite client chooses between the driver's `all` and `run`. */
function wantsOf({ method, returning }: KnexQuery): 'rows' | 'changes' {
  if (method === 'insert' || method === 'update') return returning ? 'rows' : 'changes';
  return method === 'counter' || method === 'del' ? 'changes' : 'rows';
}
