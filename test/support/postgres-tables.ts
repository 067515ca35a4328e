// A PostgreSQL database with what a copy of a table can lose, its work connection, and the table backups on it.
import { errAsync, okAsync } from 'neverthrow';
import pg from 'pg';
import { systemClock } from '#src/core/ports/clock.js';
import type { TableBackup } from '#src/core/ports/table-backups.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { PostgresTableBackups } from '#src/dao/dialects/postgres/tables/table-backups.js';
import { freshDatabase, type TestDatabase } from './postgres.js';
import { value } from './project.js';

export interface TablesFixture {
  readonly db: TestDatabase;
  readonly work: PostgresConnection;
  readonly tables: PostgresTableBackups;
  /** What was written into the journal by restores. */
  readonly recorded: number[];
  sql(text: string): Promise<unknown[]>;
  /** Every row of a table as text, sorted. */
  rows(table: string): Promise<string>;
  /** Keeps tables as a step would, and leaves the transaction open. */
  keep(tables: readonly string[], more?: { readonly id?: string; readonly runId?: string }): Promise<TableBackup>;
  close(): Promise<void>;
}

let number = 0;
export const nextId = (): string => `20261121T0931${String(number++).padStart(5, '0')}Z-9c1e04aa`;

export async function tablesFixture(test: Mocha.Context): Promise<TablesFixture> {
  const db = await freshDatabase(test);
  const connect = () => PostgresConnection.connect(pg, { connectionString: db.url });
  const [work, other] = [value(await connect()), new pg.Client({ connectionString: db.url })];
  await other.connect();
  const recorded: number[] = [];
  const tables = new PostgresTableBackups({
    connection: work,
    connect,
    onKept: () => undefined,
    begun: () => undefined,
    record: (events) => {
      recorded.push(events.length);
      return okAsync(undefined);
    },
    onRolledBack: () => undefined,
  });
  const sql = async (text: string): Promise<unknown[]> => {
    const result: unknown = await other.query(text);
    const { rows } = result as { readonly rows?: unknown[] };
    return rows ?? [];
  };
  return {
    db,
    work,
    tables,
    recorded,
    sql,
    rows: async (table) => {
      const found = (await sql(
        `SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), '') AS all FROM ${table} AS t`,
      )) as {
        all: string;
      }[];
      return found[0]?.all ?? '';
    },
    keep: async (names, { id = nextId(), runId = 'run-1' } = {}) => {
      value(await work.run('BEGIN'));
      return value(
        await tables.keep({
          id,
          databaseId: 'db',
          createdAt: systemClock.now().toISOString(),
          reason: { kind: 'before-step', runId, component: 'main', version: '0004' },
          journal: { position: 7, hash: 'h' },
          tables: names,
          lock: 'transaction',
          signal: new AbortController().signal,
        }),
      );
    },
    close: async () => {
      await other.end();
      value(await tables.close());
      value(await work.close());
      await db.drop();
    },
  };
}

/** Restores as the core does it, keeping nothing. */
export const restore = (fixture: TablesFixture, id: string, tables: readonly string[]) =>
  fixture.tables.restoreTables(
    id,
    tables,
    () => okAsync<string>('kept'),
    () => ({ events: [], steps: [] }),
  );

export const refuseToKeep = () => errAsync<string, string>('no room');

/** Values of every sort, names of every sort, and all that can stand in the way of filling a table. */
export const HOSTILE = `
  CREATE EXTENSION citext; CREATE EXTENSION hstore;
  CREATE SCHEMA "Odd ""schema.";
  CREATE TYPE mood AS ENUM ('good', 'bad');
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE TYPE pair AS (a int, b text);
  CREATE COLLATION lax (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TABLE "Odd ""schema."."äöü ?$1 'x'" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "name""; DROP" text COLLATE lax, feeling mood, feelings mood[], mail citext UNIQUE, tags hstore, n positive, p pair, ps pair[],
    doc jsonb, raw json, bytes bytea, x double precision, y real, num numeric, at timestamptz, day date, span interval,
    ids int[], c char(6), flags bit(3), net inet, r int4range, ts tsvector, cls regclass, m money, xm xml,
    doubled text GENERATED ALWAYS AS (upper("name""; DROP")) STORED
  );
  INSERT INTO "Odd ""schema."."äöü ?$1 'x'" ("name""; DROP", feeling, feelings, mail, tags, n, p, ps, doc, raw, bytes, x, y, num, at, day, span, ids, c, flags, net, r, ts, cls, m, xm)
  VALUES
    ('a''b"c\\d' || chr(10) || '\\N', 'good', '{good,bad,NULL}', 'A@b.C', 'k=>NULL, "q "=>""', 5, ROW(1, 'x,"y'), ARRAY[ROW(NULL, NULL)::pair, NULL],
     '{"a": [1, 2.50]}', '{ "b" : 1,  "b":2}', '\\x00ff', 'NaN', '-Infinity', '1.50', '-infinity', 'infinity', '-1 mon +3 days 04:05:06.789', '{{1,NULL},{3,4}}', 'ab', B'101', '10.0.0.1/8', '[1,5)', 'a:1 b:2', 'pg_class', 12.34, '<a/>'),
    ('', 'bad', '{}', NULL, '', 1, ROW(NULL, NULL), '{}', 'null', 'null', '', '-0', 'NaN', 'NaN', '2026-01-01 00:00:00.000001+05', '0044-03-15 BC', '0', '{}', '', B'000', '::1', 'empty', '', NULL, NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1e-308, 1.17549e-38, 1e400, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
`;
export const ODD = `"Odd ""schema."."äöü ?$1 'x'"`;

/** A table that refers to itself, others that refer to it in every way, and triggers and rules that must not be heard. */
export const FAMILY = `
  CREATE TABLE person (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, boss int REFERENCES person ON DELETE CASCADE, name text NOT NULL,
    shout text GENERATED ALWAYS AS (upper(name)) STORED, UNIQUE (name));
  CREATE TABLE badge (id serial PRIMARY KEY, person int NOT NULL REFERENCES person ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE TABLE desk (id int PRIMARY KEY, person int CONSTRAINT sits REFERENCES person ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);
  COMMENT ON CONSTRAINT sits ON desk IS 'it''s theirs';
  CREATE TABLE heard (what text);
  CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO heard VALUES (TG_NAME); RETURN COALESCE(NEW, OLD); END $$;
  CREATE TRIGGER ordinary AFTER INSERT OR UPDATE OR DELETE ON person FOR EACH ROW EXECUTE FUNCTION hear();
  CREATE TRIGGER constant BEFORE INSERT OR DELETE ON person FOR EACH ROW EXECUTE FUNCTION hear();
  ALTER TABLE person ENABLE ALWAYS TRIGGER constant;
  CREATE TRIGGER sleeping AFTER TRUNCATE ON person EXECUTE FUNCTION hear();
  ALTER TABLE person DISABLE TRIGGER sleeping;
  CREATE CONSTRAINT TRIGGER later AFTER INSERT ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hear();
  INSERT INTO person (boss, name) SELECT CASE WHEN n > 1 THEN n / 2 END, 'p' || n FROM generate_series(1, 100) AS n;
  INSERT INTO badge (person) SELECT id FROM person;
  INSERT INTO desk SELECT id, id FROM person WHERE id % 2 = 0;
  DELETE FROM heard;
`;
export const FAMILY_TABLES = ['person', 'badge', 'desk', 'heard'];
/** What is done to them: little is put right where it is, much is written anew. */
export const DAMAGES = [
  [
    'a few rows',
    `UPDATE person SET name = 'other' WHERE id = 7; UPDATE person SET boss = 9 WHERE id = 50; INSERT INTO person (boss, name) VALUES (3, 'new')`,
  ],
  [
    'every row',
    `UPDATE person SET name = name || '!', boss = NULL; INSERT INTO person (name) SELECT 'n' || n FROM generate_series(1, 50) AS n`,
  ],
] as const;
/** All that a restore takes away for a while. */
export const SURROUNDINGS = `
  SELECT conname, conrelid::regclass::text AS t, pg_get_constraintdef(oid) AS def, convalidated, obj_description(oid) AS said FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
  UNION ALL SELECT tgname, tgrelid::regclass::text, pg_get_triggerdef(oid), true, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT rulename, ev_class::regclass::text, pg_get_ruledef(oid), true, ev_enabled::text FROM pg_rewrite WHERE rulename <> '_RETURN' AND ev_class > 16384
  ORDER BY 1, 2`;
