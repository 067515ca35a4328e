// All of the service's access to its data: what the proxy writes, and what the metrics server reads.
import {
  Dao,
  ReadOnlyDao,
  type AppDatabase,
  type ReadError,
  type ReadOnlyDatabase,
  type Where,
  type WriteError,
} from 'migrate-safe/dao';
import { ok, ResultAsync } from 'neverthrow';
import * as z from 'zod';
import { CompletionRequests, RequestErrors, type CompletionRequest, type NewRequest } from './tables.js';

/** From `start`, up to but not with `end`; open where undefined. */
export interface Period {
  readonly start: Date | undefined;
  readonly end: Date | undefined;
}

const figures = {
  requests: z.coerce.number().int(),
  failed: z.coerce.number().int(),
  tokens: z.coerce.number().int(),
  mean_ms: z.coerce.number().int(),
  /** Of the requests, half, 95 and 99 in a hundred took no longer. */
  p50_ms: z.int(),
  p95_ms: z.int(),
  p99_ms: z.int(),
};
export const modelMetrics = z.object({ provider: z.string(), model: z.string(), ...figures });
export const dayMetrics = z.object({ day: z.string(), ...figures });
export const metrics = z.object({ models: z.array(modelMetrics), days: z.array(dayMetrics) });
export type Metrics = z.output<typeof metrics>;

/** What the metrics server asks; it runs on a database that nobody can write to. */
export class CompletionRequestsReader extends ReadOnlyDao<typeof CompletionRequests> {
  readonly #dialect: string;

  constructor(database: ReadOnlyDatabase) {
    super(database, CompletionRequests);
    this.#dialect = database.dialect;
  }

  /** Oldest first. */
  getCompletionRequests(
    period: Period,
    limit: number,
  ): ResultAsync<{ readonly total: number; readonly requests: CompletionRequest[] }, ReadError> {
    const where = within(period);
    return this.count({ where }).andThen((total) =>
      this.list({ where, orderBy: ['started_at', 'id'], limit }).map((requests) => ({ total, requests })),
    );
  }

  /** Busiest model first, earliest day first. */
  getMetrics(period: Period): ResultAsync<Metrics, ReadError> {
    return this.#figures(
      modelMetrics,
      { what: 'provider, model', by: 'provider, model', order: 'requests DESC, provider, model' },
      period,
    ).andThen((models) =>
      this.#figures(
        dayMetrics,
        { what: `${DAY[this.#dialect] ?? 'started_at'} AS day`, by: 'day', order: 'day' },
        period,
      ).map((days) => ({
        models,
        days,
      })),
    );
  }

  #figures<R extends z.ZodType>(
    row: R,
    { what, by, order }: { readonly what: string; readonly by: string; readonly order: string },
    { start, end }: Period,
  ): ResultAsync<z.output<R>[], ReadError> {
    const percentile = (percent: number): string =>
      `max(CASE WHEN place <= (n * ${percent} + 99) / 100 THEN duration_ms END) AS p${percent}_ms`;
    return this.query(row, (knex) =>
      knex.raw(
        `WITH asked AS (SELECT ${what}, duration_ms, success, prompt_tokens + completion_tokens AS used
                        FROM completion_requests WHERE started_at >= ? AND started_at < ?),
              ranked AS (SELECT *, row_number() OVER (PARTITION BY ${by} ORDER BY duration_ms) AS place,
                                count(*) OVER (PARTITION BY ${by}) AS n FROM asked)
         SELECT ${by}, count(*) AS requests, sum(CASE WHEN success THEN 0 ELSE 1 END) AS failed, sum(used) AS tokens,
                CAST(round(avg(duration_ms)) AS INTEGER) AS mean_ms, ${[50, 95, 99].map(percentile).join(', ')}
         FROM ranked GROUP BY ${by} ORDER BY ${order}`,
        [(start ?? EVER.start).toISOString(), (end ?? EVER.end).toISOString()],
      ),
    );
  }
}

/** The day of an instant, in UTC. */
const DAY: Readonly<Record<string, string>> = {
  sqlite: 'substr(started_at, 1, 10)',
  postgres: `to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')`,
};
const EVER = { start: new Date('0001-01-01T00:00:00Z'), end: new Date('9999-12-31T00:00:00Z') };

function within({ start, end }: Period): Where<typeof CompletionRequests> {
  return { started_at: { ...(start ? { gte: start } : {}), ...(end ? { lt: end } : {}) } };
}

/** What the proxy writes. */
export class CompletionRequestsDao extends Dao<typeof CompletionRequests> {
  readonly #errors: Dao<typeof RequestErrors>;
  readonly #database: AppDatabase;

  constructor(database: AppDatabase) {
    super(database, CompletionRequests);
    this.#errors = new Dao(database, RequestErrors);
    this.#database = database;
  }

  insertCompletionRequest(request: NewRequest): ResultAsync<CompletionRequest, WriteError> {
    return this.insert(request);
  }

  /** The request and what it was answered with, or neither. */
  insertFailedRequest(
    request: NewRequest,
    answer: { readonly status: number; readonly message: string },
  ): ResultAsync<CompletionRequest, WriteError> {
    return this.#database.unitOfWork.run(() =>
      this.insert({ ...request, success: false }).andThen((kept) =>
        this.#errors.insert({ request_id: kept.id, ...answer }).andThen(() => ok(kept)),
      ),
    );
  }
}
