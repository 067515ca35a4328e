// What a run or a restore on PostgreSQL is refused for, and the words for it: the right code, and something to type.
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, type MigrateSafeOptions, type SafeMigrationManager } from 'migrate-safe';
import { sql } from '../support/kitchen-sink.js';
import { poolerFor } from '../support/pgbouncer.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { needsTools } from '../support/postgres-version.js';
import { failure, value } from '../support/project.js';

describe('what PostgreSQL refuses', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let directory: string;
  const managers: SafeMigrationManager[] = [];
  beforeEach(async function () {
    database = await freshDatabase(this);
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'steps'));
    step('0001_shop.sql', 'CREATE TABLE item (id int PRIMARY KEY, price int); INSERT INTO item VALUES (1, 10);');
  });
  afterEach(async () => {
    for (const one of managers.splice(0)) value(await one.close());
    rmSync(directory, { recursive: true, force: true });
    await database.drop();
  });

  const step = (name: string, text: string): void => writeFileSync(path.join(directory, 'steps', name), text);
  const manager = (url = database.url, options: Partial<MigrateSafeOptions> = {}): SafeMigrationManager => {
    const one = createMigrateSafe({
      database: url,
      steps: path.join(directory, 'steps'),
      backups: path.join(directory, 'backups'),
      fileBackup: 'never',
      ...options,
    });
    managers.push(one);
    return one;
  };

  describe('to a role that may not', () => {
    let role: string;
    let asRole: string;
    beforeEach(async () => {
      role = `r${path.basename(new URL(database.url).pathname)}`;
      await sql(database.url, `CREATE ROLE ${role} LOGIN PASSWORD 'of the role'`);
      const url = new URL(database.url);
      [url.username, url.password] = [role, 'of the role'];
      asRole = url.href;
    });
    afterEach(() => sql(database.url, `DROP OWNED BY ${role}; DROP ROLE ${role}`));

    it('look into the journal, says whose it is', async () => {
      value(await manager().up());
      for (const asked of [await manager(asRole).up(), await manager(asRole).status()]) {
        const refused = failure<unknown>(asked);
        expect(refused).to.include({ code: 'MS-DB-UNUSABLE', reason: 'not-permitted', retryable: false });
        expect(refused.message).to.include('permission denied for schema migrate_safe');
        expect(refused.hint).to.match(/^The journal is in schema migrate_safe, which is \w+'s: connect as \w+; or /);
        expect(refused.hint).to.match(new RegExp(`as a superuser: GRANT "?\\w+"? TO "?${role}"?;$`));
      }
    });

    it('make the journal, says who can allow it', async () => {
      const refused = failure(await manager(asRole).up());
      expect(refused).to.include({ code: 'MS-DB-UNUSABLE', reason: 'not-permitted' });
      expect(refused.hint).to.match(
        new RegExp(`^As \\w+ or a superuser: GRANT CREATE ON DATABASE "?\\w+"? TO "?${role}"?;$`),
      );
    });
  });

  describe('before anybody is asked', () => {
    /** Whoever is asked would take it for possible. */
    const never = (): Promise<boolean> => expect.fail('somebody was asked');

    it('are rows of a copy for a table that has other columns by now', async () => {
      value(await manager().up());
      step('0002_price.sql', 'UPDATE item SET price = 20;');
      const [id = ''] = value(await manager().up()).applied[0]?.backups ?? [];
      await sql(database.url, 'ALTER TABLE item ADD COLUMN note text');
      const refused = failure(await manager().restore({ choice: { id }, tables: ['item'], confirm: never }));
      expect(refused.code).to.equal('MS-RESTORE-FAILED');
      expect(refused.message).to.include('the columns of item are not those of the backup');
    });

    it('are rows of an archive for a table that has other columns by now, or is not there', async function () {
      await needsTools(this);
      value(await manager().up());
      const { id } = value(await manager().createBackup()).manifest;
      await sql(database.url, 'ALTER TABLE item ADD COLUMN note text');
      const restore = async (): Promise<string> =>
        failure(await manager().restore({ choice: { id }, tables: ['item'], confirm: never })).message;
      expect(await restore()).to.include('the columns of item are not those of the backup');
      await sql(database.url, 'DROP TABLE item');
      expect(await restore()).to.include('the table is not there');
    });
  });

  it('a restore of the whole through a pooler is told to go to the server itself', async function () {
    await needsTools(this);
    value(await manager().up());
    const { id } = value(await manager().createBackup()).manifest;
    const pooler = await poolerFor(this, database.url);
    try {
      const through = manager(pooler.url);
      const refused = failure(await through.restore({ choice: { id }, confirm: () => Promise.resolve(true) }));
      value(await through.close());
      expect(refused).to.include({ code: 'MS-RESTORE-FAILED', state: 'unchanged' });
      expect(refused.message).to.include('behind a pooler in transaction mode').and.include('--database');
    } finally {
      await pooler.stop();
    }
  });
});
