// The rows' work by Drizzle, whose tables and databases are of one dialect each.
import Sqlite from 'better-sqlite3';
import { eq } from 'drizzle-orm';
import { drizzle as overSqlite } from 'drizzle-orm/better-sqlite3';
import { drizzle as overPostgres } from 'drizzle-orm/node-postgres';
import * as postgres from 'drizzle-orm/pg-core';
import * as sqlite from 'drizzle-orm/sqlite-core';
import pg from 'pg';
import { chunksOf, MOST_CONNECTIONS, type OpenWay, type Place } from '../way.js';

const inPostgres = postgres.pgTable('people', {
  id: postgres.integer('id').primaryKey().generatedByDefaultAsIdentity(),
  name: postgres.text('name').notNull(),
  age: postgres.integer('age').notNull(),
  score: postgres.doublePrecision('score').notNull(),
  active: postgres.boolean('active').notNull(),
  city: postgres.text('city').notNull(),
});
const inSqlite = sqlite.sqliteTable('people', {
  id: sqlite.integer('id').primaryKey(),
  name: sqlite.text('name').notNull(),
  age: sqlite.integer('age').notNull(),
  score: sqlite.real('score').notNull(),
  active: sqlite.integer('active', { mode: 'boolean' }).notNull(),
  city: sqlite.text('city').notNull(),
});

export const drizzleAt = ({ dialect, address }: Place): OpenWay =>
  dialect === 'sqlite' ? onSqlite(address) : onPostgres(address);

function onPostgres(address: string): OpenWay {
  const pool = new pg.Pool({ connectionString: address, max: MOST_CONNECTIONS });
  const db = overPostgres(pool);
  const people = inPostgres;
  return {
    name: 'drizzle',
    get: (id) => db.select().from(people).where(eq(people.id, id)),
    insert: (person) => db.insert(people).values(person).returning(),
    update: (id, change) => db.update(people).set(change).where(eq(people.id, id)).returning(),
    list: (limit) => db.select().from(people).limit(limit),
    insertMany: (rows) => {
      const chunks = chunksOf(rows);
      return () =>
        db.transaction(async (transaction) => {
          for (const chunk of chunks) await transaction.insert(people).values(chunk);
        });
    },
    close: () => pool.end(),
  };
}

function onSqlite(address: string): OpenWay {
  const client = new Sqlite(address);
  const db = overSqlite(client);
  const people = inSqlite;
  return {
    name: 'drizzle',
    get: (id) => db.select().from(people).where(eq(people.id, id)),
    insert: (person) => db.insert(people).values(person).returning(),
    update: (id, change) => db.update(people).set(change).where(eq(people.id, id)).returning(),
    list: (limit) => db.select().from(people).limit(limit),
    insertMany: (rows) => {
      const chunks = chunksOf(rows);
      return async () =>
        // Its transaction on this driver takes no promise.
        db.transaction((transaction) => {
          for (const chunk of chunks) transaction.insert(people).values(chunk).run();
        });
    },
    close: async () => client.close(),
  };
}
