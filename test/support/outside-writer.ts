// Another process that keeps writing rows and says which ones were acknowledged: none of them may ever be missing. A row is
// known by its text: a restore gives ids out twice.
import Database from 'better-sqlite3';

const db = new Database(process.argv[2] ?? '', { timeout: 30_000 });
const insert = db.prepare('INSERT INTO outside (v) VALUES (?)');
let going = true;
let rows = 0;
process.on('SIGTERM', () => {
  going = false;
});
while (going) {
  try {
    const text = `row ${++rows} of ${process.pid}`;
    insert.run(text);
    process.stdout.write(`${text}\n`);
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY') !== true) throw error;
  }
  await new Promise((resolve) => setTimeout(resolve, 2));
}
db.close();
