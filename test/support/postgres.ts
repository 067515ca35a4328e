// A real PostgreSQL for the tests: one that the environment names, or a throw-away cluster of the newest binaries there are.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { binaries, makeCluster } from './postgres-cluster.js';

export interface TestServer {
  /** Connection URL of its maintenance database. */
  readonly url: string;
  /** The folder of `postgres`, `pg_dump` and the rest, where the server is one of ours. */
  readonly binaries: string | undefined;
}

function named(): string | undefined {
  const { MIGRATE_SAFE_TEST_PG: own, DATABASE_URL: url, PGHOST: host } = process.env;
  if (own !== undefined && own !== '') return own;
  if (/^postgres(ql)?:/.test(url ?? '')) return url;
  // The driver reads the rest of the PG* variables by itself.
  return host === undefined || host === '' ? undefined : `postgres:///postgres?host=${encodeURIComponent(host)}`;
}

/** `password`: of its superuser, which the server then asks for; without one it trusts everybody on this machine. */
async function start(folder: string, password?: string): Promise<TestServer> {
  const cluster = await makeCluster(folder, { synchronous_commit: 'off' }, password);
  await cluster.start();
  cluster.removeAtEnd();
  return { url: cluster.url, binaries: folder };
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
