// The handle of a step in code on PostgreSQL: answers as the driver `pg` gives them.
import { createRequire } from 'node:module';
import type { ResultAsync } from 'neverthrow';
import type { StepHandle } from '../../../../core/steps/migration-step.js';
import type { HostKnexConfig } from '../../../host-knex.js';
import { stepHandle, type KnexClientClass } from '../../../step-handle.js';
import type { StatementResult } from './statement.js';

const require = createRequire(import.meta.url);
const client = (): KnexClientClass => require('knex/lib/dialects/postgres/index.js') as KnexClientClass;

/** Runs the statements of a text for knex; rejects with an Error, as a driver does. */
export type Execute = (sql: string, bindings: readonly unknown[]) => Promise<readonly StatementResult[]>;

export function knexHandle(
  execute: Execute,
  host: HostKnexConfig,
  signal: AbortSignal,
): ResultAsync<StepHandle, unknown> {
  const pinned = {
    load: client,
    answer: async (query) => {
      const results = await execute(query.sql, query.bindings ?? []);
      // As the driver gives it: one result, or an array where the text had several statements.
      query.response = results.length === 1 ? results[0] : results;
      return query;
    },
    rowsOf: ({ response }) => {
      const last = (Array.isArray(response) ? response.at(-1) : response) as StatementResult | undefined;
      return last?.rows ?? [];
    },
  } satisfies Parameters<typeof stepHandle>[0];
  const { searchPath } = host;
  return stepHandle(pinned, searchPath === undefined ? {} : { searchPath }, host, signal);
}
