// What the database must hold, kept apart from it: the rows as they were made up, and a digest to compare by.
import { createHash, type Hash } from 'node:crypto';
import type { AnyTable, ReadOnlyDatabase } from 'migrate-safe/dao';
import { CompletionRequests, RequestErrors } from '../tables.js';
import type { SeedData } from '../seed.js';

/** Rows of both tables, and one sha256 over every value of every row. */
export interface Digest {
  readonly requests: number;
  readonly errors: number;
  readonly sha256: string;
}

const PAGE = 20_000;

/** As SQLite keeps it: times are ISO text already in JSON, truth is 1. */
const lineOf = (table: AnyTable, row: object): string => {
  const values = row as Readonly<Record<string, unknown>>;
  const kept = table.columns.map(({ name }) => (values[name] === true ? 1 : values[name] === false ? 0 : values[name]));
  return `${JSON.stringify(kept)}\n`;
};

/** The digest of rows in memory, in the order of their ids. */
export function digestOf({ requests, errors }: SeedData): Digest {
  const hash = createHash('sha256');
  for (const request of requests) hash.update(lineOf(CompletionRequests, request));
  for (const error of errors) hash.update(lineOf(RequestErrors, error));
  return { requests: requests.length, errors: errors.length, sha256: hash.digest('hex') };
}

/** The digest of what lies in the database, past every DAO. Columns that later steps add do not count. */
export async function digestIn({ knex }: ReadOnlyDatabase): Promise<Digest> {
  const hash = createHash('sha256');
  const requests = await readLines(knex, CompletionRequests, hash);
  const errors = await readLines(knex, RequestErrors, hash);
  return { requests, errors, sha256: hash.digest('hex') };
}

/** One line of JSON a row, in the order of the keys; a page comes as one text. Returns the number of rows. */
async function readLines(knex: ReadOnlyDatabase['knex'], table: AnyTable, hash: Hash): Promise<number> {
  const columns = table.columns.map(({ name }) => name);
  const [key = ''] = table.primaryKey;
  let count = 0;
  for (let last = 0; ;) {
    const page = knex(table.name).select(columns).where(key, '>', last).orderBy(key).limit(PAGE).as('page');
    const lines = knex.raw(`group_concat(json_array(${columns.join(', ')}) || char(10), '' ORDER BY ${key}) AS lines`);
    const [read]: { lines: string | null; rows: number; last: number }[] = await knex
      .from(page)
      .select(lines)
      .count({ rows: '*' })
      .max({ last: key });
    if (read === undefined || read.lines === null) return count;
    hash.update(read.lines);
    count += read.rows;
    last = read.last;
  }
}

/** The rows that are left when the requests before `cutoff`, and their errors, are gone. */
export function without({ requests, errors }: SeedData, cutoff: Date): SeedData {
  const kept = requests.filter((request) => request.started_at >= cutoff);
  const ids = new Set(kept.map(({ id }) => id));
  return { requests: kept, errors: errors.filter((error) => ids.has(error.request_id)) };
}
