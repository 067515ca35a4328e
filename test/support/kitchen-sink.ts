// A PostgreSQL database with every kind of object that a restore has to bring back, and what does them harm.
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { removeAtEnd } from './at-end.js';
import { findTools, type PgTools } from '#src/dao/dialects/postgres/backup/tools.js';

const run = promisify(execFile);

/** Roles are the server's: they are made once and stay as long as it does. */
export const ROLES = ['migrate_safe_test_reader', 'Migrate "Safe" Test Writer'] as const;
const [READER, WRITER] = ROLES.map((role) => `"${role.replaceAll('"', '""')}"`) as [string, string];

/** `superuser` objects are left out for a plain owner, and those that the server's `version` does not know yet. */
export const kitchenSink = (superuser: boolean, version: number): string => `
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE SCHEMA tools; CREATE EXTENSION citext SCHEMA tools; CREATE EXTENSION hstore SCHEMA tools;
  CREATE SCHEMA "Odd ""Schema"" é"; COMMENT ON SCHEMA "Odd ""Schema"" é" IS 'odd';
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "great"');
  CREATE DOMAIN positive AS integer CHECK (VALUE > 0) NOT NULL;
  CREATE TYPE pair AS (a integer, b text);
  CREATE TYPE span AS RANGE (subtype = float8);
  CREATE COLLATION german (provider = icu, locale = 'de-u-co-phonebk');
  CREATE SEQUENCE loose START 41 INCREMENT 7; SELECT nextval('loose');
  CREATE TABLE people (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text COLLATE german NOT NULL, email tools.citext UNIQUE,
    feels mood DEFAULT 'ok', age positive DEFAULT 1, twice integer GENERATED ALWAYS AS (age * 2) STORED, extra tools.hstore,
    manager integer REFERENCES people DEFERRABLE INITIALLY DEFERRED, place pair, spans span[], doc jsonb, raw bytea,
    at timestamptz DEFAULT now(), EXCLUDE USING gist (int4range(id, id, '[]') WITH &&), CHECK (length(name) < 1000));
  INSERT INTO people (name, email, feels, age, manager, place, doc, raw, extra)
    SELECT 'näme ' || n || E'\\t\\\\x\\n', 'p' || n || '@x', (ARRAY['sad', 'ok', 'it''s "great"'])[1 + n % 3]::mood, n, NULLIF(n, 1) / 2 + 1,
      ROW (n, 'b,"')::pair, json_build_object('n', n)::jsonb, decode(md5(n::text), 'hex'), 'a=>1' FROM generate_series(1, 500) AS n;
  SET CONSTRAINTS ALL IMMEDIATE; SELECT setval('people_id_seq', 900);
  CREATE INDEX people_lower ON people (lower(name)); CREATE INDEX people_doc ON people USING gin (doc);
  CREATE INDEX people_trgm ON people USING gin (name gin_trgm_ops); CREATE INDEX people_sad ON people (age) WHERE feels = 'sad';
  CREATE STATISTICS people_stats (dependencies, ndistinct) ON age, feels FROM people;
  ALTER TABLE people ALTER COLUMN name SET STATISTICS 200; ALTER TABLE people SET (fillfactor = 70);
  CREATE TABLE egg (id int PRIMARY KEY, hen int); CREATE TABLE hen (id int PRIMARY KEY, egg int REFERENCES egg);
  INSERT INTO egg VALUES (1, 1); INSERT INTO hen VALUES (1, 1); ALTER TABLE egg ADD CONSTRAINT egg_hen FOREIGN KEY (hen) REFERENCES hen;
  ALTER TABLE egg ADD CONSTRAINT unproven CHECK (id > 0) NOT VALID;
  CREATE TABLE sales (day date NOT NULL, region text, amount numeric) PARTITION BY RANGE (day);
  CREATE TABLE sales_25 PARTITION OF sales FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (region);
  CREATE TABLE sales_25_eu PARTITION OF sales_25 FOR VALUES IN ('eu'); CREATE TABLE sales_rest PARTITION OF sales DEFAULT;
  CREATE INDEX sales_day ON sales (day); INSERT INTO sales VALUES ('2025-05-05', 'eu', 1.5), ('2030-01-01', 'us', 2);
  CREATE UNLOGGED TABLE scratch (x int); INSERT INTO scratch VALUES (1);
  CREATE TABLE animals (name text); CREATE TABLE cats (lives int) INHERITS (animals); INSERT INTO cats VALUES ('Tom', 9);
  CREATE TABLE typed OF pair (a WITH OPTIONS PRIMARY KEY); INSERT INTO typed VALUES (1, 'x');
  CREATE TABLE "Odd ""Schema"" é"."Tab le" ("Col ""x""" int PRIMARY KEY, "select" text); INSERT INTO "Odd ""Schema"" é"."Tab le" VALUES (1, '\\.'), (2, NULL);
  CREATE VIEW adults AS SELECT id, name FROM people WHERE age >= 18; CREATE VIEW some_adults AS SELECT * FROM adults WHERE id < 50 WITH CHECK OPTION;
  CREATE MATERIALIZED VIEW moods AS SELECT feels, count(*) AS n FROM people GROUP BY feels; CREATE UNIQUE INDEX ON moods (feels);
  CREATE MATERIALIZED VIEW moods_2 AS SELECT sum(n) AS n FROM moods WITH NO DATA;
  CREATE FUNCTION shout(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT upper(t) || '!;
COMMIT;
COPY x FROM stdin;' $f$;
  CREATE PROCEDURE noop() LANGUAGE plpgsql AS $f$ BEGIN COMMIT; END $f$;
  CREATE AGGREGATE total (integer) (sfunc = int4pl, stype = integer, initcond = '0');
  CREATE FUNCTION near(pair, pair) RETURNS boolean LANGUAGE sql AS 'SELECT $1.a = $2.a';
  CREATE OPERATOR ~=~ (leftarg = pair, rightarg = pair, function = near, commutator = ~=~);
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.at = now(); RETURN NEW; END $f$;
  CREATE TRIGGER touched BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
  CREATE TRIGGER asleep BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION touch(); ALTER TABLE people DISABLE TRIGGER asleep;
  CREATE RULE no_cats AS ON DELETE TO cats DO INSTEAD NOTHING;
  ALTER TABLE people ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON people FOR SELECT TO ${READER} USING (id > 0);
  ALTER TABLE hen REPLICA IDENTITY FULL; CLUSTER people USING people_pkey;
  CREATE TEXT SEARCH CONFIGURATION plain (COPY = pg_catalog.english); ALTER TEXT SEARCH CONFIGURATION plain DROP MAPPING FOR email;
  GRANT SELECT (id, name), UPDATE (name) ON people TO ${READER}; GRANT SELECT ON egg TO ${WRITER} WITH GRANT OPTION;
  GRANT USAGE ON SCHEMA tools TO ${READER}; REVOKE EXECUTE ON FUNCTION shout(text) FROM PUBLIC; GRANT USAGE ON SEQUENCE loose TO ${READER};
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${READER};
  ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO ${WRITER};
  CREATE CAST (pair AS text) WITH INOUT AS ASSIGNMENT;
  COMMENT ON COLUMN people.doc IS 'it''s "json"'; COMMENT ON INDEX people_doc IS 'an index';
  SELECT lo_from_bytea(777001, decode(repeat('00ff', 5000), 'hex')); COMMENT ON LARGE OBJECT 777001 IS 'a large object';
  GRANT SELECT ON LARGE OBJECT 777001 TO ${READER}; SELECT lo_from_bytea(777002, '');
  CREATE PUBLICATION listed FOR TABLE people, egg${version >= 150_000 ? ' WHERE (id > 0)' : ''}; CREATE PUBLICATION empty_one;
  ${superuser ? ONLY_SUPERUSER : ''} ${superuser && version >= 150_000 ? 'CREATE PUBLICATION in_tools FOR TABLES IN SCHEMA public;' : ''}`;

const ONLY_SUPERUSER = `
  CREATE EXTENSION file_fdw; CREATE EXTENSION postgres_fdw SCHEMA tools;
  CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'localhost');
  CREATE USER MAPPING FOR ${READER} SERVER other OPTIONS ("user" 'x'); CREATE FOREIGN TABLE remote (a int) SERVER other;
  CREATE FOREIGN DATA WRAPPER own_wrapper; CREATE SERVER own_server FOREIGN DATA WRAPPER own_wrapper;
  CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN NULL; END $f$;
  CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION watch(); ALTER EVENT TRIGGER watching DISABLE;
  CREATE PUBLICATION whole FOR ALL TABLES;
  CREATE CAST (text AS jsonpath) WITH INOUT;
  ALTER TABLE egg OWNER TO ${WRITER}; ALTER SCHEMA tools OWNER TO ${READER}; ALTER TYPE mood OWNER TO ${READER}; ALTER LARGE OBJECT 777002 OWNER TO ${READER};`;

/** Changes, losses and additions of many kinds. */
export const damage = (superuser: boolean): string => `
  DELETE FROM people WHERE id > 300 AND id % 3 = 0; UPDATE people SET name = 'x'; SET CONSTRAINTS ALL IMMEDIATE; DROP TABLE sales CASCADE; DROP TYPE pair CASCADE;
  DROP VIEW some_adults; DROP SEQUENCE loose; CREATE SCHEMA brand_new; CREATE TABLE brand_new.t AS SELECT 1 AS a; CREATE EXTENSION fuzzystrmatch;
  ALTER TABLE hen ADD COLUMN added text; DROP SCHEMA "Odd ""Schema"" é" CASCADE; DROP PUBLICATION listed; CREATE PUBLICATION extra;
  SELECT lo_unlink(777001); SELECT lo_from_bytea(777003, 'new'); REVOKE ALL ON people FROM ${READER}; DROP POLICY mine ON people;
  ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${READER}; ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC;
  ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
  COMMENT ON SCHEMA public IS 'spoilt'; GRANT CREATE ON SCHEMA public TO ${READER}; ALTER TYPE mood ADD VALUE 'new mood'; TRUNCATE hen, egg;
  ${
    superuser
      ? `CREATE CAST (text AS tsquery) WITH INOUT AS ASSIGNMENT; DROP EVENT TRIGGER watching; CREATE FUNCTION brand_new.f() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN NULL; END $f$;
         CREATE EVENT TRIGGER fresh ON sql_drop EXECUTE FUNCTION brand_new.f(); DROP SERVER other CASCADE; DROP CAST (text AS jsonpath);
         CREATE FOREIGN DATA WRAPPER new_wrapper; CREATE SERVER new_server FOREIGN DATA WRAPPER new_wrapper; ALTER SCHEMA tools OWNER TO postgres;`
      : ''
  }`;

/** One connection for one piece of work. */
export async function sql<R extends pg.QueryResultRow = Record<string, unknown>>(
  url: string,
  text: string,
): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result: unknown = await client.query(text);
    const last = Array.isArray(result) ? result.at(-1) : result;
    return (last as pg.QueryResult<R>).rows;
  } finally {
    await client.end();
  }
}

export async function makeRoles(url: string): Promise<void> {
  for (const role of ROLES)
    await sql(url, `CREATE ROLE "${role.replaceAll('"', '""')}"`).catch((thrown: unknown) => {
      if ((thrown as { code?: string }).code !== '42710' && (thrown as { code?: string }).code !== '23505')
        throw thrown;
    });
}

/** The programs for the server; undefined where there are none. */
export async function toolsOf(url: string): Promise<PgTools | undefined> {
  const [row] = await sql<{ n: string }>(url, `SELECT current_setting('server_version_num') AS n`);
  return (await findTools(Number(row?.n))).unwrapOr(undefined as never);
}

/** An archive in the fashion of a file backup. */
export async function archiveOf(tools: PgTools, url: string): Promise<string> {
  const directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-archive-'));
  removeAtEnd(directory);
  const file = path.join(directory, 'database.dump');
  await run(tools.pgDump, ['-Fc', '-Z1', '-N', 'migrate_safe_backup', '-f', file, url]);
  return file;
}

/** All that pg_dump says of the application's part of a database. */
export async function textOf(tools: PgTools, url: string): Promise<string> {
  const { stdout } = await run(tools.pgDump, ['-N', 'migrate_safe', '-N', 'migrate_safe_backup', url], {
    maxBuffer: 1e9,
  });
  return stdout.replaceAll(/^(?:-- Dumped .*|\\(?:un)?restrict .*)\n/gm, '');
}
