// The steps that crash tests run: each leaves a trace that shows whether it ran once, twice or half.
import { MigrationStep, type StepHandle } from 'migrate-safe';

const linger = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Starting point: 2,000 items with 4,000 parts that hang on them, and a table that a writer beside fills. */
export const CRASH_START = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, amount INTEGER NOT NULL, junk TEXT);
  CREATE TABLE parts (id INTEGER PRIMARY KEY, item_id INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, v TEXT);
  CREATE TABLE outside (id INTEGER PRIMARY KEY, v TEXT NOT NULL);
  CREATE TRIGGER items_named BEFORE INSERT ON items WHEN NEW.name = '' BEGIN SELECT RAISE(ABORT, 'no name'); END;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO items SELECT i, 'item ' || i, i % 97, NULL FROM n;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
    INSERT INTO parts SELECT i, 1 + i % 2000, 'part ' || i FROM n;
`;

/** What the items are after all steps, computed without a database. */
export const expectedAmount = (id: number): number => ((id % 97) + 1) * 3;

export function crashSteps(lingerMs: number): MigrationStep[] {
  const traced = (version: number, work: (knex: StepHandle) => PromiseLike<unknown>) => async (knex: StepHandle) => {
    await work(knex);
    await linger(lingerMs);
    // A second run of the same step would collide here or count double.
    await knex.raw(
      'INSERT INTO ran (version, times) VALUES (?, 1) ON CONFLICT (version) DO UPDATE SET times = times + 1',
      [version],
    );
  };
  return [
    new MigrationStep(1, 'trace', {
      apply: (knex) =>
        knex.schema.createTable('ran', (t) => {
          t.integer('version').primary();
          t.integer('times').notNullable();
        }),
    }),
    new MigrationStep(2, 'add one', { apply: traced(2, (knex) => knex('items').increment('amount', 1)) }),
    new MigrationStep(3, 'drop junk', {
      apply: traced(3, (knex) => knex.schema.alterTable('items', (t) => t.dropColumn('junk'))),
    }),
    new MigrationStep(4, 'times three', {
      apply: traced(4, (knex) => knex.raw('UPDATE items SET amount = amount * 3')),
    }),
    new MigrationStep(5, 'index', {
      apply: traced(5, (knex) =>
        knex.schema.alterTable('parts', (t) => {
          t.index(['v'], 'parts_v');
        }),
      ),
    }),
    new MigrationStep(6, 'more parts', {
      apply: traced(6, (knex) =>
        knex.raw(`INSERT INTO parts (item_id, v) SELECT id, 'extra' FROM items WHERE id <= 500`),
      ),
    }),
  ];
}
