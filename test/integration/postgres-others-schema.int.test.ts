// Somebody else changes the schema while a step works or waits: not the step's doing, and no reason to stop for a person.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, MigrationStep, type SafeMigrationManager, type StepHandle } from 'migrate-safe';
import type { StepWork } from '#src/core/steps/migration-step.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { failure, value } from '../support/project.js';

const script = (...statements: readonly string[]): StepWork =>
  statements.map((sql, at) => ({ sql, line: at + 1, index: at + 1 }));
const FIRST = script(
  'CREATE TABLE t (id int, note text)',
  'CREATE INDEX t_note ON t (note)',
  `INSERT INTO t SELECT i, 'n' FROM generate_series(1, 10) AS i`,
);
const WIDEN = script('ALTER TABLE t ADD COLUMN more int');

describe('a step on PostgreSQL during which somebody else changes the schema', () => {
  let bench: StepBench;
  let backups: string;
  let safe: SafeMigrationManager;
  let warnings: string[];
  beforeEach(async function () {
    bench = await stepBench(this);
    backups = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    warnings = [];
    value(await manager(FIRST).up());
    value(await safe.close());
  });
  afterEach(async () => {
    value(await safe.close());
    await bench.close();
    rmSync(backups, { recursive: true, force: true });
  });
  const manager = (...works: readonly StepWork[]): SafeMigrationManager => {
    safe = createMigrateSafe({
      database: bench.database.url,
      steps: works.map((apply, at) => new MigrationStep(at + 1, `Step ${at + 1}`, { apply })),
      backups,
      fileBackup: 'never',
    });
    safe.onProgress((progress) => {
      if (progress.kind === 'warning') warnings.push(progress.message);
    });
    return safe;
  };
  const relations = async (): Promise<readonly string[]> =>
    (
      (await bench.rows(
        `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`,
      )) as readonly { readonly relname: string }[]
    ).map(({ relname }) => relname);
  /** Somebody does that to table t, and commits a while later. */
  const beginOthers = async (sql: string): Promise<() => Promise<unknown>> => {
    value(await bench.other.query(`BEGIN; SET LOCAL search_path = public; LOCK TABLE t; ${sql}`));
    return () => new Promise((resolve) => setTimeout(resolve, 600)).then(() => bench.other.query('COMMIT'));
  };

  it('is rolled back where it fails, says what the others did, and leaves that to the next run as drift', async () => {
    const failing = async (knex: StepHandle): Promise<void> => {
      await knex.raw('CREATE TABLE made (id int)');
      await bench.sql('CREATE TABLE theirs (id int)');
      throw new Error('no more');
    };
    const error = failure(await manager(FIRST, failing).up());
    expect(error).to.include({ kind: 'step-failed', state: 'rolled-back' });
    expect(warnings).to.deep.equal([
      'another session changed the schema while step 2 ran (table theirs added): where that is why it failed, run it again',
    ]);
    expect(await relations()).to.deep.equal(['t', 't_note', 'theirs']);
    value(await safe.close());

    value(await manager(FIRST, script('CREATE TABLE made (id int)')).up());
    expect(warnings.at(-1)).to.include('recorded as drift');
    expect(await relations()).to.deep.equal(['made', 't', 't_note', 'theirs']);
  });

  it('can be run again where what others dropped while it waited for its lock was taken for its loss', async () => {
    const steps = [FIRST, script('SELECT pg_sleep(0.5)'), WIDEN];
    const running = manager(...steps).up();
    const asleep = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
    while ((await bench.rows(asleep)).length === 0);
    const commit = await beginOthers('DROP INDEX t_note');
    await commit();
    expect(failure(await running)).to.include({ kind: 'guard-refused', state: 'rolled-back' });
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include('index t_note on t (note) removed');
    value(await safe.close());

    value(await manager(...steps).up());
    expect(await bench.rows('SELECT * FROM public.t LIMIT 1')).to.deep.equal([{ id: 1, note: 'n', more: null }]);
  });

  it('reads the schema once more where something goes while it is read', async () => {
    const commit = await beginOthers('DROP INDEX t_note; ALTER TABLE t DROP COLUMN note');
    const committed = commit();
    value(await manager(FIRST, WIDEN).up());
    await committed;
    expect(await bench.rows('SELECT * FROM public.t LIMIT 1')).to.deep.equal([{ id: 1, more: null }]);
  });
});
