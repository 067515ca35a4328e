// A PostgreSQL database of about 400 MB, half of it narrow rows that compress well, half of it text as people write it.
import type { Scratch } from '../scratch.js';
import { clusterOf, execute, type Cluster } from './cluster.js';

const STATEMENTS = [
  'SELECT setseed(0.5)',
  `CREATE TABLE accounts (id integer PRIMARY KEY, branch integer NOT NULL, balance integer NOT NULL, filler char(84) NOT NULL)`,
  `INSERT INTO accounts SELECT i, i % 100, (random() * 100000)::int, '' FROM generate_series(1, 1500000) i`,
  `CREATE TABLE docs (id bigint PRIMARY KEY, owner_id integer NOT NULL REFERENCES accounts (id), title text NOT NULL,
    body text NOT NULL, price numeric(10, 2) NOT NULL, tags text[] NOT NULL, made_at timestamptz NOT NULL)`,
  `INSERT INTO docs SELECT i, 1 + (random() * 1499999)::int, 'Document number ' || i,
    'It says ' || md5(i::text) || ', and then again what it said before, for customer ' || (random() * 10000)::int,
    (random() * 1000)::numeric(10, 2), ARRAY['tag' || i % 7, 'tag' || i % 31],
    timestamptz '2024-01-01' + i * interval '1 second' FROM generate_series(1, 800000) i`,
  'CREATE INDEX docs_owner ON docs (owner_id)',
  'VACUUM ANALYZE',
];

export interface LargeDatabase {
  readonly cluster: Cluster;
  readonly url: string;
}

/** Made once; undefined where there is no PostgreSQL. */
export const largePostgres = (scratch: Scratch): Promise<LargeDatabase | undefined> =>
  scratch.once('large-postgres', async () => {
    const cluster = await clusterOf(scratch);
    if (cluster === undefined) return undefined;
    const url = await cluster.create();
    await execute(url, ...STATEMENTS);
    return { cluster, url };
  });
