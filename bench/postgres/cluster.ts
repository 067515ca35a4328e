// The benchmark's own PostgreSQL server, started from installed binaries, as durable as in production: nothing is switched off.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Scratch } from '../scratch.js';

const run = promisify(execFile);
const EXE = process.platform === 'win32' ? '.exe' : '';
/** The server refuses to be root's; nobody is there everywhere. */
const NOBODY = 65_534;
const START_MS = 20_000;

export interface Cluster {
  /** Makes an empty database, and gives its URL. */
  create(): Promise<string>;
  drop(url: string): Promise<void>;
  /** The path of one of PostgreSQL's programs. */
  program(name: string): string;
}

/** Started by the first row that needs it, stopped at the end; undefined where there are no binaries. */
export const clusterOf = (scratch: Scratch): Promise<Cluster | undefined> =>
  scratch.once('postgres', async () => {
    const folder = binaries();
    return folder === undefined ? undefined : start(folder, scratch);
  });

function binaries(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env['PG_BIN'] ?? '').split(path.delimiter),
    ...versions.map((version) => path.join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(path.delimiter),
  ];
  return folders.find((folder) => folder !== '' && existsSync(path.join(folder, `initdb${EXE}`)));
}

async function start(folder: string, scratch: Scratch): Promise<Cluster> {
  const program = (name: string): string => path.join(folder, `${name}${EXE}`);
  const directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-bench-pg-'));
  const data = path.join(directory, 'data');
  const asRoot = process.getuid?.() === 0;
  if (asRoot) chownSync(directory, NOBODY, NOBODY);
  const as = asRoot ? { uid: NOBODY, gid: NOBODY, cwd: directory } : { cwd: directory };
  await run(program('initdb'), ['--locale=C', '--encoding=UTF8', '--auth=trust', '-U', 'postgres', '-D', data], as);
  const port = await freePort();
  const child = spawn(
    program('postgres'),
    ['-D', data, '-p', String(port), '-k', directory, '-c', 'listen_addresses=127.0.0.1'],
    { ...as, stdio: 'ignore' },
  );
  scratch.atEnd(async () => {
    if (child.exitCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGQUIT');
      await ended;
    }
    rmSync(directory, { recursive: true, force: true });
  });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await answering(url, data, child);
  return new OwnCluster(url, program);
}

class OwnCluster implements Cluster {
  readonly #url: string;
  readonly program: (name: string) => string;
  #made = 0;

  constructor(url: string, program: (name: string) => string) {
    this.#url = url;
    this.program = program;
  }

  async create(): Promise<string> {
    this.#made += 1;
    const name = `bench_${this.#made}`;
    await execute(this.#url, `CREATE DATABASE ${name}`);
    const url = new URL(this.#url);
    url.pathname = `/${name}`;
    return url.href;
  }

  drop(url: string): Promise<void> {
    return execute(this.#url, `DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
  }
}

/** Runs a script in the database at `url`. */
export async function execute(url: string, ...scripts: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const script of scripts) await client.query(script);
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Ready, and ours: another server may have taken the port in between. */
async function answering(url: string, data: string, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + START_MS; ;) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
      if (rows[0]?.data_directory !== data) throw new Error('another server answers on its port');
      return;
    } catch (error) {
      if (child.exitCode !== null || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
