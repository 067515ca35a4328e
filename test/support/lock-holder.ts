// A run that holds the lock, inside a step that never ends by itself.
import { createMigrateSafe, MigrationStep } from 'migrate-safe';

const order = JSON.parse(process.argv[2] ?? '{}') as { file: string; backups: string; driver: string };
const endless = new MigrationStep(1, 'twice', {
  apply: async (knex) => {
    await knex.raw('UPDATE items SET amount = 0');
    process.stdout.write('inside\n');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
});
const outcome = await createMigrateSafe({
  database: `sqlite:${order.file}?driver=${order.driver}`,
  backups: order.backups,
  steps: [endless],
}).up();
process.exitCode = outcome.isOk() ? 0 : outcome.error.exitCode;
