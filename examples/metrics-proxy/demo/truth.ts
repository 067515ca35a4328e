// What the database must hold, kept apart from it: the rows as they were made up, and a digest to compare by.
import { createHash } from 'node:crypto';
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

const requestLine = (r: CompletionRequest): string =>
  JSON.stringify([r.id, r.started_at, r.provider, r.model, r.prompt_tokens, r.completion_tokens, r.duration_ms, r.success]);
const errorLine = (e: RequestError): string => JSON.stringify([e.id, e.request_id, e.status, e.message]);

/** The digest of rows in memory, in the order of their ids. */
export function digestOf({ requests, errors }: SeedData): Digest {
  const hash = createHash('sha256');
  for (const request of requests) hash.update(`${requestLine(request)}\n`);
  for (const error of errors) hash.update(`${errorLine(error)}\n`);
  return { requests: requests.length, errors: errors.length, sha256: hash.digest('hex') };
}

/** The digest of what lies in the database, read page by page. Columns that later steps add do not count. */
export async function digestIn(database: Knex): Promise<Digest> {
  const hash = createHash('sha256');
  const requests = await eachById<CompletionRequest>(database, 'completion_requests', (row) => hash.update(`${requestLine(row)}\n`));
  const errors = await eachById<RequestError>(database, 'request_errors', (row) => hash.update(`${errorLine(row)}\n`));
  return { requests, errors, sha256: hash.digest('hex') };
}

async function eachById<T extends { readonly id: number }>(database: Knex, table: string, visit: (row: T) => void): Promise<number> {
  let count = 0;
  for (let last = 0; ; ) {
    const rows: T[] = await database(table).where('id', '>', last).orderBy('id').limit(PAGE);
    for (const row of rows) visit(row);
    count += rows.length;
    const end = rows.at(-1);
    if (end === undefined || rows.length < PAGE) return count;
    last = end.id;
  }
}

/** The rows that are left when the requests before `cutoff`, and their errors, are gone. */
export function without({ requests, errors }: SeedData, cutoff: string): SeedData {
  const kept = requests.filter((request) => request.started_at >= cutoff);
  const ids = new Set(kept.map(({ id }) => id));
  return { requests: kept, errors: errors.filter((error) => ids.has(error.request_id)) };
}
