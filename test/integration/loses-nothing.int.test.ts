// Steps without a transaction that can take no row away: let run without a backup, taken back where they fail, repeated where they stopped.
import { expect } from 'chai';
import { MigrationStep, type StepDefinition } from 'migrate-safe';
import type { OutsideTransaction, ScriptStatement } from '#src/core/ports/script-splitter.js';
import { failure, project, value, type Project } from '../support/project.js';

const HARMLESS: OutsideTransaction = { needed: 'must', losesNothing: true, repeatable: true };

describe('a step without a transaction that loses nothing', () => {
  let p: Project;
  beforeEach(async () => {
    p = project('better-sqlite3');
    p.write({ '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1,'a'),(2,'b');` });
    value(await p.manager().up());
  });
  afterEach(() => p.remove());

  const script = (sqls: readonly string[], outside: OutsideTransaction = HARMLESS): readonly ScriptStatement[] =>
    sqls.map((sql, at) => ({ sql, line: at + 1, index: at + 1, outside }));
  const withStep = (
    definition: Omit<StepDefinition, 'transaction'>,
    fileBackup: 'never' | 'each-run' | 'each-step' = 'never',
  ) => {
    const safe = p.manager({ fileBackup });
    safe.addMigration(new MigrationStep(2, 'outside', { ...definition, transaction: 'none' }));
    return safe;
  };
  const events = async (...types: readonly string[]) =>
    value(await p.manager().history()).filter((event) => types.includes(event.type));

  it('needs no backup', async () => {
    const report = value(await withStep({ apply: script(['VACUUM']) }).up());
    expect(report.applied.map(({ version, backups }) => [version, backups])).to.deep.equal([['2', []]]);
  });

  it('needs no backup of its own where there is one of the run', async () => {
    value(await withStep({ apply: script(['VACUUM']) }, 'each-run').up());
    const taken = await events('BackupTaken');
    expect(taken.map(({ data }) => data['reason'])).to.deep.equal(['before-step', 'before-run']);
  });

  it('gets a backup where the policy has one for each step', async () => {
    const report = value(await withStep({ apply: script(['VACUUM']) }, 'each-step').up());
    expect(report.applied[0]?.backups).to.have.length(1);
  });

  it('is refused without a backup where one statement may lose rows', async () => {
    const may = [...script(['VACUUM']), ...script(['DELETE FROM t'], { ...HARMLESS, losesNothing: false })];
    expect(failure(await withStep({ apply: may }).up())).to.include({ kind: 'usage', exitCode: 2 });
    const unknown: ScriptStatement = { sql: 'DELETE FROM t', line: 1, index: 1 };
    expect(failure(await withStep({ apply: [unknown] }).up())).to.include({ kind: 'usage', exitCode: 2 });
    expect(p.rows('SELECT * FROM t')).to.have.length(2);
  });

  it('is refused for its revert alone where only that may lose rows', async () => {
    const revert = script(['DROP INDEX i', 'DELETE FROM t'], { ...HARMLESS, losesNothing: false });
    const safe = withStep({ apply: script(['CREATE INDEX i ON t (v)']), revert });
    value(await safe.up());
    expect(failure(await safe.down())).to.include({ kind: 'usage', exitCode: 2 });
    expect(p.rows('SELECT * FROM t')).to.have.length(2);
  });

  it('is rolled back where it fails and nothing of it is left', async () => {
    const before = p.dump();
    const error = failure(await withStep({ apply: script(['VACUUM', 'REINDEX nowhere']) }).up());
    expect(error).to.include({ kind: 'step-failed', state: 'rolled-back', exitCode: 1 });
    expect(p.dump()).to.equal(before);
    expect((await events('StepRolledBack')).map(({ data }) => data['rung'])).to.deep.equal(['transaction']);
  });

  it('is taken back by its revert where it fails half-way', async () => {
    const before = p.dump();
    const apply = script(['CREATE INDEX i ON t (v)', 'REINDEX nowhere']);
    const error = failure(await withStep({ apply, revert: script(['DROP INDEX i']) }).up());
    expect(error).to.include({ kind: 'step-failed', state: 'rolled-back', exitCode: 1 });
    expect(p.dump()).to.equal(before);
    expect((await events('StepRolledBack')).map(({ data }) => data['rung'])).to.deep.equal(['revert']);
  });

  it('goes on by itself where it stopped half-way and can be repeated', async () => {
    const apply = script(['CREATE INDEX IF NOT EXISTS i ON t (v)', 'INSERT INTO later VALUES (1)']);
    const error = failure(await withStep({ apply }).up());
    expect(error).to.include({ kind: 'needs-person', exitCode: 5 });
    expect(error.hint).to.match(/migrate-safe up$/);
    p.sql('CREATE TABLE later (x INTEGER)');
    value(await withStep({ apply }).up());
    expect((await events('RunRecovered')).map(({ data }) => data['finding'])).to.deep.equal(['can-be-repeated']);
    expect(p.rows('SELECT x FROM later')).to.deep.equal([{ x: 1 }]);
    expect(value(await p.manager().audit()).events).to.be.greaterThan(5);
  });

  it('waits for a person where it stopped half-way and cannot be repeated, or is another step now', async () => {
    const once = script(['CREATE INDEX i ON t (v)', 'INSERT INTO later VALUES (1)'], {
      ...HARMLESS,
      repeatable: false,
    });
    expect(failure(await withStep({ apply: once }).up()).kind).to.equal('needs-person');
    p.sql('CREATE TABLE later (x INTEGER)');
    expect(failure(await withStep({ apply: once }).up())).to.include({ kind: 'needs-person', exitCode: 5 });
    // The journal has the checksum of the step that was begun.
    const other = withStep({ apply: script(['SELECT 1']), revision: 'edited' });
    expect(failure(await other.up())).to.include({ kind: 'needs-person', exitCode: 5 });
    expect(p.rows('SELECT x FROM later')).to.deep.equal([]);
  });
});
