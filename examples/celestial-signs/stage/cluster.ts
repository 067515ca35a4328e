// A throw-away PostgreSQL server from the binaries that are installed, in a folder of its own, with a password as real ones have.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { value } from './sql.js';

const run = promisify(execFile);
const EXE = process.platform === 'win32' ? '.exe' : '';
/** PostgreSQL refuses to be root's; nobody is there everywhere. */
const NOBODY = 65_534;

export interface Cluster {
  /** Connection URL of its superuser, to the maintenance database. */
  readonly url: string;
  readonly port: number;
  /** Ends it as a power cut does, and removes its folder. */
  destroy(): Promise<void>;
}

/** Where the binaries are: a folder that is named, Debian's newest, what is on the path. Undefined where there are none. */
export function findBinaries(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env['PG_BIN'] ?? '').split(path.delimiter),
    ...versions.map((version) => path.join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(path.delimiter),
  ];
  return folders.find((folder) => folder !== '' && existsSync(path.join(folder, `initdb${EXE}`)));
}

/** `at`: the port that another had; a free one if none is named. */
export async function startCluster(binaries: string, at?: number): Promise<Cluster> {
  const directory = await mkdtemp(path.join(tmpdir(), 'celestial-signs-server-'));
  let server: ChildProcess | undefined;
  const destroy = async (): Promise<void> => {
    if (server !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit');
      server.kill('SIGQUIT');
      await ended;
    }
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const { as, data, password } = await initialise(binaries, directory);
    const port = at ?? (await freePort());
    const settings = {
      fsync: 'off',
      full_page_writes: 'off',
      synchronous_commit: 'off',
      listen_addresses: '127.0.0.1',
    };
    const given = Object.entries(settings).flatMap(([name, setting]) => ['-c', `${name}=${setting}`]);
    server = spawn(path.join(binaries, `postgres${EXE}`), ['-D', data, '-p', String(port), '-k', directory, ...given], {
      ...as,
      stdio: 'ignore',
    });
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
    await answering(url, data, server);
    return { url, port, destroy };
  } catch (error) {
    await destroy();
    throw error;
  }
}

interface Initialised {
  /** Who the server runs as. */
  readonly as: { readonly uid?: number; readonly gid?: number; readonly cwd: string };
  readonly data: string;
  readonly password: string;
}

async function initialise(binaries: string, directory: string): Promise<Initialised> {
  const password = 'only-for-the-demo';
  const data = path.join(directory, 'data');
  const secret = path.join(directory, 'password');
  await writeFile(secret, password, { mode: 0o600 });
  const asRoot = process.getuid?.() === 0;
  if (asRoot) for (const one of [directory, secret]) await chown(one, NOBODY, NOBODY);
  const as = asRoot ? { uid: NOBODY, gid: NOBODY, cwd: directory } : { cwd: directory };
  const form = ['--no-sync', '--locale=C', '--encoding=UTF8', '--auth=scram-sha-256', '--username=postgres'];
  await run(path.join(binaries, `initdb${EXE}`), [...form, `--pwfile=${secret}`, '--pgdata', data], as);
  return { as, data, password };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Ready, and this one: another server may have taken the port in between. */
async function answering(url: string, data: string, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + 20_000; ;) {
    try {
      const directory = await value<string>(url, 'SHOW data_directory');
      if (directory !== data) throw new Error('another server answers on its port');
      return;
    } catch (error) {
      if (child.exitCode !== null || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
