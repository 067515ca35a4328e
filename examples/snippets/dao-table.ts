import { Dao, defineTable, type AppDatabase } from 'migrate-safe/dao';
import * as z from 'zod';

export const Books = defineTable(
  'books',
  {
    id: z.int(),
    title: z.string().min(1),
    author: z.string(),
    published: z.iso.date().nullable(),
    copies: z.int().nonnegative().default(1),
    tags: z.array(z.string()).default([]),
    added_at: z.date(),
  },
  { primaryKey: 'id', defaults: ['id'], timestamps: { createdAt: 'added_at' } },
);

export class BooksDao extends Dao<typeof Books> {
  constructor(database: AppDatabase) {
    super(database, Books);
  }

  byAuthor(author: string) {
    return this.list({ where: { author }, orderBy: [['published', 'desc']] });
  }
}
