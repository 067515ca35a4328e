// The contract of --json: one document on stdout, the shapes of each verb, the exit codes.
import BetterSqlite3 from 'better-sqlite3';
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { CliProject, writeShop } from '../support/cli-project.js';

interface Failure {
  readonly ok: boolean;
  readonly state: string;
  readonly error: Readonly<Record<string, unknown>> & { readonly step?: Readonly<Record<string, unknown>> };
}

describe('migrate-safe --json', () => {
  let project: CliProject;
  beforeEach(() => {
    project = new CliProject();
    writeShop(project);
  });
  afterEach(() => project.remove());

  const app = (...args: readonly string[]) => project.app(...args, '--json');

  it('tells what up applied, step by step', async () => {
    const outcome = await app('up');
    expect(outcome.code).to.equal(0);
    const { ok, runId, applied, current, durationMs } = outcome.json<{
      ok: boolean;
      runId: string;
      applied: Record<string, unknown>[];
      current: string;
      durationMs: number;
    }>();
    expect({ ok, current }).to.deep.equal({ ok: true, current: '0002' });
    expect(runId).to.be.a('string');
    expect(durationMs).to.be.a('number');
    expect(applied).to.have.length(2);
    expect(applied[0]).to.include({ component: 'main', version: '0001', description: 'shop' });
    expect(applied[0]?.['durationMs']).to.be.a('number');
    expect(applied[0]?.['backups']).to.have.length(1);
    expect(applied[0]?.['effects']).to.deep.equal({
      tables: { customers: { inserted: 3, updated: 0, deleted: 0 }, orders: { inserted: 3, updated: 0, deleted: 0 } },
    });
    expect(outcome.stderr).to.include('2 steps to apply');
  });

  it('says with an empty list that there was nothing to do', async () => {
    await app('up');
    const outcome = await app('up');
    expect(outcome.code).to.equal(0);
    expect(outcome.json()).to.include({ ok: true, runId: null, current: '0002' });
    expect(outcome.json()['applied']).to.deep.equal([]);
  });

  it('tells what there is, with a number of pending steps', async () => {
    await app('up', '--to', '0001');
    const { steps, ...status } = (await app('status')).json<{ steps: Record<string, unknown>[] }>();
    expect(status).to.include({
      ok: true,
      database: 'app.db',
      dialect: 'sqlite',
      current: '0001',
      head: '0002',
      pending: 1,
    });
    expect(steps.map(({ version, state }) => `${String(version)} ${String(state)}`)).to.deep.equal([
      '0001 applied',
      '0002 pending',
    ]);
    expect(steps[0]).to.include.keys('component', 'description', 'checksum', 'appliedAt');
    expect(steps[0]?.['checksum']).to.match(/^sha256:[0-9a-f]{64}$/);
    expect(steps[1]?.['appliedAt']).to.equal(null);
    expect((await app('current')).json()).to.deep.equal({ ok: true, current: '0001' });
  });

  it('prints the steps and exits with 3 where status --check finds something pending', async () => {
    await app('up', '--to', '0001');
    const found = await app('status', '--check');
    expect(found.code).to.equal(3);
    const { ok, error, steps, pending } = found.json<Failure & { steps: unknown[]; pending: number }>();
    expect({ ok, pending, kind: error['kind'], code: error['code'] }).to.deep.equal({
      ok: false,
      pending: 1,
      kind: 'pending',
      code: 'MS-PENDING',
    });
    expect(steps).to.have.length(2);
    await app('up');
    expect((await app('status', '--check')).code).to.equal(0);
  });

  it('names a changed file in status --check', async () => {
    await app('up');
    project.write('migrations/0002_email.up.sql', 'ALTER TABLE customers ADD COLUMN mail TEXT;\n');
    const found = await app('status', '--check');
    expect(found.code).to.equal(3);
    expect(found.json<Failure>().error).to.include({ kind: 'changed-step', code: 'MS-STEP-CHANGED' });
    expect((await app('up')).code).to.equal(3);
  });

  it('plans without making the database', async () => {
    const outcome = await app('plan');
    expect(outcome.json()).to.include({ ok: true, current: null });
    expect(
      outcome
        .json<{ steps: { version: string; statements: string[] }[] }>()
        .steps.map(({ version, statements }) => [version, statements.length]),
    ).to.deep.equal([
      ['0001', 4],
      ['0002', 1],
    ]);
    const dry = await app('up', '--dry-run');
    expect(dry.json()).to.include({ ok: true, dryRun: true });
    expect(project.has('app.db')).to.equal(false);
  });

  it('tells what down reverted, and stops at the version that stays', async () => {
    await app('up');
    const one = (await app('down')).json<{ reverted: Record<string, unknown>[]; current: string; runId: string }>();
    expect(one).to.include({ ok: true, current: '0001' });
    expect(one.reverted[0]).to.include({ component: 'main', version: '0002', schemaRestored: true });
    await app('up');
    expect((await app('down', '--to', '0001')).json()).to.include({ current: '0001' });
    expect((await app('down', '--to', 'base')).json()).to.include({ current: null });
    expect((await app('down')).json()['reverted']).to.deep.equal([]);
  });

  it('stamps without running, also as up --fake', async () => {
    project.write('migrations/0003_fails.up.sql', 'INSERT INTO nowhere VALUES (1);\n');
    expect((await app('up', '--to', '0002')).code).to.equal(0);
    const stamped = await app('up', '--fake');
    expect(stamped.code).to.equal(0);
    expect(stamped.json()).to.include({ ok: true, current: '0003' });
    expect((await app('stamp', '0001')).json()).to.deep.include({ stamped: ['0001'], current: '0001' });
    expect((await app('stamp', '0009')).code).to.equal(2);
  });

  it('gives the whole journal, and the proof of it', async () => {
    await app('up');
    const { events } = (await app('history')).json<{ events: Record<string, unknown>[] }>();
    expect(events[0]).to.include.keys(
      'position',
      'type',
      'runId',
      'component',
      'recordedAt',
      'data',
      'previousHash',
      'hash',
    );
    expect(events.map((event) => event['position'])).to.deep.equal(events.map((_, at) => at + 1));
    const audit = await app('audit');
    expect(audit.code).to.equal(0);
    expect(audit.json()).to.deep.equal({
      ok: true,
      events: events.length,
      mirrored: events.length,
      head: { position: events.length, hash: events.at(-1)?.['hash'] },
    });
  });

  it('creates, lists and shows backups, with the path of the copied database', async () => {
    await app('up');
    const { backup } = (await app('backup', 'create', '--verify', 'full')).json<{ backup: Record<string, unknown> }>();
    expect(backup).to.include({ kind: 'file', verified: true });
    expect(backup).to.include.keys('id', 'bytes', 'sha256', 'createdAt');
    expect(backup['tables']).to.have.members(['customers', 'orders']);
    expect(path.isAbsolute(String(backup['path'])) && existsSync(String(backup['path']))).to.equal(true);
    const { backups, damaged } = (await app('backup', 'list')).json<{
      backups: Record<string, unknown>[];
      damaged: unknown[];
    }>();
    expect(backups[0]?.['id']).to.equal(backup['id']);
    expect(backups).to.have.length(3);
    expect(damaged).to.deep.equal([]);
    expect(
      (await app('backup', 'show', String(backup['id']))).json<{ backup: Record<string, unknown> }>().backup,
    ).to.include.keys('id', 'manifest', 'path');
    expect((await app('backup', 'show', 'none')).code).to.equal(2);
  });

  it('restores with --yes and refuses where nobody can be asked', async () => {
    await app('up');
    expect((await app('restore', '--before-step', '0002')).code).to.equal(2);
    expect((await app('restore')).code).to.equal(2);
    const outcome = await app('restore', '--before-step', '2', '--yes');
    expect(outcome.code).to.equal(0);
    const { restored, journal, backup } = outcome.json<{
      restored: { tables: string[]; rows: number };
      journal: { position: number; hash: string };
      backup: Record<string, unknown>;
    }>();
    expect(restored.tables).to.have.members(['customers', 'orders']);
    expect(restored.rows).to.equal(6);
    expect(journal).to.have.all.keys('position', 'hash');
    expect(backup).to.include.keys('id', 'path', 'sha256');
    expect((await app('current')).json()).to.include({ current: '0001' });
    expect(
      (await app('restore', '--latest', '--tables', 'orders', '--yes')).json<{ restored: unknown }>().restored,
    ).to.deep.include({ tables: ['orders'] });
  });

  it('says of a failed step where it failed, and that nothing is left of it', async () => {
    project.write(
      'migrations/0003_fails.up.sql',
      '-- fails\nUPDATE customers SET name = name;\nINSERT INTO nowhere VALUES (1);\n',
    );
    const outcome = await app('up');
    expect(outcome.code).to.equal(1);
    const { ok, state, error } = outcome.json<Failure>();
    expect({ ok, state }).to.deep.equal({ ok: false, state: 'rolled-back' });
    expect(error).to.include({ code: 'MS-STEP-FAILED', kind: 'step-failed' });
    expect(error).to.include.keys('message', 'hint');
    expect(error.step).to.include({ version: '0003', line: 3 });
    expect(String(error.step?.['file'])).to.match(/0003_fails\.up\.sql$/);
    expect(error.step?.['statement']).to.include('nowhere');
    expect(outcome.stdout).not.to.include('"cause"');
  });

  it('gives the lines that would allow what the guard refused', async () => {
    project.write('migrations/0003_purge.up.sql', 'DELETE FROM orders;\n');
    const outcome = await app('up');
    expect(outcome.code).to.equal(1);
    expect(outcome.json<Failure>().error).to.deep.include({
      kind: 'guard-refused',
      declare: ['-- migrate-safe: may-lose-rows table=orders'],
    });
    expect((await project.run(['up', '--guard', 'off', '--json', '--database', 'sqlite:app.db'])).code).to.equal(0);
  });

  it('exits with 3 on a database with tables but no journal', async () => {
    new BetterSqlite3(project.path('app.db'))
      .exec('CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE TABLE knex_migrations (id)')
      .close();
    const outcome = await app('up');
    expect(outcome.code).to.equal(3);
    expect(outcome.json<Failure>().error).to.deep.include({
      kind: 'no-journal',
      tool: { name: 'knex', table: 'knex_migrations' },
    });
    expect(outcome.json<Failure>().state).to.equal('unchanged');
    expect((await app('stamp', 'base')).code).to.equal(0);
    expect((await app('up')).code).to.equal(0);
  });

  it('looks at the environment, one check each, and exits with 3 where something must be mended', async () => {
    const sound = await app('doctor');
    expect(sound.code).to.equal(0);
    for (const check of sound.json<{ checks: object[] }>().checks)
      expect(check).to.have.all.keys('name', 'ok', 'detail', 'fix');
    project.write('app.db', 'this is no database, and long enough to be read as one'.repeat(40));
    const found = await app('doctor');
    expect(found.code).to.equal(3);
    expect(
      found
        .json<{ ok: boolean; checks: { name: string; ok: boolean }[] }>()
        .checks.filter(({ ok }) => !ok)
        .map(({ name }) => name),
    ).to.include('database');
  });

  it('keeps what a step prints off the document', async () => {
    project.write(
      'migrations/0003_talks.ts',
      `export default { apply() { console.log('talk'); process.stdout.write('more'); } };\n`,
    );
    const outcome = await app('up');
    expect(outcome.json()).to.include({ ok: true });
    expect(outcome.stderr).to.include('talk');
  });

  it('answers usage errors with a document too', async () => {
    for (const args of [
      ['stauts'],
      ['help', 'stauts'],
      ['up', '--fooo'],
      [],
      ['backup'],
      ['up', '--guard', 'no'],
      ['stamp'],
      ['down', '--count', 'x'],
      ['down', '--count', '0'],
      ['down', '--count', '1', '--to', '0001'],
    ]) {
      const outcome = await app(...args);
      expect(outcome.code, args.join(' ')).to.equal(2);
      expect(outcome.json<Failure>().error, args.join(' ')).to.include.keys('code', 'kind', 'message', 'hint');
    }
    expect((await app('stauts')).json<Failure>().error['hint']).to.include('status');
  });

  it('exits with 2 where no database is named, or it is not there', async () => {
    expect((await project.run(['status', '--json'])).json<Failure>().error['message']).to.equal('no database is named');
    expect((await app('status')).json()).to.include({ ok: true, current: null, pending: 2 });
    const missing = await app('audit');
    expect(missing.code).to.equal(2);
    expect(missing.json<Failure>().error['kind']).to.equal('database-missing');
  });
});
