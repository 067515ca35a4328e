// Another process that keeps writing rows to PostgreSQL and says which ones were acknowledged: none of them may ever be missing.
import pg from 'pg';

const [url = ''] = process.argv.slice(2);
let going = true;
let rows = 0;
process.on('SIGTERM', () => {
  going = false;
});
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function write(): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    while (going) {
      // A row whose answer is lost may be there or not: its text is never used again.
      const text = `row ${++rows} of ${process.pid}`;
      await client.query('INSERT INTO outside (v) VALUES ($1)', [text]);
      process.stdout.write(`${text}\n`);
      await pause(2);
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

while (going) {
  // A server that is down or recovers is met again.
  await write().catch(() => pause(20));
}
