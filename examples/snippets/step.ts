// A step file in TypeScript: what it does, how it is undone, what it declares, and a check of its own.
import { defineStep } from 'migrate-safe';

export default defineStep({
  async apply({ knex, signal }) {
    await knex.schema.alterTable('customers', (table) => table.text('email'));
    for (const { id, name } of await knex('customers').select('id', 'name')) {
      signal.throwIfAborted();
      await knex('customers')
        .where({ id })
        .update({ email: `${String(name).toLowerCase()}@example.org` });
    }
    await knex('customers').whereNull('name').delete();
  },
  async revert({ knex }) {
    await knex.schema.alterTable('customers', (table) => table.dropColumn('email'));
  },
  declares: { mayLoseRows: ['customers'] },
  // Throw, or return false, and the step is rolled back.
  async validate({ knex }) {
    return (await knex('customers').whereNull('email')).length === 0;
  },
  timeoutMs: 60 * 60_000,
});
