// What the HTTP API takes and answers: from a request to a status and a JSON body, with nothing of sockets in it.
import type { Knex } from 'knex';
import { z } from 'zod';
import { countRequests, insertRequest, listRequests, readMetrics, type Period } from './database.js';
import type { Health } from './health.js';

/** An answer: `body` is sent as JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const instant = z
  .union(
    [z.iso.date(), z.iso.datetime({ offset: true })],
    'a date or a time is written 2026-02-01 or 2026-02-01T12:00:00Z',
  )
  .transform((text) => new Date(text).toISOString());
const count = z.number().int().nonnegative();
const newRequest = z.strictObject({
  started_at: instant,
  provider: z.string().min(1),
  model: z.string().min(1),
  prompt_tokens: count,
  completion_tokens: count,
  duration_ms: count,
  success: z.union([z.literal(0), z.literal(1)]),
});
const query = z.object({
  start: instant.optional(),
  end: instant.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

const refused = (error: z.ZodError): Answer => ({ status: 400, body: { error: z.prettifyError(error) } });

/** `json` is the parsed body, undefined where there is none or it is not JSON. */
export async function answer(method: string, url: URL, json: unknown, health: Health, database: Knex): Promise<Answer> {
  const route = `${method} ${url.pathname}`;
  if (route === 'GET /health') return { status: health.status === 'ready' ? 200 : 503, body: health };
  // Until the schema is the one that the queries were written for, nothing else is answered.
  if (health.status !== 'ready')
    return { status: 503, body: { error: `the database is ${health.status}`, see: '/health' } };

  switch (route) {
    case 'GET /completion_requests': {
      const asked = query.safeParse(Object.fromEntries(url.searchParams));
      if (!asked.success) return refused(asked.error);
      const period: Period = { start: asked.data.start, end: asked.data.end };
      const [total, requests] = [
        await countRequests(database, period),
        await listRequests(database, period, asked.data.limit),
      ];
      return { status: 200, body: { total, requests } };
    }
    case 'GET /metrics': {
      const asked = query.safeParse(Object.fromEntries(url.searchParams));
      if (!asked.success) return refused(asked.error);
      return {
        status: 200,
        body: { models: await readMetrics(database, { start: asked.data.start, end: asked.data.end }) },
      };
    }
    case 'POST /completion_requests': {
      const given = newRequest.safeParse(json);
      if (!given.success) return refused(given.error);
      return { status: 201, body: await insertRequest(database, given.data) };
    }
    default:
      return { status: 404, body: { error: `there is no ${route}` } };
  }
}
