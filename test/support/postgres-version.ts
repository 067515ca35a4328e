// What the server of a test can do by its version, and whether PostgreSQL's own programs for it are on this machine.
import pg from 'pg';
import { findTools, majorOf } from '#src/dao/dialects/postgres/backup/tools.js';
import { testServer } from './postgres.js';

let version: Promise<number> | undefined;

/** Of the server that the tests use, as `server_version_num` counts: 150018 is 15.18; 0 where there is none. */
export function testVersion(): Promise<number> {
  version ??= askVersion();
  return version;
}

async function askVersion(): Promise<number> {
  const server = await testServer();
  if (server === undefined) return 0;
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num');
    return Number(rows[0]?.server_version_num);
  } finally {
    await client.end();
  }
}

const said = new Set<string>();

function skip(test: Mocha.Context, reason: string): never {
  if (!said.has(reason)) process.stderr.write(`SKIPPED: ${reason}\n`);
  said.add(reason);
  return test.skip();
}

/** Skips, and says so, where the server is older than `major`. */
export async function needsVersion(test: Mocha.Context, major: number, what: string): Promise<void> {
  const found = await testVersion();
  if (found !== 0 && found < major * 10_000) skip(test, `${what} is there since PostgreSQL ${major}`);
}

/** Of which version the pg_dump, pg_restore and psql are that fit the server. */
export async function toolsAre(): Promise<'the same' | 'newer' | 'missing'> {
  const found = await testVersion();
  const tools = await findTools(found);
  if (tools.isErr()) return 'missing';
  return majorOf(tools.value.version) === majorOf(found) ? 'the same' : 'newer';
}

/** Since version 14 a server notices in the middle of a statement that nobody is there any more; before, it comes to its end. */
export const noticesTheDead = async (): Promise<boolean> => majorOf(await testVersion()) >= 14;

/** For the `before` of a suite that makes archives: skips it, and says so, where the programs do not fit the server. */
export async function needsTools(test: Mocha.Context): Promise<void> {
  const found = await testVersion();
  if (found === 0) return;
  const tools = await findTools(found);
  if (tools.isErr())
    skip(test, `there are no pg_dump, pg_restore and psql for PostgreSQL ${tools.error.major}: ${tools.error.install}`);
}
