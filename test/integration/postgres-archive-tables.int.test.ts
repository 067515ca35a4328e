// Single tables put back from an archive of pg_dump: exact, with every key, trigger and counter as it was, or not at all.
import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { okAsync, type Result } from 'neverthrow';
import pg from 'pg';
import type { RowsAtStake, TableRestoreError } from '#src/core/ports/backup-source.js';
import type { NotKept } from '#src/core/ports/refusals.js';
import type { SqlError } from '#src/core/ports/session.js';
import { PostgresBackupSource } from '#src/dao/dialects/postgres/backup/backup-source.js';
import { PostgresServer } from '#src/dao/dialects/postgres/backup/server.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { restoreArchived } from '#src/dao/dialects/postgres/restore/table-restore.js';
import { HOSTILE as HOSTILE_NAMES } from '../support/postgres-archives.js';
import {
  DAMAGES,
  FAMILY,
  FAMILY_TABLES,
  HOSTILE,
  ODD,
  refuseToKeep,
  SURROUNDINGS,
  tablesFixture,
  type TablesFixture,
} from '../support/postgres-tables.js';
import { value } from '../support/project.js';
import { needsTools } from '../support/postgres-version.js';

type Restored = Result<
  { readonly rows: number; readonly kept: string },
  SqlError | TableRestoreError | NotKept<string>
>;

describe('restoring single tables of an archive on PostgreSQL', function () {
  this.timeout(60_000);
  let f: TablesFixture;
  let source: PostgresBackupSource;
  let directory: string;
  before(async function () {
    await needsTools(this);
  });
  beforeEach(async function () {
    f = await tablesFixture(this);
    source = new PostgresBackupSource(new PostgresServer(pg, { connectionString: f.db.url }));
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await f?.close();
  });

  const archived = async (): Promise<string> => {
    const file = path.join(directory, 'copy.dump');
    rmSync(file, { force: true });
    value(await source.copyTo(file, () => undefined));
    return file;
  };
  const restore = async (
    file: string,
    tables: readonly string[],
    keep = () => okAsync<string, string>('kept'),
    connection = f.work,
  ): Promise<Restored> =>
    restoreArchived({
      connection,
      record: (events) => {
        f.recorded.push(events.length);
        return okAsync(undefined);
      },
      onRolledBack: () => undefined,
    })(file, tables, keep, () => ({ events: [], steps: [] }));
  const refusal = async (file: string, tables: readonly string[]): Promise<unknown> => {
    const refused = await restore(file, tables);
    return refused.isErr() ? refused.error : 'restored';
  };
  const contents = async (tables: readonly string[]): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const table of tables) found[table] = await f.rows(table);
    return found;
  };
  const at = async (file: string, tables: readonly string[]): Promise<readonly RowsAtStake[]> =>
    value(await source.atStake(file, tables));
  /** Tables that a restore staged rows in, of whatever session. */
  const staged = async (): Promise<unknown[]> =>
    f.sql(`SELECT relname FROM pg_class WHERE relname LIKE 'migrate\\_safe\\_staged%'`);

  for (const [damage, statements] of DAMAGES) {
    it(`puts back a table that refers to itself and others refer to, after damage to ${damage}, and no row besides`, async () => {
      await f.sql(FAMILY);
      const file = await archived();
      const [before, around] = [await contents(FAMILY_TABLES), await f.sql(SURROUNDINGS)];
      await f.sql(
        `ALTER TABLE person DISABLE TRIGGER USER; ${statements}; ALTER TABLE person ENABLE TRIGGER ordinary; ALTER TABLE person ENABLE TRIGGER later; ALTER TABLE person ENABLE ALWAYS TRIGGER constant;
         SELECT setval('person_id_seq', 5000)`,
      );
      expect((await contents(['person']))['person']).not.to.equal(before['person']);
      expect(value(await restore(file, ['person']))).to.deep.equal({ rows: 100, kept: 'kept' });
      expect(await contents(FAMILY_TABLES)).to.deep.equal(before);
      expect(await f.sql(SURROUNDINGS)).to.deep.equal(around);
      expect(await f.sql('SELECT last_value, is_called FROM person_id_seq')).to.deep.equal([
        { last_value: '100', is_called: true },
      ]);
      expect(f.recorded).to.have.length(1);
      expect(await at(file, ['person'])).to.deep.equal([]);
      expect(await staged()).to.deep.equal([]);
    });
  }

  it('puts back tables that refer to each other, emptied with all their cascades', async () => {
    await f.sql(FAMILY);
    const file = await archived();
    const before = await contents(FAMILY_TABLES);
    await f.sql('TRUNCATE person CASCADE');
    expect(await at(file, ['BADGE', 'person'])).to.deep.equal([
      { table: 'badge', written: 0, deleted: 100 },
      { table: 'person', written: 0, deleted: 100 },
    ]);
    expect(value(await restore(file, ['desk', 'Person', 'badge', 'badge'])).rows).to.equal(250);
    expect(await contents(FAMILY_TABLES)).to.deep.equal(before);
  });

  it('brings every value back as it was, whatever the database is set to', async () => {
    await f.sql(HOSTILE);
    const name = `Odd "schema.`;
    const wanted = `"${name.replaceAll('"', '""')}".äöü ?$1 'x'`;
    const [{ db } = { db: '' }] = (await f.sql('SELECT current_database() AS db')) as { db: string }[];
    await f.sql(
      `ALTER DATABASE ${db} SET DateStyle = 'German'; ALTER DATABASE ${db} SET IntervalStyle = 'sql_standard'; ALTER DATABASE ${db} SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE ${db} SET bytea_output = 'escape'; ALTER DATABASE ${db} SET extra_float_digits = 0`,
    );
    const file = await archived();
    const before = await f.rows(ODD);
    await f.sql(`UPDATE ${ODD} SET x = 1, bytes = NULL, feeling = 'good', tags = '', num = 7, doc = NULL, span = NULL`);
    expect(await f.rows(ODD)).not.to.equal(before);
    expect(value(await restore(file, [wanted])).rows).to.equal(3);
    expect(await f.rows(ODD)).to.equal(before);
    await f.sql(`TRUNCATE ${ODD}`);
    value(await restore(file, [wanted]));
    expect(await f.rows(ODD)).to.equal(before);
    expect(await at(file, [wanted])).to.deep.equal([]);
  });

  it('brings back tables of every name, without columns, and with rows of any length', async () => {
    await f.sql(HOSTILE_NAMES);
    await f.sql(`CREATE TABLE long (id int PRIMARY KEY, v text); INSERT INTO long SELECT n, repeat(md5(n::text) || E'\\n\\t\\\\', 20000) FROM generate_series(1, 20) AS n;
      CREATE TABLE many AS SELECT n, md5(n::text) AS v FROM generate_series(1, 100000) AS n`);
    const tables: readonly (readonly [asked: string, named: string])[] = [
      ['two\nlines', '"two\nlines"'],
      ['select', '"select"'],
      [`${'é'.repeat(31)}x`, `"${'é'.repeat(31)}x"`],
      [
        '"Schema with ""quotes"" and; semicolons".Tab\tin name',
        `"Schema with ""quotes"" and; semicolons"."Tab\tin name"`,
      ],
      ['none', 'none'],
      ['numbers', 'numbers'],
      ['long', 'long'],
      ['many', 'many'],
    ];
    const file = await archived();
    const names = tables.map(([, named]) => named);
    const before = await contents(names);
    for (const named of names) await f.sql(`DELETE FROM ${named}`);
    value(
      await restore(
        file,
        tables.map(([asked]) => asked),
      ),
    );
    expect(await contents(names)).to.deep.equal(before);
  });

  it('reads rows in the encoding of the database', async () => {
    const url = new URL(f.db.url);
    const name = `${url.pathname.slice(1)}_latin`;
    url.pathname = `/${name}`;
    await f.sql(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`);
    const latin = new pg.Client({ connectionString: url.href });
    const work = value(await PostgresConnection.connect(pg, { connectionString: url.href }));
    try {
      await latin.connect();
      await latin.query(`CREATE TABLE a (v text); INSERT INTO a VALUES ('äöü'), ('é\\x')`);
      const file = path.join(directory, 'latin.dump');
      const there = new PostgresBackupSource(new PostgresServer(pg, { connectionString: url.href }));
      value(await there.copyTo(file, () => undefined));
      await latin.query('DELETE FROM a');
      value(await restore(file, ['a'], undefined, work));
      const { rows } = await latin.query('SELECT v FROM a ORDER BY v');
      expect(rows).to.deep.equal([{ v: 'äöü' }, { v: 'é\\x' }]);
    } finally {
      await latin.end();
      value(await work.close());
      await f.sql(`DROP DATABASE ${name}`);
    }
  });

  it('takes the name of a partitioned table for the partitions of then and of now', async () => {
    await f.sql(`CREATE SCHEMA s; CREATE TABLE s."Part" (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
      CREATE TABLE s.part_1 PARTITION OF s."Part" FOR VALUES FROM (0) TO (100);
      CREATE TABLE s."deep down" PARTITION OF s."Part" FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id);
      CREATE TABLE "deep.er" PARTITION OF s."deep down" DEFAULT;
      CREATE TABLE child (id int REFERENCES s."Part" ON DELETE CASCADE);
      INSERT INTO s."Part" SELECT n, 'v' || n FROM generate_series(0, 199) AS n; INSERT INTO child VALUES (1), (150)`);
    const file = await archived();
    const before = await contents(['s."Part"', 'child']);
    await f.sql(
      `UPDATE s."Part" SET v = 'x'; CREATE TABLE later PARTITION OF s."Part" FOR VALUES FROM (200) TO (300); INSERT INTO s."Part" VALUES (250, 'new')`,
    );
    expect(await at(file, ['s.part'])).to.deep.equal([
      { table: '"deep.er"', written: 100, deleted: 100 },
      { table: 'later', written: 1, deleted: 0 },
      { table: 's.part_1', written: 100, deleted: 100 },
    ]);
    expect(value(await restore(file, ['s.part_1'])).rows).to.equal(100);
    expect(await f.sql(`SELECT count(*)::int AS n FROM s."Part" WHERE v = 'x'`)).to.deep.equal([{ n: 100 }]);
    value(await restore(file, ['s.part']));
    expect(await contents(['s."Part"', 'child'])).to.deep.equal(before);
    expect(await f.rows('later')).to.equal('');
    await f.sql('DROP TABLE child; DROP TABLE s.part_1');
    expect(await refusal(file, ['s.Part'])).to.deep.equal({
      kind: 'table-differs',
      table: 's.part_1',
      detail: 'the table is not there',
    });
  });

  it('brings back tables that inherit, and tables of a type', async () => {
    await f.sql(`CREATE TYPE shape AS (id int, "o k" text);
      CREATE TABLE typed OF shape (PRIMARY KEY (id)); INSERT INTO typed VALUES (1, 'a');
      CREATE TABLE par (a int, b text COLLATE "C" DEFAULT 'x' NOT NULL); CREATE TABLE chi (c int GENERATED ALWAYS AS IDENTITY) INHERITS (par);
      INSERT INTO par VALUES (1, 'p'); INSERT INTO chi (a, b) VALUES (2, 'c')`);
    const file = await archived();
    const before = await contents(['typed', 'par', 'chi']);
    await f.sql(`DELETE FROM typed; DELETE FROM par`);
    value(await restore(file, ['typed', 'chi']));
    expect(await f.rows('ONLY par')).to.equal('');
    value(await restore(file, ['par']));
    expect(await contents(['typed', 'par', 'chi'])).to.deep.equal(before);
  });

  it('refuses a table whose columns are others now, one that is gone, and one that it does not have', async () => {
    await f.sql(
      `CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text); CREATE TABLE c (id int PRIMARY KEY);
       CREATE TABLE n (v numeric(10,2)); INSERT INTO n VALUES (1.25); CREATE TABLE g (v int, d int); CREATE TABLE m (v int); INSERT INTO m VALUES (NULL)`,
    );
    const file = await archived();
    await f.sql(
      `ALTER TABLE a DROP COLUMN v; ALTER TABLE b ALTER COLUMN v TYPE varchar(9); DROP TABLE c; CREATE TABLE d (id int); ALTER TABLE n ALTER COLUMN v TYPE numeric(10,1);
       ALTER TABLE g DROP COLUMN d, ADD COLUMN d int GENERATED ALWAYS AS (v + 1) STORED; DELETE FROM m; ALTER TABLE m ALTER COLUMN v SET NOT NULL`,
    );
    expect(await refusal(file, ['a'])).to.deep.equal({
      kind: 'table-differs',
      table: 'a',
      detail: 'the backup has ("id", "v"), the database ("id")',
    });
    expect(await refusal(file, ['b'])).to.deep.equal({
      kind: 'table-differs',
      table: 'b',
      detail: '"v" is character varying(9) now, and was of another type',
    });
    expect(await refusal(file, ['n'])).to.include({ kind: 'table-differs', table: 'n' });
    expect(await refusal(file, ['g'])).to.include({ kind: 'table-differs', table: 'g' });
    expect(await refusal(file, ['c'])).to.deep.equal({
      kind: 'table-differs',
      table: 'c',
      detail: 'the table is not there',
    });
    expect(await refusal(file, ['d'])).to.deep.equal({ kind: 'table-not-in-backup', table: 'd' });
    const full = (await refusal(file, ['m'])) as { readonly kind: string; readonly detail: string };
    expect(full.kind).to.equal('table-differs');
    expect(full.detail).to.contain('not-null');
    expect(await staged()).to.deep.equal([]);
    expect(f.recorded).to.deep.equal([]);
  });

  it('says who would be without a parent, and leaves everything as it was', async () => {
    await f.sql(FAMILY);
    const file = await archived();
    await f.sql(
      `INSERT INTO person (name) VALUES ('new'); INSERT INTO badge (person) SELECT id FROM person WHERE name = 'new'; SELECT setval('person_id_seq', 700)`,
    );
    const before = await contents(FAMILY_TABLES);
    expect(await refusal(file, ['person'])).to.deep.equal({ kind: 'foreign-keys-broken', table: 'badge', rows: 1 });
    expect(await contents(FAMILY_TABLES)).to.deep.equal(before);
    expect(await f.sql('SELECT last_value FROM person_id_seq')).to.deep.equal([{ last_value: '700' }]);
    expect(f.recorded).to.deep.equal([]);
    expect(await staged()).to.deep.equal([]);
  });

  it('changes nothing where the present state cannot be kept, the archive is damaged, or somebody writes for too long', async () => {
    await f.sql(`CREATE TABLE a AS SELECT n, md5(n::text) AS v FROM generate_series(1, 20000) AS n`);
    const file = await archived();
    await f.sql('DELETE FROM a WHERE n > 5');
    const before = await f.rows('a');
    const refused = await restore(file, ['a'], refuseToKeep);
    expect(refused.isErr() && refused.error).to.deep.equal({ kind: 'not-kept', error: 'no room' });
    const other = new pg.Client({ connectionString: f.db.url });
    await other.connect();
    await other.query('BEGIN; INSERT INTO a VALUES (0)');
    expect(await refusal(file, ['a'])).to.include({ kind: 'busy' });
    await other.query('ROLLBACK');
    await other.end();
    const bytes = readFileSync(file);
    bytes.fill(0xaa, bytes.length - 40_000, bytes.length - 10_000);
    writeFileSync(file, bytes);
    expect(await refusal(file, ['a'])).to.have.property('kind');
    expect(await f.rows('a')).to.equal(before);
    expect(await staged()).to.deep.equal([]);
    value(await f.work.run('SELECT 1'));
  });

  it('leaves nothing where the connection is lost while rows are on their way', async () => {
    await f.sql(`CREATE TABLE a AS SELECT n, repeat(md5(n::text), 20) AS v FROM generate_series(1, 30000) AS n`);
    const file = await archived();
    const before = await f.rows('a');
    const restoring = restore(file, ['a']);
    let copying = false;
    for (let tries = 0; tries < 500 && !copying; tries += 1) {
      const ended = await f.sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ${f.work.processId} AND query LIKE 'COPY%' AND state = 'active'`,
      );
      copying = ended.length > 0;
    }
    expect(copying).to.equal(true);
    const lost = await restoring;
    expect(lost.isErr() && lost.error.kind).to.equal('connection-lost');
    expect(await f.rows('a')).to.equal(before);
    expect(await staged()).to.deep.equal([]);
  });
});
