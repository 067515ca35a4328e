// What people see: plain where nobody watches, each failure with its place, its state and what to type next.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { CliProject, writeShop } from '../support/cli-project.js';

describe('migrate-safe for people', () => {
  let project: CliProject;
  beforeEach(() => {
    project = new CliProject();
    writeShop(project);
  });
  afterEach(() => project.remove());

  // eslint-disable-next-line no-control-regex
  const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f]/;

  it('shows each step with its phases, and ends with the version', async () => {
    const { code, stdout, stderr } = await project.app('up');
    expect(code).to.equal(0);
    expect(stderr).to.equal('');
    expect(stdout).not.to.match(CONTROL);
    expect(stdout).to.match(/^app\.db {3}2 steps to apply\n\n {2}0001 shop\n {4}✔ backup {5}.*verified/);
    expect(stdout).to.include('✔ effects    customers +3, orders +3');
    expect(stdout).to.match(/current 0002, in [\d.]+ m?s\n$/);
    expect((await project.app('up')).stdout).to.equal('app.db   nothing to do, current 0002\n');
  });

  it('folds a step into a line where there are many', async () => {
    for (let at = 10; at < 24; at += 1) project.write(`migrations/00${at}_t${at}.up.sql`, `CREATE TABLE t${at} (x);\n`);
    const { stdout } = await project.app('up', '--file-backup', 'each-run');
    expect(stdout).to.match(/✔ 0010 t10 {3}1 statement/);
    expect(stdout.split('\n').length).to.be.lessThan(30);
  });

  it('shows status as a table that fits the width', async () => {
    await project.app('up', '--to', '0001');
    const { stdout } = await project.app('status');
    expect(stdout).to.match(/^app\.db {3}sqlite, [\d.]+ kB +current 0001, head 0002, 1 pending\n/);
    expect(stdout).to.match(/0001 {3}shop {4}applied/);
    expect(stdout).to.match(/0002 {3}email {3}pending/);
    for (const line of stdout.split('\n')) expect(line.length).to.be.at.most(100);
  });

  it('ends a plan with the command that does what was planned, and where that leads', async () => {
    expect((await project.app('plan', '--to', '0001')).stdout).to.match(
      /`migrate-safe --database sqlite:app.db up --to 0001` would bring it to 0001\.\n$/,
    );
    await project.app('up');
    project.write('migrations/0000_late.up.sql', 'CREATE TABLE late (x);\n');
    for (const verb of [['plan'], ['up', '--dry-run']])
      expect((await project.app(...verb, '--out-of-order')).stdout).to.match(
        /`migrate-safe --database sqlite:app.db up --out-of-order` would bring it to 0002\.\n$/,
      );
  });

  it('marks the place in an SQL file, says that nothing was changed, and shows no stack', async () => {
    project.write(
      'migrations/0003_fails.up.sql',
      'UPDATE customers SET name = name;\nINSERT INTO nowhere VALUES (1);\n',
    );
    const { code, stdout, stderr } = await project.app('up');
    expect(code).to.equal(1);
    expect(stderr).to.include('✖ apply      no such table: nowhere');
    expect(stderr).to.include('migrations/0003_fails.up.sql:2\n');
    expect(stderr).to.match(/2 │ INSERT INTO nowhere VALUES \(1\);?\n\s+│ {13}\^{7}\n/);
    const prose = stderr.replaceAll(/\s+/g, ' ');
    expect(prose).to.include('rolled back');
    expect(prose).to.include('0001, 0002 were applied before it and stay');
    expect(stderr).to.include('[MS-STEP-FAILED]');
    expect(stderr).not.to.match(/\n\s+at /);
    expect(`${stdout}${stderr}`).not.to.match(CONTROL);
  });

  const STACK = /^ *at .+0003_throws/m;
  it('keeps the stack of a step for --verbose: it may hold anything', async () => {
    project.write(
      'migrations/0003_throws.mjs',
      `export default { apply() { throw new Error('no', { cause: 'x' }); } };\n`,
    );
    const plain = await project.app('up');
    expect(plain.stdout + plain.stderr).not.to.match(STACK);
    expect((await project.app('up', '--verbose')).stderr).to.match(STACK);
  });

  it('names the place of a syntax error in a step in code as it names all places', async () => {
    project.write('migrations/0003_broken.ts', 'export default {\n  apply: () => {\n    const x: = 3;\n  },\n};\n');
    const { code, stderr } = await project.app('up');
    expect(code).to.equal(2);
    expect(stderr.replaceAll(/\n\s*/g, ' ')).to.include(
      'migrations/0003_broken.ts could not be loaded: Unexpected token (migrations/0003_broken.ts:3:14)',
    );
    expect(stderr).not.to.include(project.directory);
    project.write('migrations/0003_broken.ts', `import x from './nowhere.js';\nexport default { apply: x };\n`);
    expect((await project.app('up')).stderr.replaceAll(/\n\s*/g, ' ')).to.include(
      `Cannot find module './nowhere.js', which migrations/0003_broken.ts imports`,
    );
  });

  it('ends a refusal of the guard with the line that would allow it', async () => {
    await project.app('up');
    project.write('migrations/0003_purge.up.sql', 'DELETE FROM orders;\n');
    const { stderr } = await project.app('up');
    expect(stderr).to.include('✖ guard      would lose 3 rows of orders');
    expect(stderr).to.match(/Nothing was changed: .*\[MS-GUARD-LOSS\]/);
    expect(stderr.trimEnd().split('\n').at(-1)).to.equal('    -- migrate-safe: may-lose-rows table=orders');
  });

  it('prints errors only with --quiet', async () => {
    const quiet = await project.app('up', '--quiet');
    expect([quiet.code, quiet.stdout, quiet.stderr]).to.deep.equal([0, '', '']);
    project.write('migrations/0003_fails.up.sql', 'nonsense;\n');
    expect((await project.app('up', '--quiet')).stderr).to.include('[MS-');
  });

  it('says what a restore would lose, and how to undo it', async () => {
    await project.app('up');
    const { code, stdout } = await project.app('restore', '--before-step', '0002', '--yes');
    expect(code).to.equal(0);
    expect(stdout).to.include('app.db will be put back to');
    expect(stdout).to.include('before 0002');
    expect(stdout).to.match(/To undo it: migrate-safe --database sqlite:app.db restore \S+\n$/);
  });

  it('says of a damaged file that it is moved aside, and not that a copy is kept', async () => {
    await project.app('up');
    const pageSize = 4096;
    const bytes = readFileSync(project.path('app.db'));
    bytes.fill(0xa5, pageSize, 4 * pageSize);
    writeFileSync(project.path('app.db'), bytes);
    const { code, stdout } = await project.app('restore', '--latest', '--yes');
    expect(code).to.equal(0);
    expect(stdout).not.to.include('A copy of the present state');
    expect(stdout).to.include('  What is there now is moved aside, not deleted.');
    expect(stdout).to.match(/What was there is kept as app\.db\.before-restore-\S+\.\n$/);
    expect((await project.app('audit')).code).to.equal(0);
  });

  it('says of the mirror in an audit only what was compared', async () => {
    await project.app('up');
    expect((await project.app('audit')).stdout).to.include('; the table of steps and the mirror say the same\n');
    const { code, stdout } = await project.app('audit', '--backups', './empty');
    expect(code).to.equal(0);
    expect(stdout).to.match(
      /chain intact; the table of steps says the same\n! There is no mirror .* in empty,[^]*\nhead 12 /,
    );
    expect((await project.app('audit', '--backups', './empty', '--json')).json()).to.include({ mirrored: 0 });

    const [id = ''] = readdirSync(project.path('backups'));
    const mirror = `backups/${id}/journal.ndjson`;
    project.write(mirror, project.read(mirror).split('\n').slice(0, 3).join('\n') + '\n');
    expect((await project.app('audit')).stdout).to.match(/says the same\n! The mirror in backups ends at event 3: /);
    project.write('migrations/0003_t.up.sql', 'CREATE TABLE t (x);\n');
    await project.app('up');
    expect((await project.app('audit')).stdout).to.include('and the mirror say the same\n');
  });

  it('does not stop a migration because its reader went away', async () => {
    for (let at = 10; at < 40; at += 1) project.write(`migrations/00${at}_t.up.sql`, `CREATE TABLE t${at} (x);\n`);
    expect(await project.untilFirstOutput(['up', '--database', 'sqlite:app.db'])).to.equal(0);
    expect((await project.app('current')).stdout).to.equal('0039\n');
  }).timeout(60_000);

  // SIGTERM is what a container's stop and a service manager send, SIGHUP a terminal that was closed.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    it(`rolls back what is under way on ${signal}, and exits with 130 though the step left a timer`, async () => {
      project.write(
        'migrations/0003_slow.mjs',
        `export default { apply: () => new Promise((resolve) => setTimeout(resolve, 60_000)) };\n`,
      );
      const { code, stdout, stderr } = await project.interrupted(
        ['up', '--json', '--database', 'sqlite:app.db'],
        '0003 slow',
        signal,
      );
      expect(code).to.equal(130);
      expect(JSON.parse(stdout)).to.deep.include({ ok: false, state: 'rolled-back' });
      expect(stderr).to.include('Stopping');
      expect((await project.app('current')).stdout).to.equal('0002\n');
    });

  it('goes on with the rest where some steps were reverted already: the same number would take others', async () => {
    project.write('migrations/0003_note.up.sql', 'ALTER TABLE customers ADD COLUMN note TEXT;\n');
    project.write('migrations/0003_note.down.sql', 'ALTER TABLE customers DROP COLUMN note;\n');
    project.write('migrations/0002_email.down.sql', 'DROP INDEX nowhere;\n');
    await project.app('up');
    const { code, stderr } = await project.app('down', '--count', '2');
    expect(code).to.equal(1);
    expect(stderr.replaceAll(/\s+/g, ' '))
      .to.include('0003 was reverted before it and stays so.')
      .and.include('Correct it and run `migrate-safe --database sqlite:app.db down --count 1`.')
      .and.not.include('same command')
      .and.not.include('Nothing was changed');
    project.write('migrations/0002_email.down.sql', '-- migrate-safe: touches table=customers\nDELETE FROM orders;\n');
    await project.app('up');
    const refused = await project.app('down', '--count', '2', '--json');
    expect(refused.json<{ error: { hint: string } }>().error.hint).to.match(/\n\nThen: migrate-safe .*down --count 1$/);
  });

  it('says what to type where a revert did not undo all that its apply did', async () => {
    project.write('migrations/0002_email.down.sql', 'SELECT 1;\n');
    await project.app('up');
    const { code, stdout } = await project.app('down');
    expect(code).to.equal(0);
    expect(stdout).to.include('! schema     not what it was before 0002');
    const [, undo = ''] = /undo the revert: migrate-safe --database sqlite:app.db restore (\S+)\n/.exec(stdout) ?? [];
    expect((await project.app('restore', undo, '--yes')).code).to.equal(0);
    expect((await project.app('current')).stdout).to.equal('0002\n');
  });

  it('does not blame a revert for what nobody knows', async () => {
    await project.app('up');
    project.write('migrations/0000_late.up.sql', 'CREATE TABLE late (x);\n');
    await project.app('up', '--out-of-order');
    const late = await project.app('down');
    expect(late.stdout.replaceAll(/\s+/g, ' '))
      .to.include('not what it was before 0002, but it had changed since 0002 was applied')
      .and.include('! The schema had changed since 0002 was applied: whether')
      .and.include('column customers.email removed; not')
      .and.match(/undo the revert: migrate-safe --database sqlite:app.db restore \S+ current 0001/)
      .and.not.include('does not undo');

    await project.app('up');
    await project.app('stamp', 'base');
    await project.app('stamp', '0002');
    const stamped = await project.app('down');
    expect(stamped.stdout.replaceAll(/\s+/g, ' '))
      .to.include('is not known: the step was stamped, not applied')
      .and.include('! Whether the schema is what it was before 0002 is not known: stamped, not applied.')
      .and.not.include('does not undo');
    expect(stamped.stdout).to.match(/undo the revert: migrate-safe .*restore \S+\ncurrent 0001/);
  });

  it('keeps the notes of status within the width', async () => {
    await project.app('up');
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(project.path(`app.db${suffix}`), { force: true });
    const { stdout } = await project.run(['status'], { DATABASE_URL: 'sqlite:app.db' });
    expect(stdout).to.include('! app.db is not there, but backups has backups of it.');
    for (const line of stdout.split('\n')) expect(line.length).to.be.at.most(100);
  });

  it('tells a database that was lost from one that was never made, and brings it back', async () => {
    expect((await project.app('status')).stdout).to.match(/not there yet[^]*no backup yet; no journal yet\n$/);
    expect((await project.app('doctor')).stdout).to.match(/database {7}app.db is not there yet\n.*up creates it/);
    await project.app('up');
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(project.path(`app.db${suffix}`), { force: true });
    const status = (await project.app('status')).stdout;
    expect(status).to.match(/not there .*[^]*last backup .*, verified; no journal\n$/);
    expect(status).not.to.include('not there yet');
    const doctor = await project.app('doctor');
    expect(doctor.code).to.equal(3);
    expect(doctor.stdout).to.match(/✖ database {7}app.db is not there, but backups has backups of it\n/);
    expect(doctor.stdout).not.to.include('creates it');
    const hint = 'migrate-safe --database sqlite:app.db restore --latest';
    expect(doctor.stderr).to.include(hint);
    for (const verb of [['down'], ['stamp', '0001'], ['audit'], ['up']]) {
      const { code, stderr } = await project.app(...verb);
      expect(code).to.equal(3);
      expect(stderr).to.include(hint);
      expect(stderr).to.include('[MS-DB-GONE]');
    }
    expect((await project.app('restore', '--latest', '--yes')).code).to.equal(0);
    expect((await project.app('doctor')).stdout).to.match(/All is well\.\n$/);
  }).timeout(60_000);

  it('promises no going on from a step without a transaction that was killed', async () => {
    await project.app('up');
    project.write(
      'migrations/0003_half.mjs',
      `export default { transaction: 'none', apply: async (knex) => {
        await knex.raw("INSERT INTO customers (name) VALUES ('half')");
        process.kill(process.pid, 'SIGKILL');
      } };\n`,
    );
    expect((await project.app('up')).code).not.to.equal(0);
    const status = await project.app('status');
    const prose = status.stdout.replaceAll(/\s+/g, ' ');
    const [, back = ''] =
      /Half of it needs a person: `migrate-safe --database sqlite:app.db (restore [^`]+)`/.exec(prose) ?? [];
    expect(prose)
      .to.include('it was in 0003, which runs without a transaction, and may be half-done')
      .and.include('looks how far it came');
    expect((await project.app('status', '--json')).json<{ openRun: object }>().openRun)
      .to.have.property('step')
      .that.includes({ version: '0003', transactional: false, failed: false });
    const doctor = await project.app('doctor');
    expect(doctor.code).to.equal(3);
    expect(doctor.stdout)
      .to.match(/✖ run /)
      .and.not.include('All is well');
    const up = await project.app('up');
    expect(up.code).to.equal(5);
    expect(up.stderr).to.include(`migrate-safe --database sqlite:app.db ${back}`);
    expect((await project.app(...back.split(' '), '--yes')).code).to.equal(0);
    expect((await project.app('doctor')).stdout).to.match(/All is well\.\n$/);
  }).timeout(60_000);

  it('names the verbs in --help, and the flags of each', async () => {
    const help = await project.run(['--help']);
    expect(help.code).to.equal(0);
    for (const verb of [
      'init',
      'new',
      'status',
      'current',
      'plan',
      'up',
      'down',
      'stamp',
      'history',
      'audit',
      'backup',
      'restore',
      'doctor',
    ])
      expect(help.stdout).to.match(new RegExp(`\\n  ${verb} `));
    expect((await project.run(['up', '--help'])).stdout).to.include('--dry-run');
    expect((await project.run(['--version'])).stdout).to.match(/^\d+\.\d+\.\d+/);
  });

  it('has a doctor that ends well, or names what mends it', async () => {
    expect((await project.app('doctor')).stdout).to.match(/All is well\.\n$/);
    project.write('migrations/0003_empty.up.sql', '');
    const { code, stdout, stderr } = await project.app('doctor');
    expect(code).to.equal(3);
    expect(stdout).to.match(/✖ steps/);
    expect(stderr).to.include('[MS-DOCTOR]');
  });
});
