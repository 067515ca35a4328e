// Another process that keeps writing rows and says which ones were acknowledged: none of them may ever be missing.
import Database from 'better-sqlite3';

const db = new Database(process.argv[2] ?? '', { timeout: 30_000 });
const insert = db.prepare('INSERT INTO outside (v) VALUES (?)');
let going = true;
process.on('SIGTERM', () => {
  going = false;
});
while (going) {
  try {
    const { lastInsertRowid } = insert.run(`row of ${process.pid}`);
    process.stdout.write(`${lastInsertRowid}\n`);
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY') !== true) throw error;
  }
  await new Promise((resolve) => setTimeout(resolve, 2));
}
db.close();
