// What the database must hold, kept apart from it: the rows as they were made up, and a digest to compare by.
import { createHash, type Hash } from 'node:crypto';
import type { Knex } from 'knex';
import type { CompletionRequest, RequestError } from '../database.js';
import type { SeedData } from '../seed.js';

/** Rows of both tables, and one sha256 over every value of every row. */
export interface Digest {
  readonly requests: number;
  readonly errors: number;
  readonly sha256: string;
}

const PAGE = 20_000;

const REQUEST_COLUMNS = [
  'id',
  'started_at',
  'provider',
  'model',
  'prompt_tokens',
  'completion_tokens',
  'duration_ms',
  'success',
] as const satisfies readonly (keyof CompletionRequest)[];
const ERROR_COLUMNS = ['id', 'request_id', 'status', 'message'] as const satisfies readonly (keyof RequestError)[];

/** The digest of rows in memory, in the order of their ids. */
export function digestOf({ requests, errors }: SeedData): Digest {
  const hash = createHash('sha256');
  for (const request of requests) hash.update(`${JSON.stringify(REQUEST_COLUMNS.map((column) => request[column]))}\n`);
  for (const error of errors) hash.update(`${JSON.stringify(ERROR_COLUMNS.map((column) => error[column]))}\n`);
  return { requests: requests.length, errors: errors.length, sha256: hash.digest('hex') };
}

/** The digest of what lies in the database, read page by page. Columns that later steps add do not count. */
export async function digestIn(database: Knex): Promise<Digest> {
  const hash = createHash('sha256');
  const requests = await readLines(database, 'completion_requests', REQUEST_COLUMNS, hash);
  const errors = await readLines(database, 'request_errors', ERROR_COLUMNS, hash);
  return { requests, errors, sha256: hash.digest('hex') };
}

/** One line of JSON a row, in the order of the ids; a page comes as one text. Returns the number of rows. */
async function readLines(database: Knex, table: string, columns: readonly string[], hash: Hash): Promise<number> {
  let count = 0;
  for (let last = 0; ;) {
    const page = database(table).select(columns).where('id', '>', last).orderBy('id').limit(PAGE).as('page');
    const lines = database.raw(`group_concat(json_array(${columns.join(', ')}) || char(10), '' ORDER BY id) AS lines`);
    const [read]: { lines: string | null; rows: number; last: number }[] = await database
      .from(page)
      .select(lines)
      .count({ rows: '*' })
      .max({ last: 'id' });
    if (read === undefined || read.lines === null) return count;
    hash.update(read.lines);
    count += read.rows;
    last = read.last;
  }
}

/** The rows that are left when the requests before `cutoff`, and their errors, are gone. */
export function without({ requests, errors }: SeedData, cutoff: string): SeedData {
  const kept = requests.filter((request) => request.started_at >= cutoff);
  const ids = new Set(kept.map(({ id }) => id));
  return { requests: kept, errors: errors.filter((error) => ids.has(error.request_id)) };
}
