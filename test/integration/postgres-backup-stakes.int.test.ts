// What an archive of PostgreSQL is compared with: rows written and deleted since, counted as multisets; and what is read inside it.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import pg from 'pg';
import type { RowsAtStake } from '#src/core/ports/backup-source.js';
import { PostgresBackupSource } from '#src/dao/dialects/postgres/backup/backup-source.js';
import { PostgresCopyFiles } from '#src/dao/dialects/postgres/backup/copy-files.js';
import { parseHead, readRows } from '#src/dao/dialects/postgres/backup/copy-text.js';
import { hashRow } from '#src/dao/dialects/postgres/backup/row-hash.js';
import { PostgresServer } from '#src/dao/dialects/postgres/backup/server.js';
import { findTools } from '#src/dao/dialects/postgres/backup/tools.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { inspectSchema } from '#src/dao/dialects/postgres/inspect/inspector.js';
import { raiseLayout } from '#src/dao/dialects/postgres/layout.js';
import { POSTGRES_TABLES } from '#src/dao/dialects/postgres/system-tables.js';
import { JournalDao } from '#src/dao/system/journal-dao.js';
import { eachBacked, HOSTILE, restored, serverVersion, type Backed } from '../support/postgres-archives.js';
import { value } from '../support/project.js';

describe('an archive and the live database', () => {
  let backed: Backed;
  eachBacked((one) => (backed = one));

  const since = async (change: string, tables: readonly string[] | 'all' = 'all'): Promise<readonly RowsAtStake[]> => {
    const file = await backed.archive();
    await backed.sql(change);
    return value(await backed.source.atStake(file, tables));
  };

  it('do not differ where nothing was written, whatever the names and the values', async () => {
    await backed.sql(HOSTILE);
    expect(await since('SELECT 1')).to.deep.equal([]);
  });

  it('do not differ where the same rows lie in another order', async () => {
    await backed.sql('CREATE TABLE t AS SELECT i FROM generate_series(1, 100) AS i');
    expect(
      await since('CREATE TEMP TABLE x AS TABLE t; TRUNCATE t; INSERT INTO t SELECT * FROM x ORDER BY i DESC'),
    ).to.deep.equal([]);
  });

  it('do not differ by the settings of a role', async () => {
    await backed.sql(HOSTILE);
    const [{ name } = { name: '' }] = await backed.sql<{ name: string }>('SELECT current_database() AS name');
    const settings = [
      "DateStyle = 'German'",
      "IntervalStyle = 'sql_standard'",
      "TimeZone = 'Asia/Tokyo'",
      'extra_float_digits = 0',
      "bytea_output = 'escape'",
    ];
    expect(await since(settings.map((one) => `ALTER DATABASE ${name} SET ${one};`).join(' '))).to.deep.equal([]);
  });

  it('differ by each row that was written or deleted, and by each copy of a row', async () => {
    await backed.sql(`CREATE TABLE t (v text); INSERT INTO t VALUES ('a'), ('a'), ('a'), ('b'), (NULL), ('');
      CREATE TABLE same (v int); INSERT INTO same VALUES (1)`);
    const change = `DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t WHERE v = 'a'); UPDATE t SET v = 'c' WHERE v = 'b';
      INSERT INTO t VALUES ('\\N'), ('c'), (E'new\\tline\\n')`;
    // Gone: an a, the b. New: two c, the text of a NULL's sign, the last one.
    expect(await since(change)).to.deep.equal([{ table: 't', written: 4, deleted: 2 }]);
  });

  it('differ by tables that were made or dropped since, and by large objects', async () => {
    await backed.sql(`CREATE TABLE gone (v int); INSERT INTO gone VALUES (1), (2); SELECT lo_from_bytea(900001, 'x')`);
    const change = `DROP TABLE gone; CREATE SCHEMA s; CREATE TABLE s."New" (v int); INSERT INTO s."New" VALUES (1), (1), (2);
      SELECT lo_put(900001, 1, 'y'), lo_from_bytea(900002, '')`;
    expect(await since(change)).to.deep.equal([
      { table: 'gone', written: 0, deleted: 2 },
      { table: 'pg_catalog.pg_largeobject', written: 2, deleted: 1 },
      { table: 's.New', written: 3, deleted: 0 },
    ]);
  });

  it('do not differ by a column that was added and holds nothing, and differ by the rows in which one holds something', async () => {
    await backed.sql(`CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, 'z')`);
    expect(await since('ALTER TABLE t ADD COLUMN c int')).to.deep.equal([]);
    expect(await since(`ALTER TABLE t ADD COLUMN d int; UPDATE t SET d = 7 WHERE a = 2`)).to.deep.equal([
      { table: 't', written: 1, deleted: 1 },
    ]);
    const reordered =
      'ALTER TABLE t ADD COLUMN again int; UPDATE t SET again = a; ALTER TABLE t DROP COLUMN a; ALTER TABLE t RENAME again TO a';
    expect(await since(reordered)).to.deep.equal([]);
    expect(await since('ALTER TABLE t DROP COLUMN b')).to.deep.equal([{ table: 't', written: 2, deleted: 2 }]);
  });

  it('are compared only in the tables that are asked for, by the names that reports have', async () => {
    await backed.sql(
      `CREATE TABLE t (v int); CREATE SCHEMA "S"; CREATE TABLE "S"."a.b" (v int); CREATE TABLE other (v int)`,
    );
    const change = `INSERT INTO t VALUES (1); INSERT INTO "S"."a.b" VALUES (1), (2); INSERT INTO other VALUES (1)`;
    expect(await since(change, ['S."a.b"', 'public.t'])).to.deep.equal([
      { table: 'S."a.b"', written: 2, deleted: 0 },
      { table: 't', written: 1, deleted: 0 },
    ]);
  });

  it('are compared without the journal and the copies of tables', async () => {
    await backed.sql(HOSTILE);
    expect(
      await since('INSERT INTO migrate_safe.kept VALUES (2); INSERT INTO migrate_safe_backup.left_out VALUES (2)'),
    ).to.deep.equal([]);
  });

  it('have counts that PostgreSQL itself finds, for any change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
        await backed.sql(`DROP TABLE IF EXISTS t, was; SELECT setseed(${seed} / 1000000.0);
          CREATE TABLE t AS SELECT (random() * 20)::int AS a, CASE WHEN random() < 0.2 THEN NULL ELSE md5((random() * 5)::int::text) END AS b FROM generate_series(1, 300)`);
        const file = await backed.archive();
        await backed.sql(`CREATE TABLE was AS TABLE t; SELECT setseed(${seed} / 2000000.0); DELETE FROM t WHERE random() < 0.1;
          UPDATE t SET a = a + 1 WHERE random() < 0.1; INSERT INTO t SELECT (random() * 20)::int, 'new' FROM generate_series(1, (random() * 9)::int)`);
        const [truth] =
          await backed.sql(`SELECT (SELECT count(*)::int FROM (TABLE t EXCEPT ALL TABLE was) AS x) AS written,
          (SELECT count(*)::int FROM (TABLE was EXCEPT ALL TABLE t) AS x) AS deleted`);
        const [found] = value(await backed.source.atStake(file, ['t']));
        expect(found ?? { written: 0, deleted: 0 }).to.include(truth ?? {});
      }),
      { numRuns: 8 },
    );
  }).timeout(120_000);

  (process.platform === 'win32' ? it.skip : it)(
    'are read in one moment, though the live side is read twice',
    async () => {
      await backed.sql('CREATE TABLE t (v int); INSERT INTO t VALUES (0)');
      const file = await backed.archive();
      await backed.sql('INSERT INTO t VALUES (1)');
      // A pg_dump behind which somebody writes at once, each time.
      const { pgDump, pgRestore, psql } = value(await findTools(await serverVersion(backed.sql)));
      const write = `"${psql}" -q "${backed.database.url}" -c "INSERT INTO t VALUES (2)"`;
      const scripts = {
        pg_dump: `"${pgDump}" "$@" || exit\ncase "$*" in *--data-only*) ${write};; esac`,
        pg_restore: `exec "${pgRestore}" "$@"`,
        psql: '',
      };
      for (const [name, script] of Object.entries(scripts))
        writeFileSync(path.join(backed.directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      const before = process.env['PG_BIN'];
      process.env['PG_BIN'] = backed.directory;
      try {
        const stakes = value(await backed.source.atStake(file, 'all'));
        expect(stakes).to.deep.equal([{ table: 't', written: 1, deleted: 0 }]);
      } finally {
        if (before === undefined) delete process.env['PG_BIN'];
        else process.env['PG_BIN'] = before;
      }
      expect(await backed.sql('SELECT v FROM t ORDER BY v')).to.deep.equal([0, 1, 2, 2].map((v) => ({ v })));
    },
  );
});

describe('the inside of an archive', () => {
  let backed: Backed;
  eachBacked((one) => (backed = one));

  it('has one fingerprint, that a restore keeps and any other row changes', async () => {
    await backed.sql(HOSTILE);
    const first = await backed.archive('first.dump');
    const content = value(await backed.source.fingerprint(first));
    expect(value(await backed.source.fingerprint(await backed.archive('again.dump')))).to.deep.equal(content);
    expect(content.tables['select']?.rows).to.equal(500);
    expect(content.tables['two\nlines']?.rows).to.equal(5);
    expect(Object.keys(content.tables)).to.not.include('migrate_safe.kept');
    await backed.sql(`UPDATE numbers SET n = n + 1 WHERE n IS NOT NULL`);
    const changed = value(await backed.source.fingerprint(await backed.archive('changed.dump')));
    expect(changed.schema).to.equal(content.schema);
    expect(
      Object.keys(content.tables).filter((table) => changed.tables[table]?.digest !== content.tables[table]?.digest),
    ).to.deep.equal(['numbers']);
  });

  it('has the journal, event by event as it was written', async () => {
    const connection = value(await PostgresConnection.connect(pg, { connectionString: backed.database.url }));
    try {
      value(await raiseLayout(connection));
      const dao = new JournalDao(connection, POSTGRES_TABLES);
      const events = Array.from({ length: 12 }, (_, i) => ({
        position: i + 1,
        runId: `r${i}`,
        component: 'main',
        type: 'Unknown',
        schemaVersion: 1,
        recordedAt: '2026-01-01T00:00:00.000Z',
        actor: { user: 'é\\"', host: 'h\t', pid: 1, engine: 'e' },
        data: { text: 'a\nb\\.\r\u0001 \\N', n: i },
        previousHash: `${i}`,
        hash: `${i + 1}`,
      }));
      value(await dao.append(events));
      expect(value(await backed.copies.journalOf(await backed.archive()))).to.deep.equal(value(await dao.read()));
    } finally {
      value(await connection.close());
    }
  });

  it('has no journal where there was none', async () => {
    expect(value(await backed.copies.journalOf(await backed.archive()))).to.deep.equal([]);
  });

  it('has the rows, and the schema as the inspector reads it in the live database', async () => {
    await backed.sql(HOSTILE);
    const { rows, snapshot } = value(await backed.copies.contentOf(await backed.archive()));
    const connection = value(await PostgresConnection.connect(pg, { connectionString: backed.database.url }));
    expect(snapshot).to.deep.equal(value(await inspectSchema(connection)));
    value(await connection.close());
    expect(rows).to.equal(3 + 3 + 5 + 500 + 300 + 1 + 2);
    expect(
      await backed.sql(`SELECT datname FROM pg_database WHERE datname LIKE 'migrate\\_safe\\_scratch\\_%'`),
    ).to.deep.equal([]);
  });

  it('has no snapshot where the role may not make a database', async () => {
    const role = `migrate_safe_test_${process.pid}`;
    await backed.sql(
      `CREATE TABLE t (v int); INSERT INTO t VALUES (1); CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT SELECT ON t TO ${role}`,
    );
    try {
      const file = await backed.archive();
      const url = new URL(backed.database.url);
      url.username = role;
      url.password = 'x';
      const copies = new PostgresCopyFiles(new PostgresServer(pg, { connectionString: url.href }), url.href);
      expect(value(await copies.contentOf(file))).to.deep.equal({ rows: 1, snapshot: undefined });
    } finally {
      await backed.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it('is what pg_restore makes a database of that does not differ from it', async () => {
    await backed.sql(HOSTILE);
    const file = await backed.archive();
    await restored(backed, file, async (sql) => {
      const [{ url } = { url: '' }] = await sql<{ url: string }>('SELECT current_database() AS url');
      const there = value(await backed.server.at(url));
      expect(value(await new PostgresBackupSource(there).atStake(file, 'all'))).to.deep.equal([]);
    });
  });
});

describe('a data script', () => {
  const rowsOf = async (pieces: readonly string[]): Promise<Record<string, string[]>> => {
    const found: Record<string, string[]> = {};
    await readRows(Readable.from(pieces.map((piece) => Buffer.from(piece))), ({ table, columns }) => {
      const rows: string[] = (found[`${table.schema}.${table.name}(${columns.join('|')})`] = []);
      return (bytes, start, end) => rows.push(bytes.toString('utf8', start, end));
    });
    return found;
  };

  it('is read the same, however it is cut into pieces', async () => {
    const script =
      'SET x;\n\nCOPY public."two\nlines, ""q""" (a, "b (c)") FROM stdin;\n1\t2\n\\\\.\n\n\\.\nCOPY s.none  FROM stdin;\n\n\\.\n';
    const whole = await rowsOf([script]);
    expect(whole).to.deep.equal({ 'public.two\nlines, "q"(a|b (c))': ['1\t2', '\\\\.', ''], 's.none()': [''] });
    for (let size = 1; size < 9; size += 1)
      expect(
        await rowsOf(
          Array.from({ length: Math.ceil(script.length / size) }, (_, i) => script.slice(i * size, (i + 1) * size)),
        ),
      ).to.deep.equal(whole);
  });

  it('that ends in the middle of a table is an error', async () => {
    const outcome = await rowsOf(['COPY public.t (a) FROM stdin;\n1\n']).then(
      () => 'read',
      (thrown: unknown) => String(thrown),
    );
    expect(outcome).to.include('in the middle');
  });

  it('has heads that are read back as they were written', () => {
    const name = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !text.includes('\0'));
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(name, name, fc.array(name, { minLength: 1, maxLength: 4 }), (schema, table, columns) => {
        const statement = `COPY ${quoted(schema)}.${quoted(table)} (${columns.map(quoted).join(', ')}) FROM stdin;`;
        expect(parseHead(statement)).to.deep.equal({ table: { schema, name: table }, columns });
      }),
    );
  });
});

describe('the hash of a row', () => {
  const hashOf = (bytes: Buffer, start = 0, end = bytes.length): string => {
    const words = new Uint32Array(4);
    hashRow(bytes, start, end, words);
    return [...words].map((word) => word.toString(16).padStart(8, '0')).join('');
  };

  it('is MurmurHash3', () => {
    expect(hashOf(Buffer.from('The quick brown fox jumps over the lazy dog'))).to.equal(
      '2f1583c3ecee2c675d7bf66ce5e91d2c',
    );
  });

  it('is of the bytes between its bounds alone', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 20 }), (row, around) => {
        const bytes = Buffer.concat([around, row, around]);
        expect(hashOf(bytes, around.length, around.length + row.length)).to.equal(hashOf(Buffer.from(row)));
      }),
    );
  });
});
