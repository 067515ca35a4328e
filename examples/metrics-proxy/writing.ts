// What the proxy answers: it passes completions on to the provider and writes down each of them.
import { newRowCodec, rowCodec } from 'migrate-safe/dao';
import * as z from 'zod';
import type { CompletionRequestsDao } from './completion-requests-dao.js';
import { refusal, refuse, type App } from './http.js';
import type { Health } from './health.js';
import { CompletionRequests } from './tables.js';

/** Where completions are passed on to, as `openai` is called at https://api.openai.com. */
export interface Upstream {
  readonly provider: string;
  readonly url: string;
}

const asked = z.looseObject({ model: z.string().min(1) });
const answered = z.looseObject({
  usage: z.object({ prompt_tokens: z.int().nonnegative(), completion_tokens: z.int().nonnegative() }),
});

export const writing =
  (requests: CompletionRequestsDao, health: () => Health, upstream: Upstream | undefined) =>
  (app: App): void => {
    app.get('/health', (_, reply) => {
      const now = health();
      return reply.code(now.status === 'ready' ? 200 : 503).send(now);
    });
    // Until the schema is the one that the DAOs were written for, nothing else is answered.
    app.addHook('onRequest', async ({ routeOptions }, reply) => {
      const { status } = health();
      if (status !== 'ready' && routeOptions.url !== '/health')
        return reply.code(503).send({ error: `the database is ${status}`, see: '/health' });
      return undefined;
    });

    app.post(
      '/completion_requests',
      {
        schema: {
          description: 'Writes down a completion that went another way.',
          body: newRowCodec(CompletionRequests, { omit: ['id'] }),
          response: { 201: rowCodec(CompletionRequests), 400: refusal, 503: refusal },
        },
      },
      async ({ body }, reply) => {
        const kept = await requests.insertCompletionRequest(body);
        return kept.isErr() ? refuse(reply, kept.error) : reply.code(201).send(kept.value);
      },
    );

    app.post(
      '/v1/chat/completions',
      { schema: { description: 'Passed on to the provider, and written down.', body: asked } },
      async ({ body }, reply) => {
        if (upstream === undefined) return reply.code(501).send({ error: 'no provider is configured: --upstream URL' });
        const started_at = new Date();
        const answer = await pass(`${upstream.url}/v1/chat/completions`, body);
        const usage = answered.safeParse(answer.body).data?.usage;
        const seen = {
          started_at,
          provider: upstream.provider,
          model: body.model,
          prompt_tokens: usage?.prompt_tokens ?? 0,
          completion_tokens: usage?.completion_tokens ?? 0,
          duration_ms: Date.now() - started_at.getTime(),
          success: answer.status < 400,
        };
        const kept = seen.success
          ? await requests.insertCompletionRequest(seen)
          : await requests.insertFailedRequest(seen, {
              status: answer.status,
              message: JSON.stringify(answer.body).slice(0, 500),
            });
        // The caller has its completion, whether or not it could be counted.
        if (kept.isErr()) process.emitWarning(`not written down: ${kept.error.kind}`);
        return reply.code(answer.status).send(answer.body);
      },
    );
  };

async function pass(url: string, body: object): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  } catch (thrown) {
    return {
      status: 502,
      body: { error: `the provider did not answer: ${thrown instanceof Error ? thrown.message : ''}` },
    };
  }
}
