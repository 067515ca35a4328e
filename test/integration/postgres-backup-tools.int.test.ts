// PostgreSQL's own programs: found by version, refused where they do not fit, and led to the server as the driver is.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { migrateError } from '#src/core/errors/migrate-error.js';
import { withToolEnvironment } from '#src/dao/dialects/postgres/backup/environment.js';
import { runQuietly, runTool, textOf } from '#src/dao/dialects/postgres/backup/run-tool.js';
import { asSqlError, findTools, parseVersion } from '#src/dao/dialects/postgres/backup/tools.js';
import { value } from '../support/project.js';

const POSIX = process.platform !== 'win32';

(POSIX ? describe : describe.skip)('the programs of PostgreSQL', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** A folder of programs that say they are of a version. */
  const programs = (version: string, names: readonly string[] = ['pg_dump', 'pg_restore', 'psql']): string => {
    const folder = path.join(root, `v${version}`);
    mkdirSync(folder);
    for (const name of names) {
      writeFileSync(path.join(folder, name), `#!/bin/sh\necho "${name} (PostgreSQL) ${version}"\n`);
      chmodSync(path.join(folder, name), 0o755);
    }
    return folder;
  };
  const named = (...folders: string[]): NodeJS.ProcessEnv => ({ PG_BIN: folders.join(path.delimiter) });

  it('are those of the equal version, else of the next newer one, wherever they stand in the list', async () => {
    const [old, equal, newer, newest] = ['14.9', '15.3', '16.1', '17beta2'].map((version) => programs(version));
    const of = async (version: number, ...folders: (string | undefined)[]): Promise<unknown> =>
      value(await findTools(version, named(...folders.map(String))));
    const tools = (folder: string | undefined, version: number): unknown => ({
      pgDump: `${folder}/pg_dump`,
      pgRestore: `${folder}/pg_restore`,
      psql: `${folder}/psql`,
      version,
    });
    expect(await of(150_000, newest, old, newer, equal)).to.deep.equal(tools(equal, 150_003));
    expect(await of(150_000, newest, old, newer)).to.deep.equal(tools(newer, 160_001));
    expect(await of(160_004, old, equal, newest)).to.deep.equal(tools(newest, 170_000));
  });

  it('are refused where they are older than the server, and it is said where they are and how to get others', async () => {
    const old = programs('14.9');
    const missing = (await findTools(150_000, named(old)))._unsafeUnwrapErr();
    expect(missing).to.deep.include({
      kind: 'tools-missing',
      major: 15,
      lookedIn: [old],
      found: [{ folder: old, version: '14.9' }],
    });
    const { kind, message, fix } = asSqlError(missing);
    expect(kind).to.equal('tools-missing');
    expect(message).to.include('pg_dump').and.include('PostgreSQL 15').and.include(old).and.include('14.9');
    expect(missing.install).to.match(/postgresql-client-15$|postgresql@15$|^https:/);
    const error = migrateError({ kind: 'tools-missing', detail: message, fix: fix ?? '' });
    expect(error).to.include({ code: 'MS-TOOLS-MISSING', exitCode: 2, state: 'unchanged' });
    expect(error.hint).to.include(missing.install);
  });

  it('are missing where a folder is empty, lacks one of them, or one does not start', async () => {
    const empty = path.join(root, 'empty');
    mkdirSync(empty);
    const part = programs('15.1', ['pg_dump', 'psql']);
    const broken = programs('15.2');
    chmodSync(path.join(broken, 'pg_dump'), 0o644);
    const whole = programs('15.3');
    for (const folder of [empty, part, broken, path.join(root, 'not there')]) {
      const found = await findTools(150_000, { PG_BIN: folder, PATH: whole });
      expect(found.isErr() && found.error.lookedIn, folder).to.deep.equal([folder]);
    }
  });

  it('are looked for on the path where no folder is named', async () => {
    const far = programs('99.1');
    expect(value(await findTools(990_000, { PATH: `/not/there${path.delimiter}${far}` })).pgDump).to.equal(
      `${far}/pg_dump`,
    );
  });

  it('are not a wrapper that chooses a version anew at every call', async () => {
    const real = programs('15.1');
    const folder = path.join(root, 'wrapped');
    mkdirSync(folder);
    writeFileSync(path.join(root, 'pg_wrapper'), readFileSync(path.join(real, 'pg_dump')), { mode: 0o755 });
    for (const name of ['pg_dump', 'pg_restore', 'psql'])
      symlinkSync(path.join(root, 'pg_wrapper'), path.join(folder, name));
    expect((await findTools(150_000, named(folder))).isErr()).to.equal(true);
  });

  it('say their version in many ways', () => {
    const versions = {
      '15.18 (Debian 15.18-1)': 150_018,
      '17beta1': 170_000,
      '18devel': 180_000,
      '9.6.24': 90_624,
      '16.0': 160_000,
    };
    for (const [text, version] of Object.entries(versions))
      expect(parseVersion(`pg_dump (PostgreSQL) ${text}`)).to.equal(version);
    expect(parseVersion('another program 15.1')).to.equal(0);
  });

  it('fail with their own words, by their kind, without their name', async () => {
    const failing = async (words: string): Promise<unknown> => {
      const program = path.join(root, 'fails');
      writeFileSync(program, `#!/bin/sh\ncat >&2 <<'EOT'\n${words}\nEOT\nexit 1\n`, { mode: 0o755 });
      const outcome = await runQuietly({ program, args: [], env: process.env });
      return outcome.isErr() ? [outcome.error.kind, outcome.error.message] : outcome;
    };
    const words: Readonly<Record<string, readonly [string, string]>> = {
      'pg_dump: error: could not write to output file: No space left on device': [
        'disk-full',
        'the disk is full (could not write to output file: No space left on device)',
      ],
      'pg_dump: error: connection to server at "h", port 1 failed: Connection refused': [
        'unreachable',
        'connection to server at "h", port 1 failed: Connection refused',
      ],
      'pg_dump: warning: something\npg_dump: error: query failed: ERROR:  permission denied for table t\npg_dump: detail: Query was: LOCK TABLE public.t':
        ['not-permitted', 'query failed: ERROR:  permission denied for table t'],
      'pg_dump: error: aborting because of server version mismatch\npg_dump: detail: server version: 18.0; pg_dump version: 15.1':
        ['tools-missing', 'aborting because of server version mismatch'],
      'pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout': [
        'busy',
        'query failed: ERROR:  canceling statement due to lock timeout',
      ],
      'pg_dump: error: connection to server at "h", port 1 failed: FATAL:  password authentication failed for user "u"':
        [
          'access-denied',
          'connection to server at "h", port 1 failed: FATAL:  password authentication failed for user "u"',
        ],
      'pg_dump: error: connection to server at "h", port 1 failed: FATAL:  database "d" does not exist': [
        'cannot-open',
        'connection to server at "h", port 1 failed: FATAL:  database "d" does not exist',
      ],
      'pg_restore: error: could not read from input file: end of file': [
        'io',
        'could not read from input file: end of file',
      ],
      'pg_dump: error: query failed: server closed the connection unexpectedly': [
        'connection-lost',
        'query failed: server closed the connection unexpectedly',
      ],
    };
    for (const [said, expected] of Object.entries(words)) expect(await failing(said), said).to.deep.equal(expected);
  });

  it('that are not there fail with a reason', async () => {
    const outcome = await runQuietly({ program: path.join(root, 'absent'), args: [], env: {} });
    expect(outcome.isErr() && outcome.error.message).to.include('ENOENT');
  });

  it('are ended where they print nothing any more, however they take it', async () => {
    const program = path.join(root, 'circling');
    writeFileSync(program, `#!/bin/sh\ntrap '' TERM\necho begun\nwhile :; do :; done\n`, { mode: 0o755 });
    const outcome = await textOf({ program, args: [], env: process.env, silentMs: 300 });
    expect(outcome.isErr() && outcome.error.kind).to.equal('io');
    const talking = path.join(root, 'talking');
    writeFileSync(talking, `#!/bin/sh\nfor i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done\n`, { mode: 0o755 });
    expect(value(await textOf({ program: talking, args: [], env: process.env, silentMs: 700 }))).to.equal(
      '1\n2\n3\n4\n5\n6\n',
    );
  });

  it('tell why they ended, where their output ended early', async () => {
    const script = 'echo COPY; echo "pg_dump: error: permission denied for table t" >&2; exit 1';
    const work = runTool({ program: 'sh', args: ['-c', script], env: process.env }, async (output) => {
      await output.toArray();
      throw new Error('the data ends in the middle of a table');
    });
    expect((await work)._unsafeUnwrapErr())
      .to.include({ kind: 'not-permitted' })
      .and.to.have.property('message')
      .that.contains('permission denied for table t');
  });

  it('do not go on where what reads them has given up', async () => {
    const program = path.join(root, 'endless');
    writeFileSync(program, `#!/bin/sh\necho $$ > "${root}/pid"\nexec sleep 600\n`, { mode: 0o755 });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 200);
    const outcome = await textOf({ program, args: [], env: process.env, signal: abort.signal });
    expect(outcome.isErr() && outcome.error.kind).to.equal('interrupted');
    const pid = Number(readFileSync(path.join(root, 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).to.throw('ESRCH');
  });
});

describe('the environment of the programs', () => {
  const environment = (options: Parameters<typeof withToolEnvironment>[0]): Promise<NodeJS.ProcessEnv> =>
    withToolEnvironment(options, async (env) => ({
      ...env,
      ...Object.fromEntries(
        ['PGPASSFILE', 'PGSSLROOTCERT', 'PGSSLCERT', 'PGSSLKEY']
          .filter((name) => env[name] !== undefined && !env[name].endsWith('no-root.crt'))
          .map((name) => [`${name}_CONTENT`, readFileSync(env[name] ?? '', 'utf8')]),
      ),
    }));
  const kept = { ...process.env };
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in kept)) delete process.env[name];
    Object.assign(process.env, kept);
  });

  it('leads where a URL leads, and where options do', async () => {
    const url = 'postgres://u%20ser:p%3Aw%5C@host.example:6000/d%20b?options=-c%20work_mem%3D8MB';
    const to = { PGHOST: 'host.example', PGPORT: '6000', PGUSER: 'u ser', PGDATABASE: 'd b', PGSSLMODE: 'disable' };
    expect(await environment({ connectionString: url })).to.include({
      ...to,
      PGOPTIONS: '-c work_mem=8MB',
      PGPASSFILE_CONTENT: '*:*:*:*:p\\:w\\\\\n',
    });
    const options = {
      host: 'host.example',
      port: 6000,
      user: 'u ser',
      database: 'd b',
      password: () => Promise.resolve('later'),
    };
    expect(await environment(options)).to.include({ ...to, PGPASSFILE_CONTENT: '*:*:*:*:later\n' });
    expect(await environment({ connectionString: 'postgres:///db?host=/var/run/postgresql' })).to.include({
      PGHOST: '/var/run/postgresql',
      PGDATABASE: 'db',
    });
  });

  it('takes the PG* variables as the driver does, and passes on no others, and no secrets', async () => {
    Object.assign(process.env, {
      PGHOST: 'from-env',
      PGPORT: '7000',
      PGPASSWORD: 'sec',
      PGHOSTADDR: '10.0.0.1',
      PGSERVICE: 's',
      DATABASE_URL: 'postgres://u:sec@h/d',
      MIGRATE_SAFE_DATABASE: 'postgres://u:sec@h/d',
    });
    const env = await environment({ user: 'u' });
    expect(env).to.include({ PGHOST: 'from-env', PGPORT: '7000', PGUSER: 'u', PGPASSFILE_CONTENT: '*:*:*:*:sec\n' });
    expect(env).to.not.have.any.keys('PGHOSTADDR', 'PGSERVICE', 'PGPASSWORD', 'DATABASE_URL', 'MIGRATE_SAFE_DATABASE');
  });

  it('leaves the password to .pgpass where none is said', async () => {
    process.env['PGPASSFILE'] = path.join(tmpdir(), 'somebody-s-pgpass');
    const env = await withToolEnvironment({ host: 'h' }, async (one) => one);
    expect(env['PGPASSFILE']).to.equal(process.env['PGPASSFILE']);
  });

  it('checks the certificate of the server as Node.js does, or not at all where that is said', async () => {
    expect(await environment({ host: 'h', ssl: true })).to.include({ PGSSLMODE: 'verify-full' });
    expect((await environment({ host: 'h', ssl: true }))['PGSSLROOTCERT_CONTENT']).to.include('BEGIN CERTIFICATE');
    expect(await environment({ host: 'h', ssl: { ca: 'A-CA' } })).to.include({
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT_CONTENT: 'A-CA',
    });
    const waived = { ca: ['A', 'B'], checkServerIdentity: () => undefined };
    expect(await environment({ host: 'h', ssl: waived })).to.include({
      PGSSLMODE: 'verify-ca',
      PGSSLROOTCERT_CONTENT: 'A\nB',
    });
    expect(await environment({ host: 'h', ssl: { rejectUnauthorized: false } })).to.include({ PGSSLMODE: 'require' });
    expect(await environment({ connectionString: 'postgres://h/d?sslmode=no-verify' })).to.include({
      PGSSLMODE: 'require',
    });
  });

  it('shows the certificate of the client, and opens a key that is locked', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
    const env = await environment({ host: 'h', ssl: { ca: 'A', cert: 'CERT', key: locked, passphrase: 'x' } });
    expect(env['PGSSLCERT_CONTENT']).to.equal('CERT');
    expect(env['PGSSLKEY_CONTENT']).to.equal(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  });

  it('refuses a password that a file of passwords cannot hold, and does not repeat it', async () => {
    const outcome = await environment({ host: 'h', password: 'two\nlines' }).then(
      () => 'taken',
      (thrown: unknown) => String(thrown),
    );
    expect(outcome).to.include('line break').and.not.include('two');
  });
});
