// A process that holds the lease, is stopped by its parent for longer than that lasts, and then writes as if nothing had been.
import type { ResultAsync } from 'neverthrow';
import pg from 'pg';
import type { SqlError } from '#src/core/ports/session.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { LeaseLock } from '#src/dao/dialects/postgres/lease-lock.js';
import { value } from './project.js';

const [url = '', where = 'between', leaseMs = '1000'] = process.argv.slice(2);
const work = value(await PostgresConnection.connect(pg, { connectionString: url }));
const lock = new LeaseLock(work, 'test', Number(leaseMs));
const lease = value(
  await lock.acquire(
    { pid: process.pid, host: 'elsewhere', since: new Date().toISOString(), runId: 'sleeper', doing: 'up' },
    { waitMs: 60_000, signal: new AbortController().signal, onWaiting: () => undefined },
  ),
);
const told: string[] = [];
const tell = async <T>(name: string, outcome: ResultAsync<T, SqlError>): Promise<boolean> => {
  const result = await outcome;
  told.push(`${name}: ${result.isOk() ? 'ok' : `${result.error.kind} ${result.error.code}`}`);
  return result.isOk();
};
const begin = async (): Promise<boolean> =>
  (await tell('begin', work.run('BEGIN'))) && (await tell('fence', lock.fence()));
const goesOn =
  where === 'between' ||
  ((await begin()) && (await tell('write', work.run(`INSERT INTO public.written VALUES ('sleeper, before')`))));
// The parent answers when it has let the sleeper go on.
const woken = new Promise((resolve) => process.once('SIGUSR2', resolve));
process.stdout.write('ready\n');
await woken;
if (goesOn && (where === 'inside' || (await begin()))) {
  await tell('write', work.run(`INSERT INTO public.written VALUES ('sleeper, after')`));
  await tell('commit', work.run('COMMIT'));
}
await tell('reconnect', work.reconnect());
await tell('retake', lock.retake());
process.stdout.write(`${JSON.stringify(told)}\n`);
value(await lease.release());
value(await work.close());
