// Statements of PostgreSQL by where the server lets them run: in a transaction, outside of one, or on either side.

/** `in`: in a transaction; `out`: outside of one; `any`: on either side. `!` loses rows, `1` cannot be repeated. */
export type Place = 'in' | 'any' | 'out' | 'out1' | 'out!' | 'out!1';

const TEXTS: Readonly<Record<Place, string>> = {
  out: `
    CREATE INDEX CONCURRENTLY i ON t (x)
    create unique index concurrently if not exists "I" on s."T" (lower(x), y desc) include (z) where x > 0
    CREATE INDEX CONCURRENTLY ON ONLY t USING gin (x jsonb_path_ops) WITH (fastupdate = off)
    CREATE /* c */ INDEX -- d
      CONCURRENTLY i ON t (x)
    DROP INDEX CONCURRENTLY i
    DROP INDEX CONCURRENTLY IF EXISTS s.i
    REINDEX INDEX CONCURRENTLY i
    REINDEX TABLE CONCURRENTLY s.t
    REINDEX (VERBOSE, CONCURRENTLY) TABLE t
    REINDEX (CONCURRENTLY on) INDEX i
    REINDEX (TABLESPACE x, CONCURRENTLY true) INDEX i
    REINDEX SCHEMA s
    REINDEX SCHEMA CONCURRENTLY s
    REINDEX DATABASE app
    REINDEX (VERBOSE) DATABASE CONCURRENTLY app
    REINDEX SYSTEM app
    VACUUM
    VACUUM t
    VACUUM FULL t
    VACUUM (ANALYZE, VERBOSE, PARALLEL 2) t (a, b), s.u
    VACUUM FREEZE ANALYZE t
    CLUSTER
    CLUSTER VERBOSE
    ALTER SYSTEM SET work_mem = '64MB'
    ALTER SYSTEM RESET ALL
    DISCARD ALL
    ALTER DATABASE app SET TABLESPACE fast
    ALTER SUBSCRIPTION s REFRESH PUBLICATION
    ALTER SUBSCRIPTION s REFRESH PUBLICATION WITH (copy_data = false)
    ALTER SUBSCRIPTION s SET PUBLICATION p
    ALTER SUBSCRIPTION s ADD PUBLICATION q WITH (refresh = true)
    ALTER SUBSCRIPTION s DROP PUBLICATION p
    ALTER SUBSCRIPTION s SET (failover = true)`,
  out1: `
    CREATE DATABASE app
    CREATE DATABASE app TEMPLATE template0 ENCODING 'UTF8'
    CREATE TABLESPACE fast LOCATION '/x'
    DROP TABLESPACE IF EXISTS fast
    CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p
    CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (copy_data = false)
    CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (create_slot)`,
  'out!': `
    ALTER TABLE p DETACH PARTITION q CONCURRENTLY
    ALTER TABLE IF EXISTS s.p DETACH PARTITION s."Q" CONCURRENTLY`,
  'out!1': `
    DROP DATABASE app
    DROP DATABASE IF EXISTS app WITH (FORCE)
    DROP SUBSCRIPTION s
    DROP SUBSCRIPTION IF EXISTS s CASCADE
    COMMIT PREPARED 'x'
    ROLLBACK PREPARED 'x'`,
  any: `
    ANALYZE
    ANALYZE VERBOSE t (a)
    ANALYSE t
    SET search_path = app, public
    SET SESSION statement_timeout = 0
    SET TIME ZONE 'UTC'
    SET ROLE app
    RESET lock_timeout
    RESET ALL
    SHOW work_mem
    CHECKPOINT
    ALTER SUBSCRIPTION s DISABLE
    ALTER SUBSCRIPTION s SET (slot_name = NONE)
    ALTER SUBSCRIPTION s CONNECTION 'host=y'
    ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)`,
  in: `
    CREATE INDEX i ON t (x)
    CREATE INDEX concurrently_made ON t (x)
    CREATE INDEX "concurrently" ON t (x)
    DROP INDEX i
    DROP INDEX "CONCURRENTLY"
    REINDEX INDEX i
    REINDEX TABLE t
    REINDEX (CONCURRENTLY false) TABLE t
    REINDEX (CONCURRENTLY off, VERBOSE) INDEX i
    CLUSTER t
    CLUSTER t USING i
    DISCARD PLANS
    DISCARD TEMP
    ALTER DATABASE app SET work_mem = '1MB'
    ALTER DATABASE app OWNER TO x
    ALTER DATABASE app RENAME TO y
    ALTER TABLE p DETACH PARTITION q
    ALTER TABLE p DETACH PARTITION q FINALIZE
    ALTER TABLE p ATTACH PARTITION q FOR VALUES IN (1)
    ALTER TABLE t SET TABLESPACE fast
    ALTER INDEX ALL IN TABLESPACE a SET TABLESPACE b
    CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false)
    CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (create_slot = off, slot_name = 'x')
    CREATE PUBLICATION p FOR ALL TABLES
    ALTER TYPE mood ADD VALUE 'x'
    REFRESH MATERIALIZED VIEW CONCURRENTLY v
    SET LOCAL lock_timeout = '1s'
    SET TRANSACTION READ ONLY
    SET CONSTRAINTS ALL IMMEDIATE
    SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
    SELECT 'VACUUM'
    DO $$ BEGIN EXECUTE 'VACUUM'; END $$
    CALL p()
    EXPLAIN ANALYZE SELECT 1
    TRUNCATE t
    CREATE ROLE vacuum_cleaner
    COMMENT ON INDEX i IS 'CREATE INDEX CONCURRENTLY'
    LOCK TABLE t
    COPY t TO STDOUT
    PREPARE TRANSACTION 'x'
    SAVEPOINT a
    CREATE TABLE vacuum (x int)
    INSERT INTO t VALUES ('DISCARD ALL')`,
};

/** One statement per line; a line that begins a block is followed by deeper ones. */
export const linesOf = (text: string): readonly string[] =>
  text
    .trim()
    .split(/\n +(?=\S)(?!CONCURRENTLY i)/)
    .map((line) => line.trim());

export const STATEMENTS: readonly { readonly place: Place; readonly sql: string }[] = Object.entries(TEXTS).flatMap(
  ([place, text]) => linesOf(text).map((sql) => ({ place: place as Place, sql })),
);
