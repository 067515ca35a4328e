// Overriding in tests: the database, or one DAO, is another; everything else is as the application binds it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errAsync } from 'neverthrow';
import { openDatabase, Tokens } from 'migrate-safe/dao';
import { application, OrdersDao, PlaceOrder, ProductsDao } from './dao-inversify.js';

/** The application on a database in memory. */
async function shop() {
  const container = application('sqlite:never-opened.db');
  const database = openDatabase({ database: 'sqlite::memory:' });
  container.rebind(Tokens.AppDatabase).toConstantValue(database);
  await database.knex.raw('CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, stock INTEGER NOT NULL)');
  await database.knex.raw(
    'CREATE TABLE orders (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products, quantity INTEGER NOT NULL, ordered_at TEXT NOT NULL)',
  );
  const inserted = await container.get(ProductsDao).insert({ id: 1, name: 'lamp', stock: 3 });
  assert(inserted.isOk());
  return { container, database };
}

test('an order takes from the stock', async () => {
  const { container, database } = await shop();
  const placed = await container.get(PlaceOrder).handle(1, 2);
  assert(placed.isOk());
  const product = await container.get(ProductsDao).get(1);
  assert(product.isOk() && product.value.stock === 1);
  await database.close();
});

test('an order of more than there is leaves nothing behind', async () => {
  const { container, database } = await shop();
  const placed = await container.get(PlaceOrder).handle(1, 4);
  assert(placed.isErr() && placed.error.kind === 'out-of-stock');
  const orders = await container.get(OrdersDao).count();
  assert(orders.isOk() && orders.value === 0);
  await database.close();
});

test('an order that meets a busy database says so', async () => {
  const { container, database } = await shop();
  class BusyProducts extends ProductsDao {
    override update() {
      return errAsync({ kind: 'busy' as const, message: 'somebody else is writing' });
    }
  }
  container.rebind(ProductsDao).toConstantValue(new BusyProducts(database));
  const placed = await container.get(PlaceOrder).handle(1, 1);
  assert(placed.isErr() && placed.error.kind === 'busy');
  await database.close();
});
