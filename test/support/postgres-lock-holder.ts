// Another process that takes the run lock on PostgreSQL, counts one up under it in two steps, and lets it go, or keeps it.
import pg from 'pg';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { PostgresLock } from '#src/dao/dialects/postgres/postgres-lock.js';
import { value } from './project.js';

const [url = '', then = 'count'] = process.argv.slice(2);
const connection = value(await PostgresConnection.connect(pg, { connectionString: url }));
const lease = value(
  await new PostgresLock(connection, 'test').acquire(
    { pid: process.pid, host: 'elsewhere', since: new Date().toISOString(), runId: 'r', doing: 'applying 0003 purge' },
    { waitMs: 60_000, signal: new AbortController().signal, onWaiting: () => undefined },
  ),
);
if (then === 'keep') {
  process.stdout.write('held\n');
  await new Promise((resolve) => setTimeout(resolve, 60_000));
} else {
  const [row] = value(await connection.all<{ n: number }>('SELECT n FROM public.counted'));
  await new Promise((resolve) => setTimeout(resolve, 30));
  value(await connection.run('UPDATE public.counted SET n = ?', [(row?.n ?? 0) + 1]));
}
value(await lease.release());
value(await connection.close());
