// What the metrics server answers, from a database that it cannot write to.
import { rowCodec } from 'migrate-safe/dao';
import * as z from 'zod';
import { metrics, type CompletionRequestsReader } from './completion-requests-dao.js';
import { refusal, refuse, type App } from './http.js';
import { CompletionRequests } from './tables.js';

const instant = z
  .union(
    [z.iso.date(), z.iso.datetime({ offset: true })],
    'a date or a time is written 2026-02-01 or 2026-02-01T12:00:00Z',
  )
  .transform((text) => new Date(text));
const period = { start: instant.optional(), end: instant.optional() };
const listed = z.object({ total: z.int(), requests: z.array(rowCodec(CompletionRequests)) });

export const reading =
  (requests: CompletionRequestsReader) =>
  (app: App): void => {
    app.get(
      '/completion_requests',
      {
        schema: {
          description: 'The requests of a period, oldest first: from start, up to but not with end.',
          querystring: z.object({ ...period, limit: z.coerce.number().int().min(1).max(1000).default(100) }),
          response: { 200: listed, 400: refusal, 503: refusal },
        },
      },
      async ({ query: { start, end, limit } }, reply) => {
        const found = await requests.getCompletionRequests({ start, end }, limit);
        return found.isErr() ? refuse(reply, found.error) : found.value;
      },
    );
    app.get(
      '/metrics',
      {
        schema: {
          description: 'Counts, tokens and latencies of a period, by model and by day.',
          querystring: z.object(period),
          response: { 200: metrics, 400: refusal, 503: refusal },
        },
      },
      async ({ query: { start, end } }, reply) => {
        const found = await requests.getMetrics({ start, end });
        return found.isErr() ? refuse(reply, found.error) : found.value;
      },
    );
  };
