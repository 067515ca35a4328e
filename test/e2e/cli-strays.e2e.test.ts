// What escapes a step: a promise that nobody waits for, an exit in the middle. Neither passes for success, nor ends in a stack.
import { expect } from 'chai';
import { CliProject, writeShop } from '../support/cli-project.js';

interface Failure {
  readonly ok: boolean;
  readonly state: string;
  readonly error: { readonly code: string; readonly message: string; readonly step?: { readonly version: string } };
}

describe('what escapes a step', () => {
  let project: CliProject;
  beforeEach(async () => {
    project = new CliProject();
    writeShop(project);
    expect((await project.app('up')).code).to.equal(0);
  });
  afterEach(() => project.remove());

  const types = async (): Promise<string[]> =>
    (await project.app('history', '--json')).json<{ events: { type: string }[] }>().events.map(({ type }) => type);

  it('is told as the failure of the step, where a statement was not awaited', async () => {
    project.write(
      'migrations/0003_late.cjs',
      `exports.up = async (knex) => { knex('nowhere').del().then(() => {}); };\n`,
    );
    const { code, stdout, stderr } = await project.app('up', '--json');
    expect(code).to.equal(1);
    const { ok, state, error } = JSON.parse(stdout) as Failure;
    expect({ ok, state, code: error.code, version: error.step?.version }).to.deep.equal({
      ok: false,
      state: 'rolled-back',
      code: 'MS-STEP-FAILED',
      version: '0003',
    });
    expect(error.message).to.include('not awaited').and.to.include('delete from `nowhere`');
    expect(stderr).not.to.match(/\n\s+at /);
    expect((await types()).slice(-3)).to.deep.equal(['StepFailed', 'StepRolledBack', 'RunFailed']);
    expect((await project.app('current')).stdout).to.equal('0002\n');
  });

  it('is told as something to look at, where no step failed for it', async () => {
    project.write('migrate-safe.config.mjs', `Promise.reject(new Error('of nobody'));\nexport default {};\n`);
    const { code, stdout, stderr } = await project.app('current', '--json');
    expect(code).to.equal(5);
    expect(JSON.parse(stdout)).to.deep.include({ ok: false, state: 'needs-attention', current: '0002' });
    expect((JSON.parse(stdout) as Failure).error.message).to.include('of nobody');
    expect(stderr).not.to.match(/\n\s+at /);
  });

  it('does not pass for success, where a step ends the process', async () => {
    project.write(
      'migrations/0003_exit.cjs',
      `exports.up = async (knex) => { await knex('orders').insert({ customer_id: 3 }); process.exit(0); };\n`,
    );
    const { code, stdout, stderr } = await project.app('up', '--json');
    expect(code).to.equal(1);
    expect(JSON.parse(stdout)).to.deep.include({ ok: false, state: 'rolled-back' });
    expect(stderr).to.include('process.exit');
    expect((await project.app('current')).stdout).to.equal('0002\n');
    project.write('migrations/0003_exit.cjs', `exports.up = (knex) => knex('orders').insert({ customer_id: 3 });\n`);
    expect((await project.app('up')).code).to.equal(0);
  });
});
