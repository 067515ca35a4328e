// How long an application waits that goes on writing while a run changes a table, its own or another one.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { migrateWithUs } from '../history.js';
import { median } from '../measure.js';
import { clusterOf, execute, type Cluster } from '../postgres/cluster.js';
import { writing } from '../postgres/writer.js';
import type { Row } from '../row.js';
import type { Scratch } from '../scratch.js';

const TURNS = 5;
const TABLES = [
  'CREATE TABLE orders (id integer PRIMARY KEY, customer text NOT NULL, amount integer NOT NULL)',
  `INSERT INTO orders SELECT i, 'customer ' || md5(i::text), i % 1000 FROM generate_series(1, 100000) i`,
  'CREATE TABLE visits (id integer PRIMARY KEY, times integer NOT NULL)',
  'INSERT INTO visits SELECT i, 0 FROM generate_series(1, 1000) i',
];
/** What the run does to `orders`. */
const STEP = [
  'ALTER TABLE orders ADD COLUMN note text',
  `UPDATE orders SET note = 'seen' WHERE id % 20 = 0`,
  'CREATE INDEX orders_amount ON orders (amount)',
];
const WRITE = {
  untouched: 'UPDATE visits SET times = times + 1 WHERE id = 1 + $1::int % 1000',
  touched: 'UPDATE orders SET amount = amount + 1 WHERE id = 1 + $1::int % 1000',
} as const;

/** A database with the tables, and a folder with the step that is to come. */
interface Application {
  readonly folder: string;
  readonly database: string;
}
type Work = (application: Application) => PromiseLike<unknown>;

/** The run as an application has it: file backup, table backup, guard and all. */
const withUs: Work = ({ folder, database }) => migrateWithUs(folder, { database });

/** By hand, as safe: nobody writes between the copy of the table and the step. */
const byHand: Work = ({ database }) =>
  execute(
    database,
    'BEGIN',
    'LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE',
    'CREATE TABLE orders_before AS TABLE orders',
    ...STEP,
    'COMMIT',
  );

const nothing: Work = () => new Promise((resolve) => setTimeout(resolve, 1000));

async function applicationOf(cluster: Cluster, scratch: Scratch): Promise<Application> {
  const [folder, database] = [scratch.folder(), await cluster.create()];
  mkdirSync(path.join(folder, 'steps'));
  const write = (name: string, statements: readonly string[]): void =>
    writeFileSync(path.join(folder, 'steps', name), `${statements.join(';\n')};\n`);
  write('0001_tables.sql', TABLES);
  await migrateWithUs(folder, { database, fileBackup: 'never' });
  await execute(database, 'VACUUM ANALYZE');
  write('0002_orders.sql', STEP);
  return { folder, database };
}

/** What a writer waited at the longest, in each of the turns. */
async function longestWaits(cluster: Cluster, scratch: Scratch, sql: string, theirWork: Work) {
  const waits: Record<'ours' | 'theirs', number[]> = { ours: [], theirs: [] };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [side, work] of [
      ['ours', withUs],
      ['theirs', theirWork],
    ] as const) {
      const application = await applicationOf(cluster, scratch);
      const { longest } = await writing(application.database, sql, () => work(application));
      waits[side].push(longest);
      await cluster.drop(application.database);
      scratch.remove(application.folder);
    }
  }
  return waits;
}

const rounded = (figures: readonly number[]): string =>
  figures
    .toSorted((a, b) => a - b)
    .map(Math.round)
    .join(', ');

const limitRow = (name: string, ms: number, measure: Row['measure']): Row => ({
  name,
  dialect: 'postgres',
  peer: `the limit of ${ms} ms`,
  unit: 'ms',
  atMost: 1,
  measure,
});

const UNTOUCHED_MS = 50;
export const postgresUntouched = limitRow('pg-wait-untouched', UNTOUCHED_MS, async (scratch) => {
  const cluster = await clusterOf(scratch);
  if (cluster === undefined) return undefined;
  const { ours, theirs } = await longestWaits(cluster, scratch, WRITE.untouched, nothing);
  return {
    ours: median(ours),
    theirs: UNTOUCHED_MS,
    note: `longest waits of ${TURNS} runs: ${rounded(ours)} ms; of a second each without a run: ${rounded(theirs)} ms`,
  };
});

const TOUCHED_MS = 100;
export const postgresTouched = limitRow('pg-wait-touched', TOUCHED_MS, async (scratch) => {
  const cluster = await clusterOf(scratch);
  if (cluster === undefined) return undefined;
  const { ours, theirs } = await longestWaits(cluster, scratch, WRITE.touched, byHand);
  return {
    ours: Math.max(0, median(ours) - median(theirs)),
    theirs: TOUCHED_MS,
    note: `longest waits of ${TURNS} runs: ${rounded(ours)} ms; of the same lock, copy and statements by hand: ${rounded(theirs)} ms`,
  };
});
