// A real PostgreSQL for the tests: one that the environment names, or a throw-away cluster of the newest binaries there are.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { atEnd } from './at-end.js';

const run = promisify(execFile);
const EXE = process.platform === 'win32' ? '.exe' : '';
/** The server refuses to be root's; nobody is there everywhere. */
const NOBODY = 65_534;

export interface TestServer {
  /** Connection URL of its maintenance database. */
  readonly url: string;
  /** The folder of `postgres`, `pg_dump` and the rest, where the server is one of ours. */
  readonly binaries: string | undefined;
}

/** Where the binaries may be, best first: a folder that is named, Debian's by version, what is on the path. */
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

function named(): string | undefined {
  const { MIGRATE_SAFE_TEST_PG: own, DATABASE_URL: url, PGHOST: host } = process.env;
  if (own !== undefined && own !== '') return own;
  if (/^postgres(ql)?:/.test(url ?? '')) return url;
  // The driver reads the rest of the PG* variables by itself.
  return host === undefined || host === '' ? undefined : `postgres:///postgres?host=${encodeURIComponent(host)}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** `password`: of its superuser, which the server then asks for; without one it trusts everybody on this machine. */
async function start(folder: string, password?: string): Promise<TestServer> {
  const directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-pg-'));
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
  const settings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', listen_addresses: '127.0.0.1' };
  const child = spawn(
    path.join(folder, `postgres${EXE}`),
    [
      '-D',
      data,
      '-p',
      String(port),
      '-k',
      directory,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { ...as, stdio: 'ignore' },
  );
  const user = password === undefined ? 'postgres' : `postgres:${encodeURIComponent(password)}`;
  const url = `postgres://${user}@127.0.0.1:${port}/postgres`;
  try {
    await answering(url, data, child);
  } catch (error) {
    child.kill('SIGQUIT');
    throw error;
  }
  atEnd(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGQUIT');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });
  return { url, binaries: folder };
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

let server: Promise<TestServer | undefined> | undefined;

/** The server of this test run, started by the first that asks; undefined where there is none. */
export function testServer(): Promise<TestServer | undefined> {
  server ??= find();
  return server;
}

async function find(): Promise<TestServer | undefined> {
  const url = named();
  if (url !== undefined) return { url, binaries: binaries() };
  const folder = binaries();
  return folder === undefined ? undefined : start(folder);
}

/** A server of the test's own that asks its superuser for `password`; skips the test where there are no binaries. */
export async function serverWithPassword(test: Mocha.Context, password: string): Promise<string> {
  const folder = binaries();
  return folder === undefined ? test.skip() : (await start(folder, password)).url;
}

/** A database of a test's own. */
export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** Skips the test where no PostgreSQL can be had, and says so; in CI that is a failure. */
export async function freshDatabase(test: Mocha.Context): Promise<TestDatabase> {
  const found = await testServer();
  if (found === undefined) {
    const how = 'install PostgreSQL (apt-get install postgresql), or name a server: MIGRATE_SAFE_TEST_PG=postgres://…';
    if (process.env['CI'] !== undefined) throw new Error(`there is no PostgreSQL to test with: ${how}`);
    process.stderr.write(`SKIPPED: there is no PostgreSQL to test with. ${how}\n`);
    return test.skip();
  }
  const name = `migrate_safe_test_${randomBytes(6).toString('hex')}`;
  const inServer = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: found.url });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await inServer(`CREATE DATABASE ${name}`);
  const url = new URL(found.url);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => inServer(`DROP DATABASE ${name} WITH (FORCE)`) };
}
