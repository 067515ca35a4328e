// The first half of the demo: from nothing to a database in use, a step that fails, the same step corrected, and taken back.
import { openDatabase } from 'migrate-safe/dao';
import type { Metrics } from '../completion-requests-dao.js';
import type { Health } from '../health.js';
import { openSchema, schemaNeedsMigration } from '../schema.js';
import { generate, seed } from '../seed.js';
import { countText } from './progress-lines.js';
import { FIRST, FLAWED_PRICES, PRICES, WITH_PRICES } from './releases.js';
import { errorText, must, type Stage } from './stage.js';
import { check, fact, quote, scene } from './terminal.js';

const ROWS = 100_000;

export async function fromNothing(stage: Stage): Promise<void> {
  scene('From nothing', 'There is no database yet. The service migrates at start-up, and answers when it is done.');
  const database = openDatabase({ database: stage.url });
  const safe = openSchema(database.knex, stage.backups, FIRST);
  const before = must(await schemaNeedsMigration(safe, FIRST));
  fact('schemaNeedsMigration()', String(before));
  const refusal = await stage.start(FIRST);
  if (refusal) return quote(errorText(refusal));
  const after = must(await schemaNeedsMigration(safe, FIRST));
  fact('schemaNeedsMigration()', String(after));
  const health = await stage.ask('GET', '/health');
  const { status, schemaVersion, lastEvent } = health.body as Health;
  fact(
    'GET /health',
    `${health.status} ${status}, schema ${schemaVersion ?? 'none'}, journal at event ${lastEvent?.position ?? 0}`,
  );
  must(await safe.close());
  must(await database.close());
  check(
    'the schema is at its version, and a second look finds nothing to do',
    before && !after && schemaVersion === FIRST.schemaVersion,
  );
}

export async function inUse(stage: Stage): Promise<void> {
  scene('In use', `${countText(ROWS)} completion requests of 90 days, then a few calls of the API.`);
  const data = generate(ROWS);
  const started = performance.now();
  must(await seed(stage.service.database, data));
  fact('seeded', `${countText(ROWS)} rows in ${Math.round(performance.now() - started)} ms`);

  const posted = {
    started_at: '2026-04-01T08:30:00.000Z',
    provider: 'openai',
    model: 'gpt-4o',
    prompt_tokens: 812,
    completion_tokens: 240,
    duration_ms: 3391,
    success: true,
  };
  const created = await stage.ask('POST', '/completion_requests', posted);
  const { id } = created.body as { id: number };
  fact('POST', `/completion_requests ${created.status}, id ${countText(id)}`);
  stage.truth = { ...data, requests: [...data.requests, { id, ...posted, started_at: new Date(posted.started_at) }] };

  const listed = await stage.ask('GET', '/completion_requests?start=2026-02-01&end=2026-03-01');
  const { total } = listed.body as { total: number };
  fact('GET', `/completion_requests?start=2026-02-01&end=2026-03-01   ${countText(total)} requests`);
  const metrics = await stage.ask('GET', '/metrics?start=2026-02-01&end=2026-03-01');
  const { models, days } = metrics.body as Metrics;
  fact('GET', '/metrics?start=2026-02-01&end=2026-03-01');
  for (const one of models) {
    fact(
      '',
      `${`${one.provider}/${one.model}`.padEnd(24)}${countText(one.requests).padStart(8)} requests ${countText(one.tokens).padStart(12)} tokens ${countText(one.p50_ms).padStart(8)} ms, 95 in 100 under ${countText(one.p95_ms).padStart(7)}`,
    );
  }
  const february = data.requests.filter(
    ({ started_at }) => started_at >= new Date('2026-02-01') && started_at < new Date('2026-03-01'),
  ).length;
  check(
    'the API counts what was made up',
    total === february &&
      models.reduce((sum, { requests }) => sum + requests, 0) === february &&
      days.reduce((sum, { requests }) => sum + requests, 0) === february &&
      days.length === 28,
  );
  await stage.checkRows('every row is in the database as it was made up');
}

export async function failsHalfWay(stage: Stage): Promise<void> {
  scene(
    'A step that fails half-way',
    'A new release adds a column, writes a price to all 100,001 requests, and then trips over a table',
    'that nobody has created.',
  );
  const refusal = await stage.start(FLAWED_PRICES);
  quote(refusal === undefined ? 'it started' : errorText(refusal));
  check(
    'the release refuses to start',
    refusal?.kind === 'step-failed' && refusal.state === 'rolled-back',
    refusal === undefined ? '' : `exit code ${refusal.exitCode}`,
  );
  const database = openDatabase({ database: stage.url });
  const columns = await database.knex('completion_requests').columnInfo();
  must(await database.close());
  check('nothing of the step is left: the column is not there', !('cost_microusd' in columns));
  await stage.checkRows('nothing is lost: every row is what it was');
}

export async function corrected(stage: Stage): Promise<void> {
  scene(
    'Corrected, it goes on',
    'The same step without the mistake. While it runs, /health says so and nothing else is answered.',
  );
  const asked: Promise<{ status: number; health: Health }>[] = [];
  const refusal = await stage.start(WITH_PRICES, (url) => {
    const look = async (): Promise<{ status: number; health: Health }> => {
      const response = await fetch(`${url}/health`);
      return { status: response.status, health: (await response.json()) as Health };
    };
    asked.push(look());
    setTimeout(() => asked.push(look()), 100);
  });
  if (refusal) return quote(errorText(refusal));
  for (const { status, health } of await Promise.all(asked)) {
    fact('meanwhile GET /health', `${status} ${health.status}${health.doing === null ? '' : `, ${health.doing}`}`);
  }
  const first = await asked[0];
  check('/health told of the migration while it ran', first?.status === 503);
  const rows: { microusd: number }[] = await stage.service.database
    .knex('completion_requests')
    .sum({ microusd: 'cost_microusd' });
  const expected = stage.truth.requests.reduce((sum, request) => {
    const price = PRICES.find(({ model }) => model === request.model);
    return sum + request.prompt_tokens * (price?.prompt ?? 0) + request.completion_tokens * (price?.completion ?? 0);
  }, 0);
  check(
    'every request has its price',
    rows[0]?.microusd === expected,
    `$${countText(Math.round(expected / 1e6))} in all`,
  );
  await stage.checkRows('and every row is otherwise what it was');
}

export async function takenBack(stage: Stage): Promise<void> {
  scene(
    'Taken back, and applied again',
    "knex's dropColumn makes the table anew. In a transaction with foreign keys on that deletes the errors of all",
    'requests, through their ON DELETE CASCADE, and says nothing. Here it does not.',
  );
  const down = must(await stage.service.safe.down());
  check(
    'the schema is what it was before the step',
    down.current === FIRST.schemaVersion && down.reverted[0]?.schemaRestored === true,
    `current ${down.current ?? 'none'}`,
  );
  await stage.checkRows('no request and no error went with the column');
  const refusal = await stage.start(WITH_PRICES);
  check(
    'the next start applies it again',
    refusal === undefined,
    refusal?.message ?? `current ${stage.service.migrated.current ?? 'none'}`,
  );
}
