// Copies of tables inside PostgreSQL: whole, of the moment before the step, lasting, and of nothing that a restore takes away.
import { expect } from 'chai';
import pg from 'pg';
import { nameOf, parseName } from '#src/dao/dialects/postgres/name.js';
import { copyTables } from '#src/dao/dialects/postgres/tables/copy-tables.js';
import { HOSTILE, nextId, ODD, restore, tablesFixture, type TablesFixture } from '../support/postgres-tables.js';
import { value } from '../support/project.js';

describe('table backups on PostgreSQL', () => {
  let f: TablesFixture;
  beforeEach(async function () {
    f = await tablesFixture(this);
  });
  afterEach(() => f?.close());

  it('puts back every row of a table with hostile names and values', async () => {
    await f.sql(HOSTILE);
    const before = await f.rows(ODD);
    const backup = await f.keep([ODD]);
    expect(backup.tables).to.have.length(1);
    expect(backup.tables[0]).to.include({ table: nameOf(parseName(ODD)), rows: 3 });
    value(await f.work.run(`DELETE FROM ${ODD} WHERE id = 2`));
    value(await f.work.run(`UPDATE ${ODD} SET feeling = 'bad', tags = NULL, p = NULL, x = 0`));
    value(await f.work.run(`INSERT INTO ${ODD} (n) VALUES (7)`));
    value(await f.work.run('COMMIT'));
    expect(await f.rows(ODD)).not.to.equal(before);
    expect(value(await restore(f, backup.id, [backup.tables[0]?.table ?? ''])).rows).to.equal(3);
    expect(await f.rows(ODD)).to.equal(before);
    expect(await f.sql(`INSERT INTO ${ODD} (n) VALUES (7) RETURNING id`)).to.deep.equal([{ id: '4' }]);
  });

  it('keeps copies through the rollback of the step, and through the loss of every extension and type', async () => {
    await f.sql(HOSTILE);
    const before = await f.rows(ODD);
    const backup = await f.keep([ODD]);
    value(await f.work.run(`TRUNCATE ${ODD}`));
    value(await f.work.run('ROLLBACK'));
    const copied = await f.rows(backup.tables[0]?.copy ?? '');
    await f.sql('DROP SCHEMA "Odd ""schema." CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    expect(await f.rows(backup.tables[0]?.copy ?? '')).to.equal(copied);
    await f.sql(HOSTILE);
    await f.sql(`TRUNCATE ${ODD}`);
    value(await restore(f, backup.id, [nameOf(parseName(ODD))]));
    expect(await f.rows(ODD)).to.equal(before);
  });

  it('keeps copies through the loss of a collation, and text by that of the database as it lies there', async () => {
    await f.sql(`CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      CREATE TABLE words (id int PRIMARY KEY, plain text, bytes text COLLATE "C", own text COLLATE loose, imported text COLLATE "en-x-icu");
      INSERT INTO words VALUES (1, 'ä', 'ä', 'a', 'z'), (2, 'Z', 'Z', 'A', 'Ä')`);
    const before = await f.rows('words');
    const backup = await f.keep(['words']);
    const copy = backup.tables[0]?.copy ?? '';
    value(await f.work.run('COMMIT'));
    const collations = `SELECT a.attname AS name, c.collname AS by FROM pg_attribute AS a JOIN pg_collation AS c ON c.oid = a.attcollation
      WHERE a.attrelid = '${copy}'::regclass AND a.attnum > 0 ORDER BY a.attnum`;
    expect(await f.sql(collations)).to.deep.equal([
      { name: 'plain', by: 'default' },
      { name: 'bytes', by: 'C' },
      { name: 'own', by: 'C' },
      { name: 'imported', by: 'C' },
    ]);
    // Equal by its own collation, and not the same.
    await f.sql(
      `UPDATE words SET own = lower(own), plain = NULL; ALTER TABLE words ALTER plain TYPE text COLLATE loose`,
    );
    value(await restore(f, backup.id, ['words']));
    expect(await f.rows('words')).to.equal(before);
    await f.sql('DROP COLLATION loose CASCADE');
    expect(await f.rows(copy)).to.equal(before);
  });

  it('has only tables that outlive a crash of the server, also of those that do not', async () => {
    await f.sql(
      'CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY, note text); INSERT INTO fleeting VALUES (1, $$x$$)',
    );
    await f.keep(['fleeting']);
    value(await f.work.run('ROLLBACK'));
    const kept = `SELECT c.relname, c.relpersistence FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'migrate_safe_backup' AND c.relkind = 'r'`;
    const found = (await f.sql(kept)) as { relpersistence: string }[];
    expect(found).to.have.length(4);
    for (const { relpersistence } of found) expect(relpersistence).to.equal('p');
  });

  it('copies a table without columns, one of nothing but generated ones, and an empty one', async () => {
    await f.sql(`CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES;
      CREATE TABLE made (g int GENERATED ALWAYS AS (1 + 1) STORED); INSERT INTO made DEFAULT VALUES; CREATE TABLE nothing (a int)`);
    const backup = await f.keep(['bare', 'made', 'nothing']);
    value(await f.work.run('COMMIT'));
    expect(backup.tables.map(({ table, rows }) => [table, rows])).to.deep.equal([
      ['bare', 2],
      ['made', 1],
      ['nothing', 0],
    ]);
    await f.sql('TRUNCATE bare, made; INSERT INTO nothing VALUES (1)');
    value(await restore(f, backup.id, ['bare', 'made', 'nothing']));
    expect(
      await f.sql(
        'SELECT (SELECT count(*) FROM bare)::int AS b, (SELECT count(g) FROM made)::int AS m, (SELECT count(*) FROM nothing)::int AS n',
      ),
    ).to.deep.equal([{ b: 2, m: 1, n: 0 }]);
  });

  it('copies the rows of each partition, and of a parent only its own', async () => {
    await f.sql(`CREATE TABLE parts (at date NOT NULL, v int, PRIMARY KEY (at, v)) PARTITION BY RANGE (at);
      CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
      CREATE TABLE p2 PARTITION OF parts DEFAULT;
      INSERT INTO parts SELECT date '2026-01-20' + n, n FROM generate_series(1, 40) AS n;
      CREATE TABLE elder (a int); CREATE TABLE younger (b int) INHERITS (elder);
      INSERT INTO elder VALUES (1); INSERT INTO younger VALUES (2, 3)`);
    const [parts, elder] = [await f.rows('parts'), await f.rows('ONLY elder')];
    const backup = await f.keep(['p1', 'p2', 'elder', 'younger']);
    value(await f.work.run(`UPDATE public.parts SET at = at + 5, v = v + 100`));
    value(await f.work.run(`DELETE FROM public.elder`));
    value(await f.work.run('COMMIT'));
    expect(backup.tables.reduce((all, { rows }) => all + rows, 0)).to.equal(42);
    value(await restore(f, backup.id, ['parts', 'elder', 'younger']));
    expect(await f.rows('parts')).to.equal(parts);
    expect(await f.rows('ONLY elder')).to.equal(elder);
    expect(await f.sql('SELECT a, b FROM younger')).to.deep.equal([{ a: 2, b: 3 }]);
  });

  it('loses no row that was acknowledged while it took the locks', async () => {
    await f.sql('CREATE TABLE busy (id bigserial PRIMARY KEY, note text)');
    const writer = new pg.Client({ connectionString: f.db.url });
    await writer.connect();
    const acknowledged: { readonly id: string; readonly at: number }[] = [];
    let ended = false;
    const writing = (async () => {
      while (!ended) {
        const { rows } = await writer.query<{ id: string }>(
          `INSERT INTO busy (note) VALUES (md5(random()::text)) RETURNING id`,
        );
        acknowledged.push({ id: rows[0]?.id ?? '', at: performance.now() });
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const backup = await f.keep(['busy']);
    const locked = performance.now();
    // Nobody gets in between the copy and the end of the step.
    await new Promise((resolve) => setTimeout(resolve, 100));
    value(await f.work.run('DELETE FROM public.busy'));
    value(await f.work.run('COMMIT'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    ended = true;
    await writing;
    await writer.end();
    const before = acknowledged.filter(({ at }) => at < locked).map(({ id }) => id);
    const copied = (await f.sql(`SELECT id FROM ${backup.tables[0]?.copy}`)) as { id: string }[];
    expect(before.length).to.be.greaterThan(5);
    expect(copied.map(({ id }) => id)).to.include.members(before);
    const rest = (await f.sql('SELECT id FROM busy')) as { id: string }[];
    const everything = new Set([...copied, ...rest].map(({ id }) => id));
    for (const { id } of acknowledged) expect(everything.has(id), id).to.equal(true);
    // What came after the copy was not deleted by the step, which saw exactly the rows of the copy.
    expect(everything.size).to.equal(copied.length + rest.length);
  });

  it('waits for a writer that is at it, and gives up with what is in the way', async function () {
    this.timeout(60_000);
    await f.sql('CREATE TABLE slow (id int); INSERT INTO slow VALUES (1)');
    const blocker = new pg.Client({ connectionString: f.db.url, application_name: 'forgotten' });
    await blocker.connect();
    await blocker.query('BEGIN; INSERT INTO slow VALUES (2)');
    value(await f.work.run(`SET lock_timeout = '100ms'`));
    setTimeout(() => void blocker.query('COMMIT'), 500);
    const backup = await f.keep(['slow']);
    expect(backup.tables[0]?.rows).to.equal(2);
    value(await f.work.run('ROLLBACK'));
    await blocker.query('BEGIN; INSERT INTO slow VALUES (3)');
    value(await f.work.run('BEGIN'));
    const request = {
      id: nextId(),
      databaseId: 'db',
      createdAt: new Date(0).toISOString(),
      reason: { kind: 'before-step', runId: 'r' },
      journal: { position: 1, hash: '' },
      lock: 'transaction',
      signal: new AbortController().signal,
    } as const;
    const refused = await f.tables.keep({ ...request, tables: ['slow'] });
    expect(refused.isErr() && refused.error.kind).to.equal('busy');
    // As long as a step waits, somebody looks who it is.
    value(await f.work.run(`SET lock_timeout = '2s'`));
    const copier = value(await f.work.another());
    const tables = [{ schema: 'public', name: 'slow' }];
    const copying = {
      work: f.work,
      copier,
      request,
      tables,
      tries: 1,
      onKept: () => undefined,
      onLocked: () => undefined,
    };
    const named = (await copyTables(copying))._unsafeUnwrapErr();
    value(await copier.close());
    expect(named).to.include({ kind: 'busy', transient: true });
    expect(named.message).to.match(
      /^waited 2s for a lock that process \d+ \(\w+, forgotten; idle in transaction for \d+ s: BEGIN; INSERT INTO slow /,
    );
    expect(named.fix).to.match(/^SELECT pg_terminate_backend\(\d+\);$/);
    expect(value(await f.work.all('SELECT 1 AS one'))).to.deep.equal([{ one: 1 }]);
    await blocker.query('ROLLBACK');
    await blocker.end();
    expect(value(await f.tables.list('db'))).to.have.length(1);
  });

  it('lists what there is by database, and discards what is named', async () => {
    expect(value(await f.tables.list('db'))).to.deep.equal([]);
    value(await f.tables.discard(['never was']));
    await f.sql('CREATE TABLE a (id int); CREATE TABLE b (id int)');
    const first = await f.keep(['b', 'a']);
    value(await f.work.run('ROLLBACK'));
    const second = await f.keep(['b']);
    value(await f.work.run('ROLLBACK'));
    expect(value(await f.tables.list('db'))).to.deep.equal([first, second]);
    expect(value(await f.tables.list('another'))).to.deep.equal([]);
    value(await f.tables.discard([first.id]));
    expect(value(await f.tables.list('db'))).to.deep.equal([second]);
    const left = await f.sql(
      `SELECT tablename FROM pg_tables WHERE schemaname = 'migrate_safe_backup' AND tablename ~ '^copy_'`,
    );
    expect(left).to.have.length(1);
  });

  it('stops when the run is cancelled, and leaves nothing', async () => {
    await f.sql('CREATE TABLE held (id int); INSERT INTO held VALUES (1)');
    const holder = new pg.Client({ connectionString: f.db.url });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE');
    value(await f.work.run('BEGIN'));
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    const started = performance.now();
    const stopped = await f.tables.keep({
      id: nextId(),
      databaseId: 'db',
      createdAt: new Date(0).toISOString(),
      reason: { kind: 'before-step', runId: 'r' },
      journal: { position: 1, hash: '' },
      tables: ['held'],
      lock: 'transaction',
      signal: stop.signal,
    });
    expect(stopped.isErr()).to.equal(true);
    expect(performance.now() - started).to.be.lessThan(1_500);
    await holder.query('ROLLBACK');
    await holder.end();
    value(await f.work.run('ROLLBACK'));
    expect(value(await f.tables.list('db'))).to.deep.equal([]);
    const again = await f.keep(['held']);
    expect(again.tables[0]?.rows).to.equal(1);
    value(await f.work.run('ROLLBACK'));
  });

  it('refuses what it cannot copy, and a table that is not there', async () => {
    await f.sql('CREATE TABLE t (id int); CREATE VIEW v AS SELECT * FROM t');
    for (const names of [['v'], ['t', 'missing']]) {
      value(await f.work.run('BEGIN'));
      const refused = await f.tables.keep({
        id: nextId(),
        databaseId: 'db',
        createdAt: new Date(0).toISOString(),
        reason: { kind: 'before-step', runId: 'r' },
        journal: { position: 1, hash: '' },
        tables: names,
        lock: 'transaction',
        signal: new AbortController().signal,
      });
      expect(refused.isErr() && refused.error.kind).to.equal('missing-object');
      value(await f.work.run('ROLLBACK'));
    }
    expect(value(await f.tables.list('db'))).to.deep.equal([]);
  });

  it('copies more tables than the server has room for locks of their copies at once', async function () {
    this.timeout(120_000);
    const names = Array.from({ length: 2_500 }, (_, at) => `many_${at}`);
    for (let at = 0; at < names.length; at += 500)
      await f.sql(
        names
          .slice(at, at + 500)
          .map((name) => `CREATE TABLE ${name} AS SELECT 1 AS a, 'x'::text AS b`)
          .join(';'),
      );
    const backup = await f.keep(names);
    value(await f.work.run('ROLLBACK'));
    expect(backup.tables.map(({ table }) => table).toSorted()).to.deep.equal(names.toSorted());
    expect(backup.tables.every(({ rows }) => rows === 1)).to.equal(true);
    expect(value(await f.tables.list('db'))).to.deep.equal([backup]);
    value(await f.tables.discard([backup.id]));
    expect(await f.sql(`SELECT tablename FROM pg_tables WHERE tablename ~ '^copy_'`)).to.deep.equal([]);
  });
});
