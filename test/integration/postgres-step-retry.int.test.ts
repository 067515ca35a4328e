// Runs that meet somebody's lock: tried again until it is gone, holding nothing meanwhile, and told once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, MigrationStep, type SafeMigrationManager } from 'migrate-safe';
import { errAsync, okAsync } from 'neverthrow';
import { runWork } from '#src/core/manager/step-work.js';
import { StepErrors } from '#src/core/manager/step-errors.js';
import type { SqlError } from '#src/core/ports/session.js';
import type { StepFault, StepTransaction } from '#src/core/ports/step-transaction.js';
import type { StepWork } from '#src/core/steps/migration-step.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const script = (...statements: readonly string[]): StepWork =>
  statements.map((sql, at) => ({ sql, line: at + 1, index: at + 1 }));

describe('a run on PostgreSQL that meets a lock', () => {
  let bench: StepBench;
  let backups: string;
  beforeEach(async function () {
    bench = await stepBench(this);
    backups = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
  });
  afterEach(async () => {
    await bench.close();
    rmSync(backups, { recursive: true, force: true });
  });
  const manager = (steps: readonly MigrationStep[]): SafeMigrationManager =>
    createMigrateSafe({ database: bench.database.url, steps: [...steps], backups, fileBackup: 'never' });
  const FIRST = new MigrationStep(1, 'Make t', {
    apply: script('CREATE TABLE t (id int)', 'INSERT INTO t VALUES (1)'),
  });

  it('goes on when the lock is gone, and keeps nobody waiting between its tries', async function () {
    this.timeout(30_000);
    const second = new MigrationStep(2, 'Widen t', {
      apply: script('CREATE TABLE held (id int)', 'ALTER TABLE t ADD COLUMN more int'),
    });
    const first = manager([FIRST]);
    value(await first.up());
    value(await first.close());
    value(await bench.other.query('BEGIN; UPDATE public.t SET id = 2'));
    const safe = manager([FIRST, second]);
    const released = new Promise((resolve) => setTimeout(resolve, 3000)).then(() => bench.other.query('COMMIT'));
    const report = value(await safe.up());
    value(await released);
    expect(report.applied.map(({ version }) => version)).to.deep.equal(['2']);
    const events = `SELECT type, count(*) AS n FROM migrate_safe.events WHERE type IN ('StepStarted', 'StepApplied', 'StepFailed') GROUP BY type ORDER BY type`;
    expect(await bench.rows(events)).to.deep.equal([
      { type: 'StepApplied', n: 2 },
      { type: 'StepStarted', n: 2 },
    ]);
    expect(await bench.rows('SELECT id, more FROM public.t')).to.deep.equal([{ id: 2, more: null }]);
    value(await safe.close());
  });

  describe('a script', () => {
    const LOCKED: SqlError = { kind: 'busy', code: '55P03', message: 'waited', transient: true };
    const step = new MigrationStep(1, 'Try', { apply: script('SELECT 1') });
    const errors = new StepErrors(step, 'apply', 'test');
    /** Fails so often by a lock, or by `error`. */
    const attempts = async (
      failures: number,
      error: SqlError = LOCKED,
      signal = new AbortController().signal,
    ): Promise<{ readonly tries: number; readonly restarts: number; readonly failed: boolean }> => {
      let [tries, restarts] = [0, 0];
      const refused: StepFault = { kind: 'sql', error };
      const transaction = {
        execute: () => (++tries <= failures ? errAsync(refused) : okAsync(undefined)),
        restart: () => {
          restarts += 1;
          return okAsync(undefined);
        },
        interrupt: () => undefined,
      } as unknown as StepTransaction;
      const outcome = await runWork(step.definition.apply, step, transaction, errors, signal);
      return { tries, restarts, failed: outcome.isErr() };
    };

    it('is tried ten times, each from a new beginning, and no other error at all', async () => {
      expect(await attempts(9)).to.deep.equal({ tries: 10, restarts: 9, failed: false });
      expect(await attempts(99)).to.deep.equal({ tries: 10, restarts: 9, failed: true });
      const { transient: _, ...plain } = LOCKED;
      expect(await attempts(1, plain)).to.deep.equal({ tries: 1, restarts: 0, failed: true });
    });
  });
});
