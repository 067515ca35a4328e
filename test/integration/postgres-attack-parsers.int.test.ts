// A host that has set parsers of its own for the driver's types, for the whole process: the engine reads by its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, MigrationStep } from 'migrate-safe';
import pg from 'pg';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { failure, value } from '../support/project.js';

/** bool, bytea, int8, int2, int4, text, oid, json, float8, timestamps, numeric, jsonb, and arrays. */
const OIDS = [16, 17, 20, 21, 23, 25, 26, 114, 701, 1114, 1184, 1700, 3802, 1000, 1005, 1007, 1009, 1016, 1028];

describe('type parsers of the host for PostgreSQL', () => {
  let db: TestDatabase;
  let directory: string;
  let before: ReadonlyMap<number, (text: string) => unknown>;
  beforeEach(async function () {
    db = await freshDatabase(this);
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-parsers-'));
    before = new Map(OIDS.map((oid) => [oid, pg.types.getTypeParser(oid, 'text')]));
    for (const oid of OIDS) pg.types.setTypeParser(oid, (text: string) => ({ host: text }));
  });
  afterEach(async () => {
    for (const [oid, parse] of before ?? []) pg.types.setTypeParser(oid, parse);
    await db?.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('change nothing of a run, a refusal, a revert and a restore, and are there in the steps', async () => {
    const seen: unknown[] = [];
    const safe = createMigrateSafe({ database: db.url, backups: directory, fileBackup: 'never' });
    const step = (version: number, up: string, down = 'SELECT 1'): MigrationStep =>
      new MigrationStep(version, `step ${version}`, {
        apply: (knex) => knex.raw(up),
        revert: (knex) => knex.raw(down),
        declares: { touches: ['t'] },
      });
    safe.addMigration(
      new MigrationStep(1, 'rows', {
        apply: async (knex) => {
          await knex.raw(
            'CREATE TABLE t (id serial PRIMARY KEY, v text, at timestamptz DEFAULT now(), CHECK (id > 0))',
          );
          await knex.raw(`CREATE INDEX by_v ON t (v) WHERE v <> 'x'; INSERT INTO t (v) VALUES ('a'), ('b')`);
          seen.push((await knex.raw('SELECT 1::bigint AS n, true AS b')).rows[0]);
        },
      }),
    );
    safe.addMigration(step(2, `ALTER TABLE t ADD w int; UPDATE t SET w = 1`, 'ALTER TABLE t DROP COLUMN w'));
    expect(value(await safe.up()).applied[1]?.effects.tables).to.deep.equal({
      t: { inserted: 0, updated: 2, deleted: 0 },
    });
    expect(seen).to.deep.equal([{ n: { host: '1' }, b: { host: 't' } }]);
    value(await safe.down());
    safe.addMigration(step(3, 'DELETE FROM t WHERE id = 1; UPDATE t SET v = NULL'));
    const { message } = failure(await safe.up());
    expect(message).to.include('would lose 1 row of t').and.to.include('would set t.v to NULL in 1 row');
    value(await safe.restore({ choice: { beforeStep: '3' }, tables: ['t'] }));
    expect(value(await safe.audit()).events).to.be.greaterThan(5);
    value(await safe.close());
  });

  it('are not asked for anything that the engine reads', async () => {
    const connection = value(await PostgresConnection.connect(pg, { connectionString: db.url }));
    const sql = `SELECT 7::bigint AS n, true AS b, '{"a":1}'::json AS j, ARRAY['a,"b\\c', NULL, 'NULL', ''] AS t, ARRAY[1, NULL] AS i, ARRAY[true] AS f, '\\x00ff'::bytea AS y, '{}'::text[] AS e`;
    expect(value(await connection.query(sql)).rows[0]).to.deep.equal({
      n: 7,
      b: true,
      j: { a: 1 },
      t: ['a,"b\\c', null, 'NULL', ''],
      i: [1, null],
      f: [true],
      y: Buffer.from([0, 255]),
      e: [],
    });
    value(await connection.close());
  });

  it('are those of the connection, in its steps, where it has some', async () => {
    const seen: unknown[] = [];
    const types = { getTypeParser: () => (text: string) => `own ${text}` };
    const connection = { connectionString: db.url, types } as object;
    const safe = createMigrateSafe({ database: { client: 'pg', connection }, backups: directory, fileBackup: 'never' });
    safe.addMigration(
      new MigrationStep(1, 'it', {
        apply: async (knex) => void seen.push((await knex.raw('SELECT 1::bigint AS n')).rows[0]),
      }),
    );
    value(await safe.up());
    value(await safe.close());
    expect(seen).to.deep.equal([{ n: 'own 1' }]);
  });
});
