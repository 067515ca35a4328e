// A query with a name: written once with knex, run where it is needed, and held against the schema before a program starts.
import type { Knex } from 'knex';
import { err, ok, type Result, type ResultAsync } from 'neverthrow';
import type * as z from 'zod';
import type { Connections } from './app/connections.js';
import { readError, type InvalidRow, type ReadError } from './dao-error.js';
import { invalid, issuesOf } from './table/compiled-table.js';

/** A query written with knex, with what it takes to check it beforehand. */
export interface QueryDefinition<R extends z.ZodType, P> {
  /** Checks each row that comes back. */
  readonly row: R;
  /** Values like those that it will be run with: with them it is prepared, and never run. */
  readonly sample: P;
  /** Gives the builder itself, not awaited. */
  readonly build: (knex: Knex, params: P) => Knex.QueryBuilder | Knex.Raw;
}

/** Made by `defineQuery`; `ask` runs it, and `contract` may list it. */
export interface NamedQuery<R extends z.ZodType = z.ZodType, P = unknown> {
  readonly query: string;
  readonly row: R;
  readonly build: (knex: Knex, params: P) => Knex.QueryBuilder | Knex.Raw;
  readonly sampled: (knex: Knex) => Knex.QueryBuilder | Knex.Raw;
}

/** What `ask` takes behind the query: nothing where the query has no parameters. */
export type ParamsOf<P> = undefined extends P ? [params?: P] : [params: P];

/**
 * Names a query. Listed in `contract`, it is prepared on the schema that a migration makes, before that is committed.
 * @example
 * const TokensOfDay = defineQuery('tokens of a day', {
 *   row: z.object({ model: z.string(), tokens: z.coerce.number() }),
 *   sample: { day: '2026-01-31' },
 *   build: (knex, { day }) =>
 *     knex('completion_requests').where({ day }).groupBy('model').select('model').sum({ tokens: 'total_tokens' }),
 * });
 * const rows = await database.ask(TokensOfDay, { day: '2026-02-01' });
 */
export function defineQuery<R extends z.ZodType, P>(name: string, definition: QueryDefinition<R, P>): NamedQuery<R, P>;
export function defineQuery<R extends z.ZodType>(
  name: string,
  definition: Omit<QueryDefinition<R, undefined>, 'sample'>,
): NamedQuery<R, undefined>;
export function defineQuery<R extends z.ZodType, P>(
  name: string,
  { row, sample, build }: Omit<QueryDefinition<R, P>, 'sample'> & { readonly sample?: P },
): NamedQuery<R, P> {
  // Who leaves the sample out has no parameters: the overloads see to it.
  return Object.freeze({ query: name, row, build, sampled: (knex: Knex) => build(knex, sample as P) });
}

/** Runs a query and checks its rows; `of`: what is said to be asked, where it fails. */
export const askRows = <R extends z.ZodType>(
  connections: Connections,
  of: string,
  row: R,
  build: (knex: Knex) => Knex.QueryBuilder | Knex.Raw,
): ResultAsync<z.output<R>[], ReadError> =>
  connections
    .ask(build, of)
    .mapErr(readError)
    .andThen((rows) => checked(of, row, rows));

function checked<R extends z.ZodType>(of: string, row: R, rows: readonly unknown[]): Result<z.output<R>[], InvalidRow> {
  const read: z.output<R>[] = [];
  for (const [at, one] of rows.entries()) {
    const parsed = row.safeParse(one);
    if (!parsed.success) return err(invalid(of, 'read', issuesOf(parsed.error, at)));
    read.push(parsed.data);
  }
  return ok(read);
}
