// `down` on PostgreSQL: what a step only gave another name is not its own to take away.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, type MigrateError } from 'migrate-safe';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { value } from '../support/project.js';

describe('a revert on PostgreSQL that takes more than its step made', () => {
  let db: TestDatabase;
  let client: pg.Client;
  let directory: string;
  beforeEach(async function () {
    db = await freshDatabase(this);
    client = new pg.Client({ connectionString: db.url });
    await client.connect();
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-down-'));
    mkdirSync(path.join(directory, 'steps'));
  });
  afterEach(async () => {
    await client?.end();
    await db?.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Applies the step to a table of three rows, and reverts it; says what came of the revert. */
  const reverted = async (up: string, down: string): Promise<MigrateError | undefined> => {
    const write = (name: string, sql: string): void => writeFileSync(path.join(directory, 'steps', name), sql);
    write(
      '0001_t.sql',
      `CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')`,
    );
    write('0002_it.up.sql', up);
    write('0002_it.down.sql', down);
    const safe = createMigrateSafe({
      database: db.url,
      steps: path.join(directory, 'steps'),
      backups: path.join(directory, 'backups'),
      fileBackup: 'never',
    });
    try {
      value(await safe.up());
      const outcome = await safe.down();
      return outcome.isErr() ? outcome.error : undefined;
    } finally {
      value(await safe.close());
    }
  };
  const rows = async (sql: string): Promise<unknown> => (await client.query<object>(sql)).rows;
  const ALL = [1, 2, 3].map((id, at) => ({ id, v: ['a', 'b', 'c'][at] }));

  for (const [what, up, down, left] of [
    ['a table', 'ALTER TABLE t RENAME TO u', 'DROP TABLE u', 'SELECT * FROM u ORDER BY id'],
    ['a column', 'ALTER TABLE t RENAME v TO w', 'ALTER TABLE t DROP COLUMN w', 'SELECT id, w AS v FROM t ORDER BY id'],
    [
      'a column of a table',
      'ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME v TO w',
      'ALTER TABLE u DROP COLUMN w',
      'SELECT id, w AS v FROM u ORDER BY id',
    ],
    [
      'a schema',
      'CREATE SCHEMA s; ALTER TABLE t SET SCHEMA s',
      'DROP SCHEMA s CASCADE',
      'SELECT * FROM s.t ORDER BY id',
    ],
  ] as const)
    it(`is refused where ${what} had only got another name`, async () => {
      expect((await reverted(up, down))?.kind).to.equal('guard-refused');
      expect(await rows(left)).to.deep.equal(ALL);
    });

  it('may give the name back, and drop what the step made', async () => {
    const up = 'ALTER TABLE t RENAME TO u; ALTER TABLE u ADD x int DEFAULT 1; CREATE TABLE made AS SELECT 1 AS one';
    const down = 'DROP TABLE made; ALTER TABLE u DROP COLUMN x; ALTER TABLE u RENAME TO t';
    expect(await reverted(up, down)).to.equal(undefined);
    expect(await rows('SELECT * FROM t ORDER BY id')).to.deep.equal(ALL);
  });
});
