// One row per completion that went through the proxy: written with knex, so that it is the same on SQLite and PostgreSQL.
import { defineStep } from 'migrate-safe';

export default defineStep({
  apply: (knex) =>
    knex.schema.createTable('completion_requests', (table) => {
      table.increments('id');
      table.timestamp('started_at', { useTz: true, precision: 3 }).notNullable().index('completion_requests_by_time');
      table.text('model').notNullable();
      for (const count of ['prompt_tokens', 'completion_tokens', 'duration_ms']) {
        table.integer(count).notNullable();
        table.check(`${count} >= 0`);
      }
      table.boolean('success').notNullable();
    }),
  revert: (knex) => knex.schema.dropTable('completion_requests'),
});
