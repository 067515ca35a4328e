// What the database must hold, kept apart from it: the rows as they were made up, and a digest to compare by.
import { createHash, type Hash } from 'node:crypto';
import { ReadOnlyDao, type AnyTable, type ReadOnlyDatabase } from 'migrate-safe/dao';
import { CompletionRequests, RequestErrors } from '../tables.js';
import type { SeedData } from '../seed.js';

/** Rows of both tables, and one sha256 over every value of every row. */
export interface Digest {
  readonly requests: number;
  readonly errors: number;
  readonly sha256: string;
}

const lineOf = (table: AnyTable, row: object): string =>
  `${JSON.stringify(table.columns.map(({ name }) => (row as Record<string, unknown>)[name]))}\n`;

/** The digest of rows in memory, in the order of their ids. */
export function digestOf({ requests, errors }: SeedData): Digest {
  const hash = createHash('sha256');
  for (const request of requests) hash.update(lineOf(CompletionRequests, request));
  for (const error of errors) hash.update(lineOf(RequestErrors, error));
  return { requests: requests.length, errors: errors.length, sha256: hash.digest('hex') };
}

/** The digest of what lies in the database. Columns that later steps add do not count. */
export async function digestIn(database: ReadOnlyDatabase): Promise<Digest> {
  const hash = createHash('sha256');
  const requests = await readLines(new ReadOnlyDao(database, CompletionRequests), hash);
  const errors = await readLines(new ReadOnlyDao(database, RequestErrors), hash);
  return { requests, errors, sha256: hash.digest('hex') };
}

/** One line of JSON a row, in the order of the keys. Returns the number of rows. */
async function readLines<T extends AnyTable>(dao: ReadOnlyDao<T>, hash: Hash): Promise<number> {
  let count = 0;
  for await (const row of dao.stream()) {
    if (row.isErr()) throw new Error(row.error.message);
    hash.update(lineOf(dao.table, row.value));
    count += 1;
  }
  return count;
}

/** The rows that are left when the requests before `cutoff`, and their errors, are gone. */
export function without({ requests, errors }: SeedData, cutoff: Date): SeedData {
  const kept = requests.filter((request) => request.started_at >= cutoff);
  const ids = new Set(kept.map(({ id }) => id));
  return { requests: kept, errors: errors.filter((error) => ids.has(error.request_id)) };
}
