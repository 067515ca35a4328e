// An application that has a knex instance already: the engine takes its configuration and opens connections of its own.
import knex from 'knex';
import { createMigrateSafe } from 'migrate-safe';

const db = knex({ client: 'better-sqlite3', connection: { filename: 'app.db' }, useNullAsDefault: true });

const safe = createMigrateSafe({ database: db, steps: './migrations', backups: './backups' });
const outcome = await safe.up();
await safe.close();
if (outcome.isErr()) {
  await db.destroy();
  throw new Error(`${outcome.error.code} ${outcome.error.message}. ${outcome.error.hint}`);
}
// From here on the application uses `db`.
