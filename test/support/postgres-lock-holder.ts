// Another process that takes the run lock on PostgreSQL, counts one up under it in two steps, and lets it go, or keeps it.
import pg from 'pg';
import { lockFor } from '#src/dao/dialects/postgres/choose-lock.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { LeaseLock } from '#src/dao/dialects/postgres/lease-lock.js';
import { value } from './project.js';

const [url = '', then = 'count', leaseMs] = process.argv.slice(2);
const connection = value(await PostgresConnection.connect(pg, { connectionString: url }));
const lock = leaseMs === undefined ? lockFor(connection, 'test') : new LeaseLock(connection, 'test', Number(leaseMs));
const lease = value(
  await lock.acquire(
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
