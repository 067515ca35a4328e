// Databases and archives for the tests of PostgreSQL's backups.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { PostgresBackupSource } from '#src/dao/dialects/postgres/backup/backup-source.js';
import { PostgresCopyFiles } from '#src/dao/dialects/postgres/backup/copy-files.js';
import { PostgresServer } from '#src/dao/dialects/postgres/backup/server.js';
import { findTools } from '#src/dao/dialects/postgres/backup/tools.js';
import { freshDatabase, type TestDatabase } from './postgres.js';
import { needsTools } from './postgres-version.js';
import { value } from './project.js';

export interface Backed {
  readonly database: TestDatabase;
  readonly server: PostgresServer;
  readonly source: PostgresBackupSource;
  readonly copies: PostgresCopyFiles;
  readonly directory: string;
  /** Runs statements in the database. */
  sql<R extends pg.QueryResultRow = pg.QueryResultRow>(text: string): Promise<R[]>;
  /** Makes an archive of the present state. */
  archive(name?: string): Promise<string>;
  end(): Promise<void>;
}

export async function backedDatabase(test: Mocha.Context): Promise<Backed> {
  const database = await freshDatabase(test);
  const server = new PostgresServer(pg, { connectionString: database.url });
  const source = new PostgresBackupSource(server);
  const directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
  return {
    database,
    server,
    source,
    copies: new PostgresCopyFiles(server, database.url),
    directory,
    sql: (text) => statement(database.url, text),
    archive: async (name = 'copy.dump') => {
      const file = path.join(directory, name);
      value(await source.copyTo(file, () => undefined));
      return file;
    },
    end: async () => {
      rmSync(directory, { recursive: true, force: true });
      await database.drop();
    },
  };
}

/** For a `describe`: each of its tests has one, where there are programs to make archives with. */
export function eachBacked(give: (backed: Backed) => void): void {
  let backed: Backed | undefined;
  before(async function () {
    await needsTools(this);
  });
  beforeEach(async function () {
    this.timeout(60_000);
    backed = await backedDatabase(this);
    give(backed);
  });
  afterEach(() => backed?.end());
}

async function statement<R extends pg.QueryResultRow>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Restores an archive into a database of its own with pg_restore itself, and gives what `read` makes of that. */
export async function restored<T>(
  { database, sql }: Backed,
  file: string,
  read: (sql: Backed['sql']) => Promise<T>,
): Promise<T> {
  const name = `migrate_safe_test_${randomBytes(6).toString('hex')}`;
  const url = new URL(database.url);
  url.pathname = `/${name}`;
  await sql(`CREATE DATABASE ${name} TEMPLATE template0`);
  try {
    const { pgRestore } = value(await findTools(await serverVersion(sql)));
    execFileSync(pgRestore, ['--exit-on-error', `--dbname=${url.href}`, file], { stdio: 'pipe' });
    return await read((text) => statement(url.href, text));
  } finally {
    await sql(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}

export async function serverVersion(sql: Backed['sql']): Promise<number> {
  const [row] = await sql<{ server_version_num: string }>('SHOW server_version_num');
  return Number(row?.server_version_num);
}

/** Every row of every table, the sequences and the large objects: what a copy has to have. */
export async function contentOf(sql: Backed['sql']): Promise<Record<string, readonly string[]>> {
  const relations = await sql<{ table: string; kind: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS table, c.relkind AS kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'S', 'm') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrate_safe_backup')
     ORDER BY 1`,
  );
  const content: Record<string, readonly string[]> = {};
  for (const { table, kind } of relations) {
    const row = kind === 'S' ? `last_value || ' ' || is_called` : 't::text';
    const rows = await sql<{ row: string }>(`SELECT ${row} AS row FROM ${table} AS t ORDER BY 1`);
    content[table] = rows.map((one) => one.row);
  }
  const objects = await sql<{ row: string }>(
    `SELECT oid || ' ' || encode(lo_get(oid), 'hex') AS row FROM pg_largeobject_metadata ORDER BY oid`,
  );
  return { ...content, 'large objects': objects.map(({ row }) => row) };
}

/** A schema whose names are as bad as names can be, with content that a text format has to escape. */
export const HOSTILE = `
  CREATE SCHEMA "Schema with ""quotes"" and; semicolons";
  CREATE TABLE "Schema with ""quotes"" and; semicolons"."Tab	in name" ("a ""b"", c" int PRIMARY KEY, "línea☃" text);
  INSERT INTO "Schema with ""quotes"" and; semicolons"."Tab	in name" VALUES (1, 'x'), (2, NULL), (3, '');
  CREATE TABLE "${'é'.repeat(31)}x" (v text);
  INSERT INTO "${'é'.repeat(31)}x" VALUES ('one'), ('one'), ('two');
  CREATE TABLE "two
lines" (v text);
  INSERT INTO "two
lines" VALUES (E'\\\\.'), (E'COPY public.fake (v) FROM stdin;\\n\\\\.\\n'), (E'\\t\\r\\n\\b\\f\\v\\\\'), ('\\N'), (NULL);
  CREATE TABLE "select" (id int GENERATED ALWAYS AS IDENTITY, "FROM stdin" bytea, doubled int GENERATED ALWAYS AS (1 + 1) STORED);
  INSERT INTO "select" ("FROM stdin") SELECT decode(md5(i::text), 'hex') FROM generate_series(1, 500) AS i;
  CREATE TABLE parted (id int, at date) PARTITION BY RANGE (id);
  CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (100);
  CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
  INSERT INTO parted SELECT i, '2020-01-01'::date + i FROM generate_series(1, 300) AS i;
  CREATE TABLE empty (v int);
  CREATE TABLE none ();
  INSERT INTO none DEFAULT VALUES;
  CREATE TABLE numbers (r real, d double precision, n numeric, i interval, t timestamptz, j jsonb, a text[]);
  INSERT INTO numbers VALUES (0.1, 1e-300, 123456789012345678901234567890.5, '1 mon -2 days 03:04:05.678', '2020-02-29 12:00:00.123456+13', '{"b": [1, null], "a": "\\u2603"}', '{"a,b","c\\"d",NULL}');
  INSERT INTO numbers (r, d) VALUES ('NaN', '-Infinity');
  CREATE SEQUENCE loose START 7; SELECT nextval('loose'), nextval('loose');
  CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM parted;
  CREATE FUNCTION trap() RETURNS text LANGUAGE sql AS $$ SELECT '
COPY public.fake (v) FROM stdin;
' $$;
  SELECT lo_from_bytea(0, decode(repeat('00ff5c', 30000), 'hex')), lo_from_bytea(0, '');
  CREATE SCHEMA migrate_safe; CREATE TABLE migrate_safe.kept (v int); INSERT INTO migrate_safe.kept VALUES (1);
  CREATE SCHEMA migrate_safe_backup; CREATE TABLE migrate_safe_backup.left_out (v int); INSERT INTO migrate_safe_backup.left_out VALUES (1);
`;
