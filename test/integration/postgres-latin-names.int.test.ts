// Names of steps in a database whose encoding has not all letters: refused before anything is changed, with what mends it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, MigrationStep } from 'migrate-safe';
import { sql } from '../support/kitchen-sink.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { failure, value } from '../support/project.js';

describe('a PostgreSQL database that is not encoded in UTF8', () => {
  let base: TestDatabase;
  let url: URL;
  let backups: string;
  beforeEach(async function () {
    base = await freshDatabase(this);
    backups = mkdtempSync(path.join(tmpdir(), 'migrate-safe-latin-'));
    url = new URL(base.url);
    url.pathname = `${url.pathname}_latin`;
    await sql(
      base.url,
      `CREATE DATABASE ${url.pathname.slice(1)} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
  });
  afterEach(async () => {
    rmSync(backups, { recursive: true, force: true });
    await sql(base.url, `DROP DATABASE ${url.pathname.slice(1)} WITH (FORCE)`);
    await base.drop();
  });

  it('says of the name of a step that has other letters what to do, not to run it again', async () => {
    const safe = createMigrateSafe({ database: url.href, backups, fileBackup: 'never' });
    safe.addMigration(new MigrationStep('0001', '日本', { apply: (db) => db.raw('CREATE TABLE t (id int)') }));
    const error = failure(await safe.up());
    expect(error).to.include({ code: 'MS-DB-FAILED' });
    expect(error.message).to.contain('LATIN1');
    expect(error.hint).to.contain('names of steps').and.contain('UTF8').and.not.contain('Run it again');
    value(await safe.close());
    const renamed = createMigrateSafe({ database: url.href, backups, fileBackup: 'never' });
    renamed.addMigration(new MigrationStep('0001', 'Größe', { apply: (db) => db.raw('CREATE TABLE t (id int)') }));
    expect(value(await renamed.up()).current).to.equal('0001');
    value(await renamed.close());
  });
});
