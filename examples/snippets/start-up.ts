import { createMigrateSafe, MigrationStep } from 'migrate-safe';

const safe = createMigrateSafe({ database: 'sqlite:app.db', steps: './migrations', backups: './backups' });

// Steps in code stand beside those in files.
safe.addMigration(
  new MigrationStep('0004', 'Add new column', {
    apply: (knex) => knex.schema.alterTable('completion_requests', (t) => t.text('new_field')),
    revert: (knex) => knex.schema.alterTable('completion_requests', (t) => t.dropColumn('new_field')),
  }),
);

const outcome = await safe.up();
outcome.match(
  (report) => console.log(`schema at ${report.current}, steps applied: ${report.applied.length}`),
  (error) => {
    console.error(`${error.message}\n${error.hint}`);
    process.exitCode = error.exitCode;
  },
);
await safe.close();
