// An application beside the migration: holds a database in one of several ways until it is told (SIGTERM), or for some time,
// then writes or lets go.
import BetterSqlite3 from 'better-sqlite3';

const [file = '', mode = 'write', ms = '60000'] = process.argv.slice(2);
const db = new BetterSqlite3(file, { timeout: 5000 });
if (mode === 'exclusive') db.exec('BEGIN EXCLUSIVE');
else if (mode === 'write') db.exec(`BEGIN IMMEDIATE; INSERT INTO t (v) VALUES ('held')`);
else db.prepare('SELECT count(*) FROM t').get();

function end(): void {
  if (mode === 'idle') {
    db.exec(`INSERT INTO t (v) VALUES ('after')`);
    process.stdout.write('wrote\n');
  } else {
    db.exec('COMMIT');
  }
  db.close();
}

const waiting = setTimeout(end, Number(ms));
process.once('SIGTERM', () => {
  clearTimeout(waiting);
  end();
});
process.stdout.write('held\n');
