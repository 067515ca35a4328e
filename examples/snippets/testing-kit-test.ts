// Tests of a DAO, each with a database of its own: TEST_SERVER=postgres://… runs the same on PostgreSQL.
import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, test } from 'node:test';
import { Dao, defineTable } from 'migrate-safe/dao';
import { createTestKit, type FreshDatabase } from 'migrate-safe/testing';
import * as z from 'zod';

const Products = defineTable('products', { id: z.int(), name: z.string(), stock: z.int() }, { primaryKey: 'id' });

const kit = createTestKit({
  steps: './migrations',
  server: process.env['TEST_SERVER'],
  seed: (database) => new Dao(database, Products).insert({ id: 1, name: 'lamp', stock: 3 }),
});
let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await kit.fresh();
});
afterEach(() => fresh.remove());
after(() => kit.close());

test('a product is sold', async () => {
  const products = new Dao(fresh.database, Products);
  const sold = await products.update(1, { stock: 2 });
  assert(sold.isOk() && sold.value.stock === 2);
});

test('another test does not know of it', async () => {
  const product = await new Dao(fresh.database, Products).get(1);
  assert(product.isOk() && product.value.stock === 3);
});
