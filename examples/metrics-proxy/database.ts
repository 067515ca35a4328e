// All of the service's access to its data: one knex instance and the few queries that the API needs.
import knex, { type Knex } from 'knex';

/** A completion, as the proxy saw it go by. */
export interface NewRequest {
  /** UTC, ISO 8601 with milliseconds. */
  readonly started_at: string;
  readonly provider: string;
  readonly model: string;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly duration_ms: number;
  readonly success: 0 | 1;
}
export interface CompletionRequest extends NewRequest {
  readonly id: number;
}
export interface RequestError {
  readonly id: number;
  readonly request_id: number;
  readonly status: number;
  readonly message: string;
}

/** From `start`, up to but not with `end`: UTC, ISO 8601; open where undefined. */
export interface Period {
  readonly start: string | undefined;
  readonly end: string | undefined;
}

/** Figures of one model in a period. */
export interface ModelMetrics {
  readonly provider: string;
  readonly model: string;
  readonly requests: number;
  readonly failed: number;
  readonly tokens: number;
  readonly mean_ms: number;
}

/** One connection to the file, opened by the first query. */
export function openDatabase(file: string): Knex {
  return knex({
    client: 'sqlite3',
    connection: { filename: file },
    useNullAsDefault: true,
    pool: {
      min: 0,
      max: 1,
      afterCreate: (
        connection: { exec(sql: string, done: (error: Error | null) => void): void },
        done: (error: Error | null, connection: unknown) => void,
      ) =>
        connection.exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000', (error) =>
          done(error, connection),
        ),
    },
  });
}

const within = (query: Knex.QueryBuilder, { start, end }: Period): void => {
  if (start !== undefined) void query.where('started_at', '>=', start);
  if (end !== undefined) void query.where('started_at', '<', end);
};

export async function countRequests(database: Knex, period: Period): Promise<number> {
  const rows: { count: number }[] = await database('completion_requests').count({ count: '*' }).modify(within, period);
  return rows[0]?.count ?? 0;
}

/** Oldest first. */
export async function listRequests(database: Knex, period: Period, limit: number): Promise<CompletionRequest[]> {
  return database<CompletionRequest>('completion_requests')
    .select('id', 'started_at', 'provider', 'model', 'prompt_tokens', 'completion_tokens', 'duration_ms', 'success')
    .modify(within, period)
    .orderBy([{ column: 'started_at' }, { column: 'id' }])
    .limit(limit);
}

/** Busiest model first. */
export async function readMetrics(database: Knex, period: Period): Promise<ModelMetrics[]> {
  return database('completion_requests')
    .select('provider', 'model')
    .count({ requests: '*' })
    .sum({ tokens: database.raw('prompt_tokens + completion_tokens'), failed: database.raw('1 - success') })
    .select(database.raw('cast(round(avg(duration_ms)) AS INTEGER) AS mean_ms'))
    .modify(within, period)
    .groupBy('provider', 'model')
    .orderBy('requests', 'desc');
}

/** Gives back the row with its new id. */
export async function insertRequest(database: Knex, request: NewRequest): Promise<CompletionRequest> {
  const [id = 0] = await database<CompletionRequest>('completion_requests').insert(request);
  return { id, ...request };
}
