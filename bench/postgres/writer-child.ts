// Writes until its input ends: one statement after the other, each a transaction, `$1` counting up.
import pg from 'pg';

const [url = '', sql = ''] = process.argv.slice(2);
const WARM_UP = 20;
const client = new pg.Client({ connectionString: url });
await client.connect();
let goesOn = true;
process.stdin.on('end', () => (goesOn = false)).resume();

let longest = 0;
let writes = 0;
for (let count = 0; goesOn; count++) {
  const started = performance.now();
  await client.query(sql, [count]);
  const took = performance.now() - started;
  if (count === WARM_UP) process.stdout.write('begun\n');
  if (count > WARM_UP) {
    longest = Math.max(longest, took);
    writes += 1;
  }
  // An application has something else to do, too.
  await new Promise((resolve) => setTimeout(resolve, 2));
}
process.stdout.write(`${JSON.stringify({ longest, writes })}\n`);
await client.end();
