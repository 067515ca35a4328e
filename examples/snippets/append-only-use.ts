import { createMigrateSafe, MigrationStep } from 'migrate-safe';
import { appendOnlyStep, openDatabase } from 'migrate-safe/dao';
import { ChainOfCustody, CustodyDao } from './append-only-table.js';

const database = openDatabase({ database: 'sqlite:laboratory.db' });
const safe = createMigrateSafe({ database: database.knex, steps: './migrations' });
safe.addMigration(new MigrationStep(2, 'Guard the chain of custody', appendOnlyStep(ChainOfCustody)));
const migrated = await safe.up();
if (migrated.isErr()) throw new Error(`${migrated.error.message}\n${migrated.error.hint}`);
await safe.close();

const custody = new CustodyDao(database);
const received = await custody.append({ evidence: 'knife', action: 'received', actor: 'ann' });
if (received.isErr()) throw new Error(received.error.message);
const examined = await custody.append({ evidence: 'knife', action: 'examined', actor: 'bob' });
if (examined.isErr()) throw new Error(examined.error.message);

// It was not Bob. What was written stays; another entry says so.
const corrects = examined.value.position;
const corrected = await custody.append({ evidence: 'knife', action: 'examined', actor: 'eve', corrects });
if (corrected.isErr()) throw new Error(corrected.error.message);
const inForce = await custody.inForce('knife');
if (inForce.isErr()) throw new Error(inForce.error.message);
console.log(inForce.value.map((row) => `${row.position} ${row.action} by ${row.actor}`).join(', '));

// Keep this where nobody who can write to the database can write.
const head = await custody.head();
if (head.isErr()) throw new Error(head.error.message);
const noted = head.value;
console.log(`noted: row ${noted.position}`);

// Whoever sends SQL meets the triggers; whoever owns the table takes them away, and meets the chain.
const { knex } = database;
await knex('chain_of_custody')
  .where({ position: 3 })
  .delete()
  .catch((error: Error) => console.log(error.message));
await knex.raw('DROP TRIGGER chain_of_custody_no_delete');
await knex('chain_of_custody').where({ position: 3 }).delete();
const says = async (...asked: Parameters<typeof custody.verify>): Promise<string> =>
  (await custody.verify(...asked)).match(
    ({ position }) => `fits together, up to row ${position}`,
    ({ message }) => message,
  );
console.log(await says());
console.log(await says({ noted }));
await database.close();
