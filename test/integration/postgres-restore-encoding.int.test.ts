// Archives of databases in whatever encoding: rows, names and the journal are put back as they were.
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, type SafeMigrationManager } from 'migrate-safe';
import type { RestorePreview } from '#src/core/manager/restore-context.js';
import { sql, toolsOf } from '../support/kitchen-sink.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { failure, value } from '../support/project.js';

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
    for (const { made } of await sql<{ made: string }>(
      base.url,
      `SELECT datname AS made FROM pg_database WHERE starts_with(datname, '${name()}')`,
    ))
      await sql(base.url, `DROP DATABASE "${made}" WITH (FORCE)`);
    await base.drop();
  });
  const create = (encoding: string): Promise<unknown> =>
    sql(base.url, `CREATE DATABASE ${name()} ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
  const write = (file: string, text: string): void => writeFileSync(path.join(directory, 'migrations', file), text);
  const manager = (): SafeMigrationManager =>
    createMigrateSafe({
      database: url(),
      steps: path.join(directory, 'migrations'),
      backups: path.join(directory, 'backups'),
    });

  for (const encoding of ['UTF8', 'LATIN1'])
    for (const count of [300, 5000])
      it(`keeps ${count} rows in ${encoding} as they are, where nothing comes behind them`, async () => {
        await create(encoding);
        write(
          '0001_z.sql',
          `CREATE TABLE z (v text); INSERT INTO z SELECT repeat('äöü', 10) || i FROM generate_series(1, ${count}) AS i;`,
        );
        const one = manager();
        value(await one.up());
        value(await one.createBackup());
        const rows = (): Promise<unknown> =>
          sql(url(), `SELECT count(*)::int AS n FROM z WHERE v LIKE repeat('äöü', 10) || '%'`);
        expect(await rows()).to.deep.equal([{ n: count }]);
        value(await one.restore({ choice: { latest: true } }));
        expect(await rows()).to.deep.equal([{ n: count }]);
        value(await one.close());
      });

  const words: Readonly<Record<string, string>> = {
    LATIN1: 'größe',
    LATIN9: '€ß',
    WIN1252: '€ß',
    EUC_JP: '漢字',
    KOI8R: 'мир',
  };
  for (const [encoding, word] of [...Object.entries(words), ['UTF8', '€ in LATIN1']] as [string, string][])
    it(`finds the tables and the journal of an archive in ${encoding} that has ${word} in both`, async () => {
      await create(encoding);
      if (word.includes('LATIN1')) await sql(base.url, `ALTER DATABASE ${name()} SET client_encoding = 'LATIN1'`);
      write(
        `0001_${word}.sql`,
        `CREATE TABLE "${word}" (id int PRIMARY KEY, "${word}" text); INSERT INTO "${word}" VALUES (1, '${word}'), (2, '\\.'), (3, repeat('${word}', 30000)); CREATE TABLE other AS TABLE "${word}";`,
      );
      value(await manager().up());
      const { id } = value(await manager().createBackup({ verify: 'full' })).manifest;
      const content = (of = url()): Promise<unknown> =>
        sql(
          of,
          `SELECT 1 AS t, id, convert_to("${word}", 'UTF8') AS v FROM "${word}" UNION ALL SELECT 2, id, convert_to("${word}", 'UTF8') FROM other ORDER BY 1, 2`,
        );
      const before = await content();
      const atStake = async (): Promise<unknown> => {
        let stakes: unknown;
        const confirm = (asked: RestorePreview): Promise<boolean> => ((stakes = asked.atStake), Promise.resolve(false));
        expect(failure(await manager().restore({ choice: { id }, confirm })).kind).to.equal('restore-declined');
        return stakes;
      };
      expect(await atStake()).to.deep.equal([]);
      const damage = `DELETE FROM "${word}" WHERE id = 3; UPDATE other SET "${word}" = '${word}${word}' WHERE id = 1`;
      await sql(url(), damage);
      expect(await atStake()).to.have.deep.members([
        { table: 'other', written: 1, deleted: 1 },
        { table: word, written: 0, deleted: 1 },
      ]);
      value(await manager().restore({ choice: { id }, tables: [word, 'other'] }));
      expect(await content()).to.deep.equal(before);
      for (const by of ['in-place', 'swap'] as const) {
        await sql(url(), damage);
        value(await manager().restore({ choice: { id }, by }));
        expect(await content()).to.deep.equal(before);
      }
      const copy = `${name()}_copy`;
      value(await manager().restoreAsCopy({ choice: { id }, name: copy }));
      expect(await content(base.url.replace(/\/([^/?]+)(\?|$)/, `/${copy}$2`))).to.deep.equal(before);
      value(await manager().audit());
    });
});
