// A program that says what it works with: no migration goes through after which it could not.
import { createMigrateSafe } from 'migrate-safe';
import { Dao, defineQuery, defineTable, openDatabase } from 'migrate-safe/dao';
import * as z from 'zod';

const Requests = defineTable(
  'completion_requests',
  { id: z.int(), model: z.string(), tokens: z.int().nullable(), started_at: z.date() },
  { primaryKey: 'id', defaults: ['id'] },
);
class RequestsDao extends Dao<typeof Requests> {
  static readonly table = Requests;
}
const TokensOfModel = defineQuery('tokens of a model', {
  row: z.object({ tokens: z.coerce.number().nullable() }),
  sample: { model: 'm-1' },
  build: (knex, { model }) => knex('completion_requests').where({ model }).sum({ tokens: 'tokens' }),
});

const database = 'sqlite:app.db';
const safe = createMigrateSafe({ database, steps: './migrations', contract: [RequestsDao, TokensOfModel] });
const outcome = await safe.up();
await safe.close();
if (outcome.isErr()) throw new Error(`${outcome.error.message}. ${outcome.error.hint}`);

const app = openDatabase({ database });
const requests = new RequestsDao(app, Requests);
const inserted = await requests.insert({ model: 'm-1', tokens: 12, started_at: new Date() });
const sums = await app.ask(TokensOfModel, { model: 'm-1' });
console.log(inserted.isOk(), sums.unwrapOr([]));
await app.close();
