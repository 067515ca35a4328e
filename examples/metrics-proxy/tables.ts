// The tables of the metrics proxy, declared once: the types of rows, what is checked, and what the API takes follow from it.
import { defineTable, type NewRow, type Row } from 'migrate-safe/dao';
import * as z from 'zod';

const count = z
  .int()
  .nonnegative()
  .max(2 ** 31 - 1);

/** One row per completion, as the proxy saw it go by. */
export const CompletionRequests = defineTable(
  'completion_requests',
  {
    id: z.int(),
    started_at: z.date(),
    provider: z.string().min(1),
    model: z.string().min(1),
    prompt_tokens: count,
    completion_tokens: count,
    duration_ms: count,
    success: z.boolean(),
  },
  { primaryKey: 'id', defaults: ['id'] },
);
export type CompletionRequest = Row<typeof CompletionRequests>;
export type NewRequest = NewRow<typeof CompletionRequests>;

/** What a request that failed was answered with. */
export const RequestErrors = defineTable(
  'request_errors',
  { request_id: z.int(), status: z.int(), message: z.string() },
  { primaryKey: 'request_id' },
);
export type RequestError = Row<typeof RequestErrors>;
