import { createMigrateSafe } from 'migrate-safe';
import { openDatabase, or } from 'migrate-safe/dao';
import { err, ok } from 'neverthrow';
import { BooksDao, type Books } from './dao-table.js';

const database = openDatabase({ database: 'sqlite:library.db' });
const migrated = await createMigrateSafe({ database: database.knex, steps: './migrations' }).up();
if (migrated.isErr()) throw new Error(`${migrated.error.message}\n${migrated.error.hint}`);

const books = new BooksDao(database);
const emma = await books.insert({ title: 'Emma', author: 'Jane Austen', published: '1815-12-23' });
if (emma.isErr()) throw new Error(emma.error.message);
console.log(`added ${emma.value.title} with ${emma.value.copies} copy at ${emma.value.added_at.getUTCFullYear()}`);

// Either both of these happen, or neither does.
const lent = await database.unitOfWork.run(async () => {
  const book = await books.get(emma.value.id);
  if (book.isErr()) return err(book.error);
  if (book.value.copies === 0) return err({ kind: 'none-left' as const });
  const left = await books.update(book.value.id, { copies: book.value.copies - 1 });
  return left.andThen(() => ok(book.value.title));
});
console.log(lent.isOk() ? `lent ${lent.value}` : `not lent: ${lent.error.kind}`);

const found = await books.page({
  where: or<typeof Books>({ title: { contains: 'mm' } }, { copies: { gte: 2 } }),
  orderBy: ['author', ['published', 'desc']],
  size: 20,
});
if (found.isErr()) throw new Error(found.error.message);
console.log(found.value.rows.map(({ title, copies }) => `${title}: ${copies} left`).join('\n'));

const figures = await books.aggregate({
  groupBy: ['author'],
  select: (a) => ({ books: a.count(), copies: a.sum('copies') }),
});
console.log(figures.map((rows) => rows.map(({ author, books: n }) => `${author} ${n}`).join()).unwrapOr('no figures'));
await database.close();
