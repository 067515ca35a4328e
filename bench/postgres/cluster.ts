// The benchmark's own PostgreSQL server, started from installed binaries, as durable as in production: nothing is switched off.
import path from 'node:path';
import pg from 'pg';
import { binaries, EXE, makeCluster } from '../../test/support/postgres-cluster.js';
import type { Scratch } from '../scratch.js';

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

async function start(folder: string, scratch: Scratch): Promise<Cluster> {
  const server = await makeCluster(folder, { fsync: 'on', full_page_writes: 'on' });
  scratch.atEnd(() => server.remove());
  await server.start();
  return new OwnCluster(server.url, (name) => path.join(folder, `${name}${EXE}`));
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
