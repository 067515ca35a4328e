// The process whose memory is measured while it reads every row of a table, one after the other: by a DAO, or by knex in
// pages of the same size.
import { Dao, openDatabase } from 'migrate-safe/dao';
import { peakFromHere } from '../peak.js';
import { People } from './table.js';

const PAGE = 500;

const [url = '', way] = process.argv.slice(2);
const database = openDatabase({ database: url });
const dao = new Dao(database, People);

async function* byHand(): AsyncGenerator<void> {
  let last = -1;
  for (;;) {
    const rows = await database.knex<{ id: number }>('people').where('id', '>', last).orderBy('id').limit(PAGE);
    for (const { id } of rows) {
      last = id;
      yield;
    }
    if (rows.length < PAGE) return;
  }
}

async function* byDao(): AsyncGenerator<void> {
  for await (const row of dao.stream()) {
    if (row.isErr()) throw new Error(row.error.message);
    yield;
  }
}

// Connected, with its driver loaded.
if ((await dao.get(1)).isErr()) throw new Error('the database does not open');
const grown = peakFromHere();
let rows = 0;
for await (const _ of way === 'by-hand' ? byHand() : byDao()) rows += 1;
process.stdout.write(JSON.stringify({ rows, grown: grown() }));
await database.knex.destroy();
