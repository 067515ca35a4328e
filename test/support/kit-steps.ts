// Steps for databases of the test kit, which tell how often they are run.
import { MigrationStep } from 'migrate-safe';

export const migrationsOf = (applied: () => void): readonly MigrationStep[] => [
  new MigrationStep(1, 'notes', {
    apply: async (knex) => {
      applied();
      await knex.schema.createTable('notes', (table) => {
        table.integer('id').primary();
        table.text('text').notNullable();
      });
    },
  }),
];
