// Asks a database of statements, and of queries that knex builds, whether it could run them.
import { err, ok, okAsync, ResultAsync, type Result } from 'neverthrow';
import { reasonOf } from '../../core/errors/migrate-error.js';
import type { Preparable, Unprepared } from '../../core/ports/contract.js';
import type { SqlError, SqlErrorKind } from '../../core/ports/session.js';
import type { StepHandle } from '../../core/steps/migration-step.js';
import { inOrder } from '../in-order.js';

export interface Statement {
  readonly sql: string;
  readonly bindings: readonly unknown[];
}

/** What the database says of the statement itself; all else (a lock, a lost connection) is no answer. */
const ANSWERS: ReadonlySet<SqlErrorKind> = new Set([
  'syntax',
  'missing-object',
  'not-permitted',
  'constraint',
  'other',
]);

/** `handle` makes a knex instance whose queries are built and never run; it is asked for only where there is a query. */
export function prepareAll(
  statements: readonly Preparable[],
  handle: () => ResultAsync<StepHandle, SqlError>,
  prepare: (statement: Statement) => ResultAsync<unknown, SqlError>,
): ResultAsync<readonly Unprepared[], SqlError> {
  const needsKnex = statements.some((one) => 'build' in one);
  const knex = needsKnex ? handle() : okAsync<StepHandle | undefined, SqlError>(undefined);
  return knex.andThen((made) =>
    inOrder(statements, (one): ResultAsync<readonly Unprepared[], SqlError> => {
      const { name } = one;
      const built = 'sql' in one ? ok({ sql: one.sql, bindings: [] }) : build(() => made && one.build(made));
      if (built.isErr()) return okAsync([{ name, reason: built.error }]);
      return prepare(built.value)
        .map((): readonly Unprepared[] => [])
        .orElse((error) => (ANSWERS.has(error.kind) ? ok([{ name, reason: error.message }]) : err(error)));
    }).map((all) => all.flat()),
  );
}

/** A builder that is awaited runs: it is asked for its text as it is. */
function build(query: () => unknown): Result<Statement, string> {
  try {
    const builder = query() as { readonly toSQL?: () => { readonly toNative?: () => unknown } } | undefined;
    const native = builder?.toSQL?.().toNative?.() as Partial<Statement> | undefined;
    return typeof native?.sql === 'string'
      ? ok({ sql: native.sql, bindings: native.bindings ?? [] })
      : err('it does not give a query of knex');
  } catch (thrown) {
    return err(reasonOf(thrown));
  }
}

/** For whoever runs what is only to be built. */
export const refuseToRun = (): Promise<never> =>
  Promise.reject(new Error('the query of a contract is built, and not run: return the builder without awaiting it'));
