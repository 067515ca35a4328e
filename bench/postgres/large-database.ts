// A PostgreSQL database of about 400 MB, half of it narrow rows that compress well, half of it text as people write it.
import type { Scratch } from '../scratch.js';
import { clusterOf, execute, type Cluster } from './cluster.js';

/** The commonest first, as in any text. */
const WORDS =
  `the of and to in is was that for it with as on be at by this from have are not or his her had they which an
  but were we you all been there their one would when who will more no out so said what up its about than into them can
  only other time new some could these two may first then do any like my now over such our man me even most made after
  also did many off before must well back through years where much your way down should because long each people order
  delivery invoice customer address street number please thank received yesterday tomorrow broken replaced returned
  waiting answer question price colour weight letter parcel window garden kitchen morning evening winter summer doctor
  teacher neighbour daughter brother computer telephone password account payment refund reminder contract signature`
    .split(/\s+/)
    .map((word) => `'${word}'`)
    .join(', ');
const WORDS_IN_BODY = 26;
const word = `w[1 + floor(power(random(), 2) * array_length(w, 1))::int]`;
const BODY = Array.from({ length: WORDS_IN_BODY }, () => word).join(` || ' ' || `);

const STATEMENTS = [
  'SELECT setseed(0.5)',
  `CREATE TABLE accounts (id integer PRIMARY KEY, branch integer NOT NULL, balance integer NOT NULL, filler char(84) NOT NULL)`,
  `INSERT INTO accounts SELECT i, i % 100, (random() * 100000)::int, '' FROM generate_series(1, 1500000) i`,
  `CREATE TABLE docs (id bigint PRIMARY KEY, owner_id integer NOT NULL REFERENCES accounts (id), title text NOT NULL,
    body text NOT NULL, price numeric(10, 2) NOT NULL, tags text[] NOT NULL, made_at timestamptz NOT NULL)`,
  `INSERT INTO docs SELECT i, 1 + (random() * 1499999)::int, ${word} || ' ' || ${word} || ' ' || i, ${BODY},
    (random() * 1000)::numeric(10, 2), ARRAY['tag' || i % 7, 'tag' || i % 31],
    timestamptz '2024-01-01' + i * interval '1 second'
    FROM generate_series(1, 800000) i, (SELECT ARRAY[${WORDS}] AS w) words`,
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
