// Steps that cannot be in a transaction, by the whole engine on a real PostgreSQL: recognised, run, taken back, gone on with after a crash.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createMigrateSafe, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { noticesTheDead } from '../support/postgres-version.js';
import { failure, value } from '../support/project.js';

describe('a step outside of a transaction on PostgreSQL', () => {
  let database: TestDatabase;
  let client: pg.Client;
  let directory: string;
  const managers: SafeMigrationManager[] = [];

  beforeEach(async function () {
    database = await freshDatabase(this);
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'migrations'));
    write({
      '0001_t.sql': `CREATE TABLE t (id int PRIMARY KEY, v int, w text);
        INSERT INTO t SELECT n, n / 2, 'w' || n FROM generate_series(1, 20) AS n;
        CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM pg_sleep(0.05); RETURN n; END$$;`,
    });
    value(await manager().up());
  });
  afterEach(async () => {
    for (const safe of managers.splice(0)) value(await safe.close());
    await client.end();
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  const write = (files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, 'migrations', name), text);
  };
  const manager = (options: Partial<MigrateSafeOptions> = {}): SafeMigrationManager => {
    const safe = createMigrateSafe({
      database: database.url,
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
      fileBackup: 'never',
      ...options,
    });
    managers.push(safe);
    return safe;
  };
  const indexes = async (): Promise<unknown[]> => {
    const { rows } = await client.query<{ name: string; valid: boolean }>(
      `SELECT c.relname AS name, x.indisvalid AS valid FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
       WHERE x.indrelid = 't'::regclass AND NOT x.indisprimary ORDER BY 1`,
    );
    return rows.map(({ name, valid }) => [name, valid]);
  };
  const rows = async (): Promise<unknown[]> => (await client.query('SELECT id, v, w FROM t ORDER BY id')).rows;
  const current = async (): Promise<string | null> => value(await manager().status()).current;
  const events = async (type: string) =>
    value(await manager().history())
      .filter((event) => event.type === type)
      .map((event) => event.data);

  it('needs neither a directive nor a backup, and is reverted alike', async () => {
    write({
      '0002_index.up.sql': 'SET lock_timeout = 0;\nCREATE UNIQUE INDEX CONCURRENTLY i ON t (w);\nVACUUM (ANALYZE) t;',
      '0002_index.down.sql': 'DROP INDEX i;',
    });
    const before = await rows();
    expect(value(await manager().plan()).steps.map(({ transactional }) => transactional)).to.deep.equal([false]);
    value(await manager().up());
    expect(await indexes()).to.deep.equal([['i', true]]);
    value(await manager().down());
    expect(await indexes()).to.deep.equal([]);
    value(await manager().up());
    expect(await indexes()).to.deep.equal([['i', true]]);
    expect(await rows()).to.deep.equal(before);
    expect(
      (await events('StepStarted')).map((data) => [data['version'], data['direction'], data['transactional']]),
    ).to.deep.equal([
      ['0001', 'apply', true],
      ['0002', 'apply', false],
      ['0002', 'revert', true],
      ['0002', 'apply', false],
    ]);
    value(await manager().audit());
  });

  it('is refused before anything runs where it is mixed with what belongs into a transaction', async () => {
    write({ '0002_a.sql': 'CREATE TABLE a (x int);', '0003_mixed.sql': 'CREATE TABLE b (x int);\nVACUUM;' });
    const error = failure(await manager().up());
    expect(error).to.include({ kind: 'step-script', exitCode: 2, state: 'unchanged' });
    expect(error.message).to.match(
      /0003_mixed\.sql:2: VACUUM cannot run in a transaction, and line 1 belongs into one$/,
    );
    expect((await client.query(`SELECT to_regclass('a') AS a`)).rows).to.deep.equal([{ a: null }]);
    expect(await current()).to.equal('0001');
  });

  it('leaves nothing where a later statement fails, and goes through once that is mended', async () => {
    write({
      '0002_two.sql': 'CREATE INDEX CONCURRENTLY i ON t (w);\nCREATE UNIQUE INDEX CONCURRENTLY j ON t (v);',
    });
    const before = await rows();
    const error = failure(await manager().up());
    expect(error).to.include({ kind: 'step-failed', state: 'rolled-back', exitCode: 1 });
    expect(error.message).to.match(/Key \(v\)=\(\d+\) is duplicated/);
    expect(error.step).to.deep.include({ version: '0002', line: 2 });
    expect(await indexes()).to.deep.equal([]);
    expect(await rows()).to.deep.equal(before);
    expect((await events('StepRolledBack')).map((data) => data['rung'])).to.deep.equal(['transaction']);
    await client.query('DELETE FROM t WHERE id % 2 = 0');
    value(await manager().up());
    expect(await indexes()).to.deep.equal([
      ['i', true],
      ['j', true],
    ]);
  });

  it('does not begin anew where only a lock was in the way: what it has done stands already', async () => {
    write({
      '0002_vacuum.sql': `CREATE INDEX CONCURRENTLY i ON t (w);\nSET lock_timeout = '50ms';\nVACUUM FULL u;`,
    });
    await client.query('CREATE TABLE u (x int)');
    await client.query('BEGIN; SELECT * FROM u');
    const error = failure(await manager().up());
    await client.query('ROLLBACK');
    expect(error.message).not.to.match(/already exists/);
    expect(error).to.include({ state: 'rolled-back' });
    expect(error.step).to.deep.include({ line: 3 });
    expect(await indexes()).to.deep.equal([]);
    value(await manager().up());
    expect(await indexes()).to.deep.equal([['i', true]]);
  });

  for (const [what, up, killed, after] of [
    ['after another index', 'CREATE INDEX CONCURRENTLY i ON t (w)', ['i', true], ['i', true]],
    ['after it dropped one', 'DROP INDEX CONCURRENTLY old', undefined, undefined],
    ['after it dropped one that was not there', 'DROP INDEX CONCURRENTLY IF EXISTS nothing', undefined, undefined],
  ] as const) {
    it(`goes on by itself after it was killed while it builds an index ${what}`, async () => {
      await client.query('CREATE INDEX old ON t (v)');
      const old = what === 'after it dropped one' ? [] : [['old', true]];
      write({ '0002_two.sql': `${up};\nCREATE INDEX CONCURRENTLY j ON t (slow(id));` });
      const before = await rows();
      const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as {
        readonly bin: Readonly<Record<string, string>>;
      };
      const child = spawn(
        process.execPath,
        [
          bin['migrate-safe'] ?? '',
          'up',
          '--database',
          database.url,
          '--steps',
          path.join(directory, 'migrations'),
          '--backups',
          path.join(directory, 'backups'),
          '--guard',
          'enforce',
          '--file-backup',
          'never',
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => (said += text));
      const building = async (): Promise<boolean> => JSON.stringify(await indexes()).includes('"j"');
      for (const end = Date.now() + 15_000; !(await building());) {
        if (Date.now() > end || child.exitCode !== null) throw new Error(`it did not begin: ${said}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      child.kill('SIGKILL');
      await once(child, 'exit');
      const state = async (): Promise<boolean> =>
        (await client.query('SELECT FROM pg_stat_progress_create_index WHERE datname = current_database()')).rows
          .length === 0;
      while (!(await state())) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await indexes()).to.deep.equal([...(killed ? [killed] : []), ['j', !(await noticesTheDead())], ...old]);
      value(await manager().up());
      expect(await indexes()).to.deep.equal([...(after ? [after] : []), ['j', true], ...old]);
      expect(await rows()).to.deep.equal(before);
      expect((await events('RunRecovered')).map((data) => data['finding'])).to.deep.equal(['can-be-repeated']);
      expect(await current()).to.equal('0002');
      value(await manager().audit());
    });
  }

  it('goes on after its server process was ended while it builds an index', async () => {
    write({ '0002_two.sql': 'CREATE INDEX CONCURRENTLY i ON t (w);\nCREATE INDEX CONCURRENTLY j ON t (slow(id));' });
    const before = await rows();
    const running = manager().up();
    for (const end = Date.now() + 15_000; ;) {
      const { rowCount } = await client.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index WHERE datname = current_database()',
      );
      if (rowCount !== 0) break;
      if (Date.now() > end) throw new Error('it did not begin');
    }
    const error = failure(await running);
    expect(error.exitCode).to.be.oneOf([1, 5]);
    // What it says is true: nothing is left, or the next run goes on.
    if (error.exitCode === 1) expect(await indexes()).to.deep.equal([]);
    value(await manager().up());
    expect(await indexes()).to.deep.equal([
      ['i', true],
      ['j', true],
    ]);
    expect(await rows()).to.deep.equal(before);
    value(await manager().audit());
  });

  it('has the parser loaded for a step that is to be run, and for nothing else', async () => {
    const script = `
      const { createMigrateSafe } = require(${JSON.stringify(path.resolve('dist/index.js'))});
      const [database, steps, backups] = process.argv.slice(1);
      const safe = createMigrateSafe({ database, steps, backups, fileBackup: 'never' });
      safe.up().then(async (outcome) => {
        await safe.close();
        console.log(outcome.isOk(), Object.keys(require.cache).some((file) => file.includes('libpg-query')));
      });`;
    const up = async (): Promise<string> => {
      const folders = [path.join(directory, 'migrations'), path.join(directory, 'backups')];
      const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, database.url, ...folders]);
      return stdout.trim();
    };
    expect(await up()).to.equal('true false');
    write({ '0002_vacuum.sql': 'VACUUM t' });
    expect(await up()).to.equal('true true');
    expect(await up()).to.equal('true false');
  });
});
