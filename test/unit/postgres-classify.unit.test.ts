// What PostgreSQL statements are: which of them the server refuses in a transaction, which only add, which end a transaction.
import { expect } from 'chai';
import { classifyText } from '#src/dao/dialects/postgres/sql/classify-statement.js';
import type { StatementFacts } from '#src/dao/dialects/postgres/sql/facts.js';
import { loadParser, type Parse } from '#src/dao/dialects/postgres/sql/parser.js';
import { linesOf, STATEMENTS, type Place } from '../support/postgres-statements.js';

function placeOf({ outside }: StatementFacts): Place {
  if (outside === undefined) return 'in';
  if (outside.needed === 'may') return 'any';
  if (outside.losesNothing) return outside.repeatable ? 'out' : 'out1';
  return outside.repeatable ? 'out!' : 'out!1';
}

const ADDS = `
  CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now(), x int CHECK (x > 0) REFERENCES u)
  CREATE TABLE IF NOT EXISTS s.t (LIKE u INCLUDING ALL) PARTITION BY RANGE (at)
  CREATE UNLOGGED TABLE t (x int)
  CREATE TABLE t OF composite
  CREATE INDEX i ON t (x)
  CREATE UNIQUE INDEX IF NOT EXISTS i ON t (lower(x)) WHERE x > ''
  CREATE VIEW v AS SELECT 1
  CREATE TYPE mood AS ENUM ('a', 'b')
  CREATE TYPE point3 AS (x int, y int, z int)
  CREATE TYPE r AS RANGE (subtype = int4)
  CREATE DOMAIN d AS int CHECK (VALUE > 0)
  CREATE SEQUENCE s START 10
  CREATE STATISTICS st ON a, b FROM t
  CREATE SCHEMA s
  CREATE SCHEMA s CREATE TABLE t (x int) CREATE VIEW v AS SELECT 1
  CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
  CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1; END
  ALTER TABLE t ADD COLUMN a text
  ALTER TABLE t ADD a int NULL, ADD COLUMN IF NOT EXISTS b timestamptz DEFAULT '2026-01-01'
  ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT -1
  ALTER TABLE t ADD COLUMN a numeric(10,2)[] DEFAULT '{}'
  ALTER TABLE t ADD COLUMN a jsonb NOT NULL DEFAULT '{}'::jsonb
  INSERT INTO t VALUES (1, 'a', NULL, DEFAULT, true, -1.5, ARRAY[1,2], current_timestamp)
  INSERT INTO t (a, b) VALUES (1, 2), (3, '4'::text) ON CONFLICT DO NOTHING
  INSERT INTO t DEFAULT VALUES
  INSERT INTO t (a) VALUES (DATE '2026-01-01') RETURNING id`;

const CHANGES = `
  CREATE TEMP TABLE t (x int)
  CREATE TABLE c () INHERITS (t)
  CREATE TABLE c PARTITION OF t FOR VALUES IN (1)
  CREATE TABLE t AS SELECT 1
  SELECT 1 INTO t
  CREATE OR REPLACE VIEW v AS SELECT 1
  CREATE TEMP VIEW v AS SELECT 1
  CREATE TEMP SEQUENCE s
  CREATE MATERIALIZED VIEW v AS SELECT 1
  CREATE INDEX CONCURRENTLY i ON t (x)
  CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
  CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()
  CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING
  CREATE POLICY p ON t
  CREATE EXTENSION citext
  CREATE SCHEMA s CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()
  ALTER TABLE t ADD COLUMN a text NOT NULL
  ALTER TABLE t ADD COLUMN a uuid DEFAULT gen_random_uuid()
  ALTER TABLE t ADD COLUMN a timestamptz DEFAULT now()
  ALTER TABLE t ADD COLUMN a bigserial
  ALTER TABLE t ADD COLUMN a d
  ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS IDENTITY
  ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS (1) STORED
  ALTER TABLE t ADD COLUMN a int UNIQUE
  ALTER TABLE t ADD COLUMN a int CHECK (a > 0)
  ALTER TABLE t ADD COLUMN a int REFERENCES u
  ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT NULL
  ALTER TABLE t ADD COLUMN a text DEFAULT 'x'::d
  ALTER TABLE t ADD COLUMN a int, DROP COLUMN b
  ALTER TABLE t ADD CONSTRAINT c CHECK (x > 0)
  ALTER TABLE t RENAME TO u
  ALTER TABLE t ALTER a TYPE text
  ALTER TYPE mood ADD VALUE 'x'
  ALTER SEQUENCE s RESTART
  INSERT INTO t VALUES (nextval('s'))
  INSERT INTO t VALUES ((SELECT 1))
  INSERT INTO t VALUES (1 / 0)
  INSERT INTO t VALUES ('x'::d)
  INSERT INTO t SELECT * FROM u
  INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET x = 1
  WITH x AS (DELETE FROM t RETURNING 1) INSERT INTO t VALUES (1)
  INSERT INTO pg_description VALUES (2200, 2615, 0, 'by hand')
  INSERT INTO pg_catalog.pg_description VALUES (2200, 2615, 0, 'by hand')
  CREATE TABLE pg_temp.t (id int)
  CREATE TABLE "pg_temp".t (id int)
  CREATE INDEX ON pg_temp.t (id)
  CREATE VIEW pg_temp.v AS SELECT 1
  CREATE SEQUENCE pg_temp.s
  CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'
  CREATE TYPE pg_temp.e AS ENUM ('a')
  CREATE TYPE pg_temp.c AS (x int)
  CREATE DOMAIN pg_temp.d AS int
  ALTER TABLE pg_temp.t ADD COLUMN x int
  INSERT INTO pg_temp.t VALUES (1)
  UPDATE t SET a = 1
  DELETE FROM t
  DROP TABLE t
  GRANT SELECT ON t TO x
  COMMENT ON TABLE t IS 'x'
  VACUUM
  SET work_mem = '1MB'
  SELECT 1
  DO $$ BEGIN END $$
  BEGIN`;

const CONTROL: Readonly<Record<NonNullable<StatementFacts['control']> | 'none', string>> = {
  begin: `
    BEGIN
    begin work
    BEGIN ISOLATION LEVEL SERIALIZABLE
    START TRANSACTION READ ONLY`,
  end: `
    COMMIT
    END TRANSACTION
    COMMIT AND CHAIN
    ROLLBACK
    ABORT WORK
    ROLLBACK AND NO CHAIN
    PREPARE TRANSACTION 'x'`,
  savepoint: `
    SAVEPOINT a
    RELEASE a
    RELEASE SAVEPOINT a
    ROLLBACK TO a
    ROLLBACK WORK TO SAVEPOINT a`,
  none: `
    COMMIT PREPARED 'x'
    ROLLBACK PREPARED 'x'
    PREPARE p AS SELECT 1
    SELECT 'COMMIT'
    DO $$ BEGIN COMMIT; END $$`,
};

describe('a PostgreSQL statement', () => {
  let parse: Parse | undefined;
  before(async () => {
    parse = await loadParser();
    expect(parse).to.be.a('function');
  });

  for (const { place, sql } of STATEMENTS) {
    it(`is ${place}: ${sql}`, () => {
      // What the parser does not know would be judged by words both times.
      expect(parse?.(sql)).to.have.length(1);
      expect(placeOf(classifyText(sql, parse)), 'by the parser').to.equal(place);
    });
    it(`is ${place} by its words: ${sql}`, () => {
      expect(placeOf(classifyText(sql, undefined))).to.equal(BY_WORDS.get(sql) ?? place);
    });
  }

  for (const sql of linesOf(ADDS)) {
    it(`only adds: ${sql}`, () => {
      expect(parse?.(sql)).to.have.length(1);
      expect(classifyText(sql, parse).onlyAdds).to.equal(true);
      expect(classifyText(sql, undefined).onlyAdds, 'by words, in doubt').to.equal(false);
    });
  }
  for (const sql of linesOf(CHANGES)) {
    it(`does not only add: ${sql}`, () => {
      expect(parse?.(sql)).to.have.length(1);
      expect(classifyText(sql, parse).onlyAdds).to.equal(false);
    });
  }

  for (const [sql, sets] of [
    ['UPDATE t SET a = 1', { table: 't', columns: ['a'] }],
    [
      'UPDATE ONLY "S".T AS x SET A = b IS DISTINCT FROM c, "B" = NULL FROM u WHERE true RETURNING *',
      { table: 't', columns: ['a', 'B'] },
    ],
    ['UPDATE t SET (a, b) = (SELECT 1, 2), c[1] = 3, d.x = DEFAULT', { table: 't', columns: ['a', 'b', 'c', 'd'] }],
    ['WITH w AS (DELETE FROM u RETURNING 1) UPDATE t SET a = 1', undefined],
    ['INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1', undefined],
    ['DELETE FROM t', undefined],
    [`UPDATE t SET a = 'b\\'`, undefined],
    ['ALTER TABLE s."T" ADD a int, ADD COLUMN b text', { table: 'T', columns: ['a', 'b'], makes: true }],
    ['ALTER TABLE t ADD a int, ADD COLUMN IF NOT EXISTS b text', undefined],
    ['ALTER TABLE t ADD a int, DROP b', undefined],
  ] as const) {
    it(`sets ${sets?.columns.join(', ') ?? 'what is not known'}: ${sql}`, () => {
      expect(classifyText(sql, parse).sets).to.deep.equal(sets);
      expect(classifyText(sql, undefined).sets, 'by words').to.equal(undefined);
    });
  }

  for (const [control, text] of Object.entries(CONTROL)) {
    for (const sql of linesOf(text)) {
      it(`is transaction control of kind ${control}: ${sql}`, () => {
        expect(parse?.(sql)).to.have.length(1);
        expect(classifyText(sql, parse).control ?? 'none').to.equal(control);
        expect(classifyText(sql, undefined).control ?? 'none', 'by words').to.equal(control);
      });
    }
  }

  it('is left to the server where the parser does not know it', () => {
    for (const sql of ['REPACK TABLE t', 'SELECT FROM WHERE', `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`])
      expect(classifyText(sql, parse)).to.deep.equal({ onlyAdds: false });
    expect(placeOf(classifyText('VACUUM (SOMETHING_NEW WITH WORDS) t', parse))).to.equal('out');
    expect(parse?.('SELECT 1')).to.have.length(1);
  });

  it('is judged by its words where it is so long that it is data', () => {
    const sql = `INSERT INTO t VALUES ('${'x'.repeat(300_000)}')`;
    expect(classifyText(sql, parse)).to.deep.equal({ onlyAdds: false });
  });

  it('has an action that names what it leaves when it fails', () => {
    const action = (sql: string): unknown => classifyText(sql, parse).action;
    expect(action('CREATE INDEX CONCURRENTLY IF NOT EXISTS "My I" ON s.T (x)')).to.deep.equal({
      kind: 'create-index',
      table: { schema: 's', name: 't' },
      name: 'My I',
      ifNotExists: true,
    });
    expect(action('CREATE INDEX CONCURRENTLY ON t (x)')).to.deep.equal({
      kind: 'create-index',
      table: { name: 't' },
      ifNotExists: false,
    });
    expect(action('DROP INDEX CONCURRENTLY s."I"')).to.deep.equal({
      kind: 'drop-index',
      index: { schema: 's', name: 'I' },
    });
    expect(action('REINDEX TABLE CONCURRENTLY s.t')).to.deep.equal({
      kind: 'reindex',
      scope: 'table',
      of: { schema: 's', name: 't' },
    });
    expect(action('ALTER TABLE p DETACH PARTITION s.q CONCURRENTLY')).to.deep.equal({
      kind: 'detach-partition',
      parent: { name: 'p' },
      partition: { schema: 's', name: 'q' },
    });
    expect(action('VACUUM t')).to.equal(undefined);
  });
});

/** Words tell less: in doubt a statement belongs into the transaction, where the server refuses it and nothing has happened. */
const BY_WORDS: ReadonlyMap<string, Place> = new Map([
  ['ALTER SUBSCRIPTION s SET PUBLICATION p', 'in'],
  ['ALTER SUBSCRIPTION s ADD PUBLICATION q WITH (refresh = true)', 'in'],
  ['ALTER SUBSCRIPTION s DROP PUBLICATION p', 'in'],
  ['ALTER SUBSCRIPTION s SET (failover = true)', 'in'],
  ['ALTER SUBSCRIPTION s DISABLE', 'in'],
  ['ALTER SUBSCRIPTION s SET (slot_name = NONE)', 'in'],
  [`ALTER SUBSCRIPTION s CONNECTION 'host=y'`, 'in'],
  ['ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)', 'in'],
]);
