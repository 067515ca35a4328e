// The example's proxy on PostgreSQL, a pool of 10: 1,000 requests a second for a minute, each of which writes a row.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import autocannon from 'autocannon';
import pg from 'pg';
import { clusterOf } from '../postgres/cluster.js';
import type { Row } from '../row.js';

const RATE = 1000;
const SECONDS = 60;
const CONNECTIONS = 50;
const SERVER = path.resolve('.build/examples/metrics-proxy/serve.js');
const REQUEST = {
  started_at: '2026-04-01T08:30:00Z',
  provider: 'openai',
  model: 'gpt-4o',
  prompt_tokens: 812,
  completion_tokens: 240,
  duration_ms: 3391,
  success: true,
};

/** Every request is answered with 201, and every answer has its row. */
export const apiUnderLoad: Row = {
  name: 'pg-api-load',
  dialect: 'postgres',
  peer: `${RATE * SECONDS} requests`,
  unit: 'ms',
  atMost: 1,
  async measure(scratch) {
    const cluster = await clusterOf(scratch);
    if (cluster === undefined) return undefined;
    const url = await cluster.create();
    const args = ['--database', url, '--backups', scratch.folder(), '--port', '0'];
    const server = spawn(process.execPath, [SERVER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const address = await listening(server.stdout);
      const result = await autocannon({
        url: `${address}/completion_requests`,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(REQUEST),
        overallRate: RATE,
        duration: SECONDS,
        connections: CONNECTIONS,
        workers: 1,
      });
      const rows = await rowsIn(url);
      const { errors, timeouts, non2xx, latency, '2xx': answered } = result;
      // What was under way when the minute was over was written, and its answer not waited for.
      const lost = Math.max(0, answered - rows, rows - answered - CONNECTIONS);
      const failed = errors + timeouts + non2xx + lost;
      const note = `${failed} failed, ${rows} rows for ${answered} answers, p50 ${latency.p50} ms, p99 ${latency.p99} ms`;
      // What the requests of a minute took, had all of them been answered at this rate; a failure is never good enough.
      const took = (1000 * SECONDS * RATE * SECONDS) / Math.max(1, answered);
      return { ours: failed > 0 ? took * 1000 : took, theirs: 1000 * SECONDS * 1.02, note };
    } finally {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
      await cluster.drop(url);
    }
  },
};

async function listening(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('the server ended before it listened');
}

async function rowsIn(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM completion_requests');
  await client.end();
  return rows[0]?.n ?? 0;
}
