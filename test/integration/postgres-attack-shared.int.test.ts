// Steps that share a commit on PostgreSQL: what one makes for its session only is gone before the next one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe } from 'migrate-safe';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

describe('steps that only add on PostgreSQL', () => {
  let bench: StepBench;
  let folder: string;
  beforeEach(async function () {
    bench = await stepBench(this);
    folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-shared-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
    return bench.close();
  });

  for (const temporary of ['CREATE TEMP TABLE t (id int)', 'CREATE TABLE pg_temp.t (id int)'])
    it(`put their rows into the table that is to have them, behind ${temporary}`, async () => {
      const scripts = ['CREATE TABLE t (id int)', temporary, 'INSERT INTO t VALUES (1)'];
      for (const [at, sql] of scripts.entries()) writeFileSync(path.join(folder, `${at + 1}_step.up.sql`), sql);
      const backups = path.join(folder, 'backups');
      const safe = createMigrateSafe({ database: bench.database.url, steps: folder, backups, fileBackup: 'never' });
      expect(value(await safe.up()).applied).to.have.length(3);
      value(await safe.close());
      expect(await bench.rows('SELECT id FROM public.t')).to.deep.equal([{ id: 1 }]);
    });
});
