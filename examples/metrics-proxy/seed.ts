// Makes up completion requests, the same ones every time, and writes them fast.
import { Dao, type AppDatabase, type WriteError } from 'migrate-safe/dao';
import type { ResultAsync } from 'neverthrow';
import { CompletionRequests, RequestErrors, type CompletionRequest, type RequestError } from './tables.js';

/** What a seeded database holds. */
export interface SeedData {
  readonly requests: readonly CompletionRequest[];
  readonly errors: readonly RequestError[];
}

const FIRST = Date.UTC(2026, 0, 1);
const DAYS = 90;
const DAY_MS = 86_400_000;
const MODELS = [
  { provider: 'openai', model: 'gpt-4o', weight: 5, msPerToken: 14 },
  { provider: 'openai', model: 'gpt-4o-mini', weight: 8, msPerToken: 7 },
  { provider: 'anthropic', model: 'claude-sonnet', weight: 6, msPerToken: 12 },
  { provider: 'mistral', model: 'mistral-large', weight: 2, msPerToken: 16 },
  { provider: 'local', model: 'llama-3.1-8b', weight: 3, msPerToken: 22 },
] as const;
const FAILURES = [
  { status: 429, message: 'rate limit exceeded' },
  { status: 500, message: 'the upstream did not answer' },
  { status: 400, message: 'the prompt is longer than the context window' },
] as const;

/** mulberry32: small, and the same on every machine. Numbers in [0, 1). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const DECK = MODELS.flatMap((model) => Array.from({ length: model.weight }, () => model));

/** `count` requests over 90 days, oldest first, ids from 1; about two in a hundred failed, and have an error. */
export function generate(count: number, seed = 1): SeedData {
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const requests: CompletionRequest[] = [];
  const errors: RequestError[] = [];
  for (let id = 1; id <= count; id++) {
    const { provider, model, msPerToken } = pick(DECK) ?? MODELS[0];
    const failed = random() < 0.02;
    const completion = failed ? 0 : 1 + Math.floor(random() ** 2 * 2000);
    requests.push({
      id,
      started_at: new Date(FIRST + Math.floor(((id - 1) / count) * DAYS * DAY_MS)),
      provider,
      model,
      prompt_tokens: 20 + Math.floor(random() ** 2 * 6000),
      completion_tokens: completion,
      duration_ms: 150 + Math.floor(completion * msPerToken * (0.7 + random() * 0.6)),
      success: !failed,
    });
    if (failed) errors.push({ request_id: id, ...(pick(FAILURES) ?? FAILURES[0]) });
  }
  return { requests, errors };
}

/** Writes all of it, or nothing. */
export function seed(database: AppDatabase, { requests, errors }: SeedData): ResultAsync<number, WriteError> {
  return database.unitOfWork.run(() =>
    new Dao(database, CompletionRequests)
      .insertMany(requests)
      .andThen(() => new Dao(database, RequestErrors).insertMany(errors)),
  );
}
