// A database of about 500 MB as an application would have it: a few tables of text and numbers, and indexes.
import { once } from 'node:events';
import path from 'node:path';
import sqlite3 from 'sqlite3';
import type { Scratch } from './scratch.js';

const STATEMENTS = [
  'PRAGMA synchronous = OFF',
  'CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, created_at INTEGER NOT NULL)',
  'CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), amount REAL NOT NULL, note TEXT, placed_at INTEGER NOT NULL)',
  'CREATE TABLE requests (id INTEGER PRIMARY KEY, model TEXT NOT NULL, prompt TEXT NOT NULL, tokens INTEGER NOT NULL)',
  `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
   INSERT INTO customers SELECT i, 'Customer ' || hex(randomblob(8)), hex(randomblob(10)) || '@example.org', 1700000000 + i FROM n`,
  `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500000)
   INSERT INTO orders SELECT i, 1 + abs(random()) % 200000, (abs(random()) % 100000) / 7.0, 'Order ' || hex(randomblob(16)), 1700000000 + i FROM n`,
  `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 820000)
   INSERT INTO requests SELECT i, 'model-' || i % 12, hex(randomblob(210)), abs(random()) % 8000 FROM n`,
  'CREATE INDEX orders_customer ON orders (customer_id)',
  'CREATE INDEX customers_email ON customers (email)',
];

/** Made once; returns the folder that has it as `app.db`. */
export const largeDatabase = (scratch: Scratch): Promise<string> =>
  scratch.once('large-database', async () => {
    const folder = scratch.folder();
    const db = new sqlite3.Database(path.join(folder, 'app.db'));
    await new Promise<void>((resolve, reject) => {
      db.exec(STATEMENTS.join(';\n'), (error) => (error ? reject(error) : resolve()));
    });
    db.close();
    await once(db, 'close');
    return folder;
  });
