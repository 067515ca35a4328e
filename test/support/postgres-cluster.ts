// A throw-away PostgreSQL cluster: made in a temporary folder, started on a free port, crashed and started again as tests and benchmarks like.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { removeAtEnd } from './at-end.js';

const run = promisify(execFile);
export const EXE = process.platform === 'win32' ? '.exe' : '';
/** The server refuses to be root's; nobody is there everywhere. */
const NOBODY = 65_534;

export interface Cluster {
  /** Connection URL of its maintenance database. */
  readonly url: string;
  /** Ends once it answers; after a crash, once it has recovered. */
  start(): Promise<void>;
  /** As `pg_ctl stop -m immediate` does: every process of it ends at once, and nothing is written any more. */
  crash(): Promise<void>;
  /** Crashed, and all of its files gone. */
  remove(): Promise<void>;
  /** The same after the last test, whatever became of the process that started it. */
  removeAtEnd(): void;
}

/** Where the binaries may be, best first: a folder that is named, Debian's by version, what is on the path. */
export function binaries(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env['PG_BIN'] ?? '').split(path.delimiter),
    ...versions.map((version) => path.join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(path.delimiter),
  ];
  return folders.find((folder) => folder !== '' && existsSync(path.join(folder, `initdb${EXE}`)));
}

/** Where Linux keeps files in memory; in a container there is often next to no room. */
const MEMORY = '/dev/shm';
const ROOM = 8e9;

/** Databases come and go some five times as fast where no disk has to remember them. */
function placeOf(fsync: string | undefined): string {
  if (fsync === 'on' || process.platform !== 'linux' || !existsSync(MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize > ROOM ? MEMORY : tmpdir();
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * `folder` holds the server's programs. A crash of the processes loses nothing that was given to the system: no fsync, unless
 * `more` says so.
 * `password`: of its superuser, which the server then asks for; without one it trusts everybody on this machine.
 */
export async function makeCluster(
  folder: string,
  more: Readonly<Record<string, string>> = {},
  password?: string,
): Promise<Cluster> {
  const directory = mkdtempSync(path.join(placeOf(more['fsync']), 'migrate-safe-pg-'));
  const data = path.join(directory, 'data');
  const asRoot = process.getuid?.() === 0;
  if (asRoot) chownSync(directory, NOBODY, NOBODY);
  const as = asRoot ? { uid: NOBODY, gid: NOBODY, cwd: directory } : { cwd: directory };
  const secret = path.join(directory, 'secret');
  if (password !== undefined) writeFileSync(secret, `${password}\n`);
  const auth = password === undefined ? ['--auth=trust'] : ['--auth=scram-sha-256', `--pwfile=${secret}`];
  await run(
    path.join(folder, `initdb${EXE}`),
    ['--no-sync', '--locale=C', '--encoding=UTF8', ...auth, '--username=postgres', '--pgdata', data],
    as,
  );
  const port = await freePort();
  const user = password === undefined ? 'postgres' : `postgres:${encodeURIComponent(password)}`;
  const url = `postgres://${user}@127.0.0.1:${port}/postgres`;
  const settings = { fsync: 'off', full_page_writes: 'off', listen_addresses: '127.0.0.1', ...more };
  const set = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let child: ChildProcess | undefined;
  const crash = async (): Promise<void> => {
    const ended = child?.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child?.kill('SIGQUIT');
    await ended;
  };
  return {
    url,
    start: async () => {
      const started = spawn(
        path.join(folder, `postgres${EXE}`),
        ['-D', data, '-p', String(port), '-k', directory, ...set],
        { ...as, stdio: 'ignore' },
      );
      child = started;
      try {
        await answering(url, data, started);
      } catch (error) {
        await crash();
        throw error;
      }
    },
    crash,
    remove: async () => {
      await crash();
      rmSync(directory, { recursive: true, force: true });
    },
    removeAtEnd: () => removeAtEnd(directory),
  };
}

/** Ready, and ours: another server may have taken the port in between. */
async function answering(url: string, data: string, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + 20_000; ;) {
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
