// DAOs in an Inversify container: one pool for the process, a handler per request, a unit of work for what belongs together.
import { inject, injectable, Container, ContainerModule } from 'inversify';
import { Dao, defineTable, Tokens, type AppDatabase, type DaoError, type UnitOfWork } from 'migrate-safe/dao';
import { databaseModule } from 'migrate-safe/dao/di';
import { err, ok, type ResultAsync } from 'neverthrow';
import * as z from 'zod';

const Products = defineTable('products', { id: z.int(), name: z.string(), stock: z.int() }, { primaryKey: 'id' });
const Orders = defineTable(
  'orders',
  { id: z.int(), product_id: z.int(), quantity: z.int().positive(), ordered_at: z.date() },
  { primaryKey: 'id', defaults: ['id'], timestamps: { createdAt: 'ordered_at' } },
);

@injectable()
export class ProductsDao extends Dao<typeof Products> {
  constructor(@inject(Tokens.AppDatabase) database: AppDatabase) {
    super(database, Products);
  }
}

@injectable()
export class OrdersDao extends Dao<typeof Orders> {
  constructor(@inject(Tokens.AppDatabase) database: AppDatabase) {
    super(database, Orders);
  }

  ofProduct(id: number) {
    return this.list({ where: { product_id: id }, orderBy: [['ordered_at', 'desc']] });
  }
}

type OrderError = DaoError | { readonly kind: 'out-of-stock'; readonly left: number };

/** Both writes happen, or neither: the DAOs join the unit by being called inside it. */
@injectable()
export class PlaceOrder {
  constructor(
    @inject(ProductsDao) private readonly products: ProductsDao,
    @inject(OrdersDao) private readonly orders: OrdersDao,
    @inject(Tokens.UnitOfWork) private readonly unitOfWork: UnitOfWork,
  ) {}

  handle(productId: number, quantity: number): ResultAsync<{ readonly orderId: number }, OrderError> {
    return this.unitOfWork.run(async () => {
      const order = await this.orders.insert({ product_id: productId, quantity });
      if (order.isErr()) return err(order.error);
      const product = await this.products.get(productId);
      if (product.isErr()) return err(product.error);
      const left = product.value.stock - quantity;
      if (left < 0) return err({ kind: 'out-of-stock' as const, left: product.value.stock });
      const updated = await this.products.update(productId, { stock: left });
      return updated.isErr() ? err(updated.error) : ok({ orderId: order.value.id });
    });
  }
}

/** A DAO holds no state: one for the process. A handler is made for each request. */
export const ordersModule = new ContainerModule(({ bind }) => {
  bind(ProductsDao).toSelf().inSingletonScope();
  bind(OrdersDao).toSelf().inSingletonScope();
  bind(PlaceOrder).toSelf().inTransientScope();
});

export function application(url: string): Container {
  const container = new Container();
  container.load(databaseModule({ database: url }), ordersModule);
  return container;
}

// const container = application('postgres://app@127.0.0.1/shop');
// server.post('/orders', (request) => container.get(PlaceOrder).handle(request.body.product, request.body.quantity));
// process.once('SIGTERM', () => container.unbindAllAsync());   // closes the pool
