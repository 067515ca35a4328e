// What keeps an append-only table as it is against everybody who does not use its DAO: triggers, made by a step.
import type { Knex } from 'knex';
import { appendOnly as ofPostgres } from './dao/dialects/postgres/app/append-only.js';
import { appendOnly as ofSqlite } from './dao/dialects/sqlite/app/append-only.js';
import type { AnyAppendOnlyTable } from './dao/table/append-only-table.js';
import { dialectOf } from './target.js';

/** Statements, one by one. */
export interface AppendOnlyGuards {
  readonly apply: readonly string[];
  readonly revert: readonly string[];
}

/** The triggers that refuse UPDATE, DELETE, TRUNCATE, and an INSERT anywhere but at the end of the chain. */
export function appendOnlyGuards(table: AnyAppendOnlyTable, dialect: 'sqlite' | 'postgres'): AppendOnlyGuards {
  const [position = ''] = table.primaryKey;
  const guarded = { schema: table.options.schema, table: table.name, position };
  return dialect === 'sqlite' ? ofSqlite(guarded) : ofPostgres(guarded);
}

/**
 * The same as the work of a step, on either database.
 * @example
 * safe.addMigration(new MigrationStep(5, 'Keep the chain of custody', appendOnlyStep(ChainOfCustody)));
 */
export function appendOnlyStep(table: AnyAppendOnlyTable): {
  readonly apply: (knex: Knex) => Promise<void>;
  readonly revert: (knex: Knex) => Promise<void>;
} {
  const run = async (knex: Knex, of: keyof AppendOnlyGuards): Promise<void> => {
    const dialect = dialectOf(knex);
    if (dialect === undefined) throw new TypeError('this is a knex instance of neither SQLite nor PostgreSQL');
    for (const sql of appendOnlyGuards(table, dialect)[of])
      // Where knex writes placeholders anew, a question mark in a name is none.
      await knex.raw(dialect === 'postgres' ? sql.replaceAll('?', '\\?') : sql);
  };
  return { apply: (knex) => run(knex, 'apply'), revert: (knex) => run(knex, 'revert') };
}
