// The releases that the demo starts, one after the other: the service as it is, and what later versions do to its schema.
import { MigrationStep, type Declarations } from 'migrate-safe';
import { CURRENT_RELEASE, type Release } from '../schema.js';

/** Requests before this are what the purge takes away. */
export const PURGE_BEFORE = new Date('2026-02-01T00:00:00.000Z');

/** Millionths of a dollar for a token. */
export const PRICES = [
  { model: 'gpt-4o', prompt: 3, completion: 10 },
  { model: 'gpt-4o-mini', prompt: 1, completion: 2 },
  { model: 'claude-sonnet', prompt: 3, completion: 15 },
  { model: 'mistral-large', prompt: 2, completion: 6 },
  { model: 'llama-3.1-8b', prompt: 0, completion: 0 },
] as const;

/** `flawed` writes to a table that nobody has created, after everything else is done. */
function priceRequests(kind: 'sound' | 'flawed'): MigrationStep {
  return new MigrationStep('0004', 'Price each request', {
    apply: async (knex) => {
      await knex.schema.alterTable('completion_requests', (table) => {
        table.integer('cost_microusd');
      });
      for (const { model, prompt, completion } of PRICES) {
        await knex('completion_requests')
          .where({ model })
          .update({ cost_microusd: knex.raw('prompt_tokens * ? + completion_tokens * ?', [prompt, completion]) });
      }
      if (kind === 'flawed') await knex('daily_costs').insert({ day: '2026-01-01', microusd: 0 });
    },
    revert: (knex) =>
      knex.schema.alterTable('completion_requests', (table) => {
        table.dropColumn('cost_microusd');
      }),
  });
}

/** The errors of a request go with it: this step wants the cascade of its foreign key. */
function purgeOldRequests(declares: Declarations): MigrationStep {
  return new MigrationStep('0005', 'Purge January', {
    apply: (knex) => knex('completion_requests').where('started_at', '<', PURGE_BEFORE.toISOString()).delete(),
    foreignKeys: 'on',
    declares,
  });
}

const BATCH = 10_000;

/** `afterBatch` is called with the number of requests rated so far, inside the step. */
function rateLatency(afterBatch: (rated: number) => Promise<void> | void): MigrationStep {
  return new MigrationStep('0006', 'Rate the latency', {
    apply: async (knex) => {
      await knex.schema.alterTable('completion_requests', (table) => {
        table.text('latency');
      });
      const [last]: { id: number }[] = await knex('completion_requests').max({ id: 'id' });
      for (let from = 1; from <= (last?.id ?? 0); from += BATCH) {
        await knex('completion_requests')
          .whereBetween('id', [from, from + BATCH - 1])
          .update({
            latency: knex.raw(
              "CASE WHEN duration_ms < 5000 THEN 'quick' WHEN duration_ms < 20000 THEN 'fair' ELSE 'slow' END",
            ),
          });
        await afterBatch(from + BATCH - 1);
      }
    },
    revert: (knex) =>
      knex.schema.alterTable('completion_requests', (table) => {
        table.dropColumn('latency');
      }),
  });
}

const release = (schemaVersion: string, ...steps: readonly MigrationStep[]): Release => ({ schemaVersion, steps });

export const FIRST = CURRENT_RELEASE;
export const FLAWED_PRICES = release('0004', priceRequests('flawed'));
export const WITH_PRICES = release('0004', priceRequests('sound'));
export const UNDECLARED_PURGE = release('0005', priceRequests('sound'), purgeOldRequests({}));
export const WITH_PURGE = release(
  '0005',
  priceRequests('sound'),
  purgeOldRequests({ mayLoseRows: ['completion_requests', 'request_errors'] }),
);

/** The purge is withdrawn in it. */
export const withLatency = (afterBatch: (rated: number) => Promise<void> | void = () => undefined): Release =>
  release('0006', priceRequests('sound'), rateLatency(afterBatch));
