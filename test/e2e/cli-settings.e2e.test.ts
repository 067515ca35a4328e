// Where settings come from, and which of them wins; what init and new write, run as it is.
import { expect } from 'chai';
import { CliProject, writeShop } from '../support/cli-project.js';

const status = (outcome: { stdout: string; stderr: string }): string =>
  /no database at (\S+)/.exec(outcome.stderr)?.[1] ?? outcome.stdout.split(' ')[0] ?? '';

describe('settings of migrate-safe', () => {
  let project: CliProject;
  beforeEach(() => (project = new CliProject()));
  afterEach(() => project.remove());

  it('takes flag, MIGRATE_SAFE_*, DATABASE_URL and config file in this order', async () => {
    writeShop(project);
    project.write('migrate-safe.config.mjs', `export default { database: 'sqlite:file.db' };\n`);
    const all = { MIGRATE_SAFE_DATABASE: 'sqlite:own.db', DATABASE_URL: 'sqlite:url.db' };
    expect(status(await project.run(['status', '--database', 'sqlite:flag.db'], all))).to.equal('flag.db');
    expect(status(await project.run(['--database', 'sqlite:flag.db', 'status'], all))).to.equal('flag.db');
    expect(status(await project.run(['status'], all))).to.equal('own.db');
    expect(status(await project.run(['status'], { DATABASE_URL: 'sqlite:url.db' }))).to.equal('url.db');
    expect(status(await project.run(['status']))).to.equal('file.db');
  });

  it('reads an env file only when it is named, and leaves what is set', async () => {
    writeShop(project);
    project.write('.env', 'MIGRATE_SAFE_DATABASE=sqlite:env.db\n');
    expect((await project.run(['status'])).code).to.equal(2);
    expect(status(await project.run(['status', '--env-file', '.env']))).to.equal('env.db');
    expect(
      status(await project.run(['status', '--env-file', '.env'], { MIGRATE_SAFE_DATABASE: 'sqlite:set.db' })),
    ).to.equal('set.db');
  });

  it('takes every setting from the environment too', async () => {
    project.write('elsewhere/0001_a.up.sql', 'CREATE TABLE a (x);\n');
    const env = {
      MIGRATE_SAFE_DATABASE: 'sqlite:app.db',
      MIGRATE_SAFE_STEPS: 'elsewhere',
      MIGRATE_SAFE_BACKUPS: 'safe',
      MIGRATE_SAFE_COMPONENT: 'shop',
      MIGRATE_SAFE_GUARD: 'warn',
      MIGRATE_SAFE_LOCK_WAIT: '5s',
    };
    const outcome = await project.run(['up', '--json'], env);
    expect(outcome.json<{ applied: { component: string }[] }>().applied[0]?.component).to.equal('shop');
    expect(project.has('safe')).to.equal(true);
    expect((await project.run(['up'], { ...env, MIGRATE_SAFE_LOCK_WAIT: 'long' })).code).to.equal(2);
  });

  it('names the variables behind what is not valid: they may have been meant for another program', async () => {
    project.write('migrate-safe.config.mjs', `export default { database: 'sqlite:app.db' };\n`);
    const foreign = { DATABASE_URL: 'mysql://u:secret@host/db' };
    const { code, stderr } = await project.run(['status'], foreign);
    expect(code).to.equal(2);
    expect(stderr).to.include('the configuration (with DATABASE_URL set) is not valid').and.not.to.include('secret');
    const own = await project.run(['status', '--steps', 's'], {
      ...foreign,
      MIGRATE_SAFE_DATABASE: 'xy:z',
      MIGRATE_SAFE_STEPS: 't',
    });
    expect(own.stderr).to.include('(with MIGRATE_SAFE_DATABASE set)');
    expect((await project.run(['status', '--database', 'xy:z'], foreign)).stderr).not.to.include('DATABASE_URL');
  });

  it('loads a config file in TypeScript, with its paths relative to it', async () => {
    project.write(
      'conf/migrate-safe.config.ts',
      `import { defineConfig } from 'migrate-safe';\nconst name: string = 'app.db';\nexport default defineConfig({ database: \`sqlite:\${name}\`, steps: './steps', backups: './copies' });\n`,
    );
    project.write('conf/steps/0001_a.up.sql', 'CREATE TABLE a (x);\n');
    expect((await project.run(['up', '--config', 'conf/migrate-safe.config.ts'])).code).to.equal(0);
    expect([project.has('conf/app.db'), project.has('conf/copies'), project.has('app.db')]).to.deep.equal([
      true,
      true,
      false,
    ]);
    expect((await project.run(['current'], {}, project.path('conf'))).stdout).to.equal('0001\n');
  });

  it('reads CommonJS config files', async () => {
    writeShop(project);
    project.write('migrate-safe.config.cjs', `module.exports = { database: 'sqlite:c.db' };\n`);
    expect(status(await project.run(['status']))).to.equal('c.db');
  });

  it('refuses a config file that is missing, broken, or says what is not known', async () => {
    writeShop(project);
    expect((await project.run(['status', '--config', 'none.ts'])).code).to.equal(2);
    expect((await project.run(['status', '--config', 'migrations'])).stderr).to.match(
      /^✖ migrations could not be loaded: it is a directory   \[MS-CONFIG-FILE\]\n/,
    );
    project.write('migrate-safe.config.ts', 'export default {{\n');
    expect((await project.run(['status'])).stderr).to.include('[MS-CONFIG-FILE]');
    project.write('migrate-safe.config.ts', `export default { database: 'sqlite:a.db', stepps: 'x' };\n`);
    const outcome = await project.run(['status']);
    expect(outcome.code).to.equal(2);
    expect(outcome.stderr).to.match(/migrate-safe\.config\.ts is not valid: `stepps` is not known/);
  });
});

describe('init and new', () => {
  let project: CliProject;
  beforeEach(() => (project = new CliProject()));
  afterEach(() => project.remove());

  it('write files that run up and down as they are', async () => {
    const made = await project.run(['init', '--yes', '--json']);
    expect(made.json<{ files: string[] }>().files).to.include.members(['migrate-safe.config.ts', '.gitignore']);
    await project.run(['new', 'Add e-mail']);
    const ts = await project.run(['new', 'add_phone', '--ts', '--json']);
    expect(ts.json<{ files: string[] }>().files.map((file) => file.replaceAll('\\', '/'))).to.deep.equal([
      'migrations/0003_add_phone.ts',
    ]);
    expect(
      project.has('migrations/0002_add_e_mail.up.sql') && project.has('migrations/0002_add_e_mail.down.sql'),
    ).to.equal(true);
    expect((await project.run(['up'])).code).to.equal(0);
    expect((await project.run(['current'])).stdout).to.equal('0003\n');
    const down = await project.run(['down', '--to', 'base', '--json']);
    expect(
      down.json<{ reverted: { schemaRestored: boolean }[] }>().reverted.map(({ schemaRestored }) => schemaRestored),
    ).to.deep.equal([true, true, true]);
    expect((await project.run(['up'])).code).to.equal(0);
  });

  it('never overwrite, and add to .gitignore only what is missing', async () => {
    project.write('.gitignore', 'node_modules\nbackups');
    project.write('migrate-safe.config.ts', '// mine\n');
    project.write('migrations/0007_mine.up.sql', 'SELECT 1;\n');
    expect((await project.run(['init'])).code).to.equal(0);
    expect(project.read('migrate-safe.config.ts')).to.equal('// mine\n');
    expect(project.has('migrations/0001_create_settings.up.sql')).to.equal(false);
    expect(project.read('.gitignore')).to.match(/^node_modules\nbackups\n\*\.db\n/);
    await project.run(['init']);
    expect(project.read('.gitignore').match(/\*\.db\n/g)).to.have.length(1);
  });

  it('keep the database and what lies beside it out of version control, whatever its ending', async () => {
    await project.run(['init', '--yes', '--database', 'sqlite:data/app.sqlite3']);
    const lines = project.read('.gitignore').split('\n');
    expect(lines).to.include.members(['data/app.sqlite3', 'data/app.sqlite3-*', '*-migrate-lock*', 'backups/']);
  });

  it('take the database that every command would take, and write a step that fits it', async () => {
    await project.run(['init', '--yes'], { DATABASE_URL: 'postgres://me:secret@host.invalid/shop' });
    expect(project.read('migrate-safe.config.ts')).to.include(`database: 'postgres://me@host.invalid/shop'`);
    expect(project.read('migrations/0001_create_settings.up.sql')).to.include('TIMESTAMPTZ');
  });

  it('name what is to be typed next without what the config file has by now, and say where a password belongs', async () => {
    const url = 'postgres://me:secret@host.invalid/shop';
    const made = (await project.run(['init', '--database', url])).stdout;
    expect(made).to.include('`migrate-safe plan`, then: migrate-safe up');
    expect(made).to.include('let PGPASSWORD or ~/.pgpass have it').and.not.to.include('secret');
    const other = (await project.run(['init', '--database', 'sqlite:other.db', '--steps', 'others'])).stdout;
    expect(other, 'the config file names another').to.include('--database sqlite:other.db --steps others plan');
  });

  it('go on numbering as the others are numbered', async () => {
    project.write('three/009_a.up.sql', 'SELECT 1;\n');
    expect(
      (await project.run(['new', 'b', '--steps', 'three', '--json', '--database', 'sqlite:x.db'])).stdout,
    ).to.include('010_b.up.sql');
    project.write('times/20260102030405_a.up.sql', 'SELECT 1;\n');
    expect((await project.run(['new', 'b', '--steps', 'times', '--json'])).stdout).to.match(/20\d{12}_b\.up\.sql/);
    project.write('ahead/29990102030405_a.up.sql', 'SELECT 1;\n');
    expect((await project.run(['new', 'b', '--steps', 'ahead', '--json'])).stdout).to.include(
      '29990102030406_b.up.sql',
    );
    expect((await project.run(['new', '???'])).code).to.equal(2);
  });
});
