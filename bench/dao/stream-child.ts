// The process whose memory is measured while it reads every row of a table, one after the other.
import { Worker } from 'node:worker_threads';
import { Dao, openDatabase } from 'migrate-safe/dao';
import { WATCH } from '../watch.js';
import { People } from './table.js';

const [url = ''] = process.argv.slice(2);
const database = openDatabase({ database: url });
const dao = new Dao(database, People);
const watch = new Worker(WATCH, { eval: true });
const answer = (): Promise<unknown> => new Promise((resolve) => watch.once('message', resolve));
await answer();
let rows = 0;
for await (const row of dao.stream()) {
  if (row.isErr()) throw new Error(row.error.message);
  rows += 1;
}
const highest = answer();
watch.postMessage('end');
process.stdout.write(JSON.stringify({ rows, grownBy: await highest }));
await watch.terminate();
await database.knex.destroy();
