// A PgBouncer of a test's own, in transaction mode, in front of the server that the tests use.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { freePort } from './postgres-cluster.js';

const NOBODY = 65_534;

function program(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => path.join(folder, 'pgbouncer')).find((file) => existsSync(file));
}

export interface Pooler {
  /** The same database, through the pooler. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Skips the test where there is no PgBouncer, and says so. `size`: how many server processes all clients share. */
export async function poolerFor(test: Mocha.Context, url: string, size = 3): Promise<Pooler> {
  const file = program();
  if (file === undefined || process.platform === 'win32') {
    process.stderr.write('SKIPPED: there is no PgBouncer to test with (apt-get install pgbouncer)\n');
    return test.skip();
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-pooler-'));
  const port = await freePort();
  const { host, port: serverPort, user, password } = new pg.Client({ connectionString: url });
  const secret = typeof password === 'string' && password !== '' ? ` password=${password}` : '';
  writeFileSync(
    path.join(directory, 'pgbouncer.ini'),
    `[databases]
* = host=${host} port=${serverPort} user=${user}${secret}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${size}
max_client_conn = 200
`,
    { mode: 0o600 },
  );
  const asRoot = process.getuid?.() === 0;
  if (asRoot) {
    chmodSync(directory, 0o755);
    chmodSync(path.join(directory, 'pgbouncer.ini'), 0o644);
  }
  const child = spawn(file, [path.join(directory, 'pgbouncer.ini')], {
    stdio: 'ignore',
    cwd: directory,
    ...(asRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  const pooled = new URL(url);
  pooled.searchParams.delete('host');
  pooled.host = `127.0.0.1:${port}`;
  for (const end = Date.now() + 10_000; ;) {
    const client = new pg.Client({ connectionString: pooled.href });
    try {
      await client.connect();
      break;
    } catch (error) {
      if (child.exitCode !== null || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  return { url: pooled.href, stop };
}
