// Splits `openai/gpt-4o` into provider and model: a step in TypeScript, because it computes what it writes.
import { defineStep } from 'migrate-safe';

interface Named {
  readonly provider: string;
  readonly model: string;
}

export default defineStep({
  apply: async (knex) => {
    await knex.schema.alterTable('completion_requests', (table) => {
      table.text('provider').notNullable().defaultTo('unknown');
    });
    const names = await knex<Named>('completion_requests').distinct('model');
    for (const { model } of names) {
      const [provider = 'unknown', ...rest] = model.split('/');
      if (rest.length > 0)
        await knex<Named>('completion_requests')
          .where({ model })
          .update({ provider, model: rest.join('/') });
    }
  },
  revert: async (knex) => {
    await knex<Named>('completion_requests')
      .whereNot({ provider: 'unknown' })
      .update({ model: knex.raw("provider || '/' || model") });
    await knex.schema.alterTable('completion_requests', (table) => {
      table.dropColumn('provider');
    });
  },
});
