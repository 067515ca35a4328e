// Steps on PostgreSQL by a role from whom policies hide rows: what is hidden is not lost unseen.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, MigrationStep } from 'migrate-safe';
import { describeFinding, judge } from '#src/core/schema/guard.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { needsTools } from '../support/postgres-version.js';
import { failure, value } from '../support/project.js';

/** Ten rows, of which policies show two. */
const HIDING = `CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' FROM generate_series(1, 10) AS i;
  ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON t USING (id < 3); CREATE TABLE other (id int PRIMARY KEY)`;
const FORCE = 'ALTER TABLE t FORCE ROW LEVEL SECURITY';
const LOSSES: readonly (readonly [sql: string, finding: string])[] = [
  ['DROP TABLE t', 'would drop table t with its 10 rows'],
  ['TRUNCATE t', 'would lose 10 rows of t'],
  ['ALTER TABLE t DROP COLUMN v', 'would drop column t.v, which has a value in 10 rows'],
  ['ALTER TABLE t ALTER v TYPE int USING NULL', 'would set t.v to NULL in 10 rows'],
];

describe('a step on PostgreSQL whose role policies hide rows from', () => {
  let bench: StepBench;
  const open = async (test: Mocha.Context, rights: string, force = FORCE): Promise<void> => {
    bench = await stepBench(test, rights);
    await bench.sql(`${HIDING}; ${force}`);
  };
  afterEach(() => bench?.close());

  const found = async (sql: string): Promise<string> => {
    const { step, seen } = await bench.script(sql);
    value(await step.rollback());
    return judge(seen, {}).map(describeFinding).join('; ');
  };

  it('is refused where it would lose what nobody could count, and told what helps', async function () {
    await open(this, 'NOBYPASSRLS');
    for (const [sql] of [...LOSSES, ['UPDATE t SET v = NULL'], ['DELETE FROM t']] as const) {
      const fault = await bench.fault(sql);
      expect(fault.kind === 'sql' && fault.error.message, sql).to.match(/BYPASSRLS.*NO FORCE ROW LEVEL SECURITY/);
    }
  });

  for (const [who, rights, force] of [
    ['may see all rows', 'BYPASSRLS', FORCE],
    ['owns the table, which does not hide them from its owner', 'NOBYPASSRLS', ''],
  ] as const)
    it(`counts what policies would hide where the role ${who}`, async function () {
      await open(this, rights, force === '' ? 'SELECT 1' : force);
      for (const [sql, finding] of LOSSES) expect(await found(sql), sql).to.include(finding);
    });

  it('sees and changes itself what the policies show, and may do anything else', async function () {
    await open(this, 'NOBYPASSRLS');
    const seen: unknown[] = [];
    const { step } = await bench.code(async (knex) => {
      await knex.raw('ALTER TABLE other ADD x int; INSERT INTO other (id, x) VALUES (1, 1); UPDATE other SET x = NULL');
      await knex.raw('ALTER TABLE other DROP COLUMN x');
      seen.push(...(await knex('t').select('id').orderBy('id')));
      await knex('t').insert({ id: 0, v: 'new' });
    });
    const checked = value(await step.handle(new AbortController().signal, 'read'));
    seen.push(await checked('t').count('* as n'));
    value(await step.commit());
    expect(seen).to.deep.equal([{ id: 1 }, { id: 2 }, [{ n: '3' }]]);
  });

  it('is not applied where the table could be backed up in part only', async function () {
    await open(this, 'NOBYPASSRLS');
    await needsTools(this);
    const directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-policies-'));
    for (const fileBackup of ['never', 'each-run'] as const) {
      const safe = createMigrateSafe({ database: bench.database.url, backups: directory, fileBackup });
      safe.addMigration(
        new MigrationStep(1, 'all', { apply: (knex) => knex('t').update({ v: 'x' }), declares: { touches: ['t'] } }),
      );
      value(await safe.stamp('base'));
      const error = failure(await safe.up());
      value(await safe.close());
      expect(error.kind).to.equal(fileBackup === 'never' ? 'database-unusable' : 'backup-failed');
      expect(error.message).to.include('row-level security policy for table "t"');
      if (fileBackup === 'never') expect(error.message).to.include('BYPASSRLS');
    }
    rmSync(directory, { recursive: true, force: true });
  });
});
