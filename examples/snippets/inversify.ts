// With Inversify: the manager comes out of the application's own container.
import 'reflect-metadata';
import { Container } from 'inversify';
import { MigrationStep } from 'migrate-safe';
import { migrateSafeModule, SafeMigrationManager } from 'migrate-safe/di';

const container = new Container();
container.load(migrateSafeModule({ database: 'sqlite:app.db', steps: './migrations' }));

const manager = container.get(SafeMigrationManager);
manager.addMigration(
  new MigrationStep(9001, 'Index orders by customer', {
    apply: (knex) => knex.schema.alterTable('orders', (table) => table.index(['customer_id'], 'orders_by_customer')),
    revert: (knex) =>
      knex.schema.alterTable('orders', (table) => table.dropIndex(['customer_id'], 'orders_by_customer')),
  }),
);
const outcome = await manager.runMigrations();
if (outcome.isErr()) process.exitCode = outcome.error.exitCode;
await manager.close();
