// The rows at the very end of an archive's script, in whatever encoding: they are put back as they were.
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe } from 'migrate-safe';
import { sql, toolsOf } from '../support/kitchen-sink.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { value } from '../support/project.js';

describe('a restore of a PostgreSQL database', function () {
  this.timeout(60_000);
  let base: TestDatabase;
  let directory: string;
  const url = (): string => base.url.replace(/\/([^/?]+)(\?|$)/, '/$1_encoded$2');
  const name = (): string => new URL(url()).pathname.slice(1);

  beforeEach(async function () {
    base = await freshDatabase(this);
    if ((await toolsOf(base.url)) === undefined) this.skip();
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(path.join(directory, 'migrations'));
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await sql(base.url, `DROP DATABASE IF EXISTS ${name()}`);
    await base.drop();
  });

  for (const encoding of ['UTF8', 'LATIN1'])
    for (const count of [300, 5000])
      it(`keeps ${count} rows in ${encoding} as they are, where nothing comes behind them`, async () => {
        await sql(
          base.url,
          `CREATE DATABASE ${name()} ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
        );
        writeFileSync(
          path.join(directory, 'migrations', '0001_z.sql'),
          `CREATE TABLE z (v text); INSERT INTO z SELECT repeat('äöü', 10) || i FROM generate_series(1, ${count}) AS i;`,
        );
        const manager = createMigrateSafe({
          database: url(),
          steps: path.join(directory, 'migrations'),
          backups: path.join(directory, 'backups'),
        });
        value(await manager.up());
        value(await manager.createBackup());
        const rows = (): Promise<unknown> =>
          sql(url(), `SELECT count(*)::int AS n FROM z WHERE v LIKE repeat('äöü', 10) || '%'`);
        expect(await rows()).to.deep.equal([{ n: count }]);
        value(await manager.restore({ choice: { latest: true } }));
        expect(await rows()).to.deep.equal([{ n: count }]);
        value(await manager.close());
      });
});
