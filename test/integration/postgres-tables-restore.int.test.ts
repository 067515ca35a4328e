// Single tables put back from their copies: exact, with every key, trigger, rule and counter as it was, or not at all.
import { expect } from 'chai';
import pg from 'pg';
import type { RowsAtStake } from '#src/core/ports/backup-source.js';
import {
  DAMAGES,
  FAMILY,
  FAMILY_TABLES,
  refuseToKeep,
  restore,
  SURROUNDINGS,
  tablesFixture,
  type TablesFixture,
} from '../support/postgres-tables.js';
import { value } from '../support/project.js';

describe('restoring single tables on PostgreSQL', () => {
  let f: TablesFixture;
  beforeEach(async function () {
    f = await tablesFixture(this);
  });
  afterEach(() => f?.close());

  const contents = async (tables: readonly string[]): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const table of tables) found[table] = await f.rows(table);
    return found;
  };
  const kept = async (tables: readonly string[]): Promise<string> => {
    const { id } = await f.keep(tables);
    value(await f.work.run('ROLLBACK'));
    return id;
  };
  const at = async (id: string, tables: readonly string[]): Promise<readonly RowsAtStake[]> =>
    value(await f.tables.atStake(id, tables));

  // Little damage is put right where it is, much is written anew; what comes of it is the same.
  for (const [damage, statements] of DAMAGES) {
    it(`puts back a table that others refer to, after damage to ${damage}, and no row besides`, async () => {
      await f.sql(FAMILY);
      const id = await kept(['person']);
      const [before, around] = [await contents(FAMILY_TABLES), await f.sql(SURROUNDINGS)];
      await f.sql(
        `ALTER TABLE person DISABLE TRIGGER USER; ${statements}; ALTER TABLE person ENABLE TRIGGER ordinary; ALTER TABLE person ENABLE TRIGGER later; ALTER TABLE person ENABLE ALWAYS TRIGGER constant`,
      );
      expect((await contents(['person']))['person']).not.to.equal(before['person']);
      expect(value(await restore(f, id, ['person']))).to.deep.equal({ rows: 100, kept: 'kept' });
      expect(await contents(FAMILY_TABLES)).to.deep.equal(before);
      expect(await f.sql(SURROUNDINGS)).to.deep.equal(around);
      expect(f.recorded).to.have.length(1);
      expect(await at(id, ['person'])).to.deep.equal([]);
    });
  }

  it('puts back tables that refer to each other, emptied with all their cascades', async () => {
    await f.sql(FAMILY);
    await f.sql(
      'ALTER TABLE person ADD COLUMN favourite int REFERENCES desk DEFERRABLE; UPDATE person SET favourite = 2 * (id / 2) WHERE id > 1; DELETE FROM heard',
    );
    const id = await kept(['person', 'badge', 'desk']);
    const before = await contents(FAMILY_TABLES);
    await f.sql('TRUNCATE person CASCADE');
    expect(await at(id, ['badge', 'person'])).to.deep.equal([
      { table: 'badge', written: 0, deleted: 100 },
      { table: 'person', written: 0, deleted: 100 },
    ]);
    expect(value(await restore(f, id, ['desk', 'person', 'badge'])).rows).to.equal(250);
    expect(await contents(FAMILY_TABLES)).to.deep.equal(before);
  });

  it('counts on from where the copy was', async () => {
    await f.sql(FAMILY);
    const id = await kept(['person', 'badge']);
    await f.sql(
      `SELECT setval('person_id_seq', 5000), setval('badge_id_seq', 1, false); DELETE FROM badge WHERE id > 90`,
    );
    value(await restore(f, id, ['person', 'badge']));
    expect(
      await f.sql(
        `SELECT last_value, is_called FROM person_id_seq UNION ALL SELECT last_value, is_called FROM badge_id_seq`,
      ),
    ).to.deep.equal([
      { last_value: '100', is_called: true },
      { last_value: '100', is_called: true },
    ]);
  });

  it('says who would be without a parent, and leaves everything as it was', async () => {
    await f.sql(FAMILY);
    const id = await kept(['person', 'badge']);
    await f.sql(
      `INSERT INTO person (name) VALUES ('new'); INSERT INTO badge (person) SELECT id FROM person WHERE name = 'new'; INSERT INTO desk SELECT 999, id FROM person WHERE name = 'new'; SELECT setval('person_id_seq', 700)`,
    );
    const before = await contents(FAMILY_TABLES);
    const refused = await restore(f, id, ['person']);
    expect(refused.isErr() && refused.error).to.deep.equal({ kind: 'foreign-keys-broken', table: 'badge', rows: 1 });
    const still = await restore(f, id, ['person', 'badge']);
    expect(still.isErr() && still.error).to.deep.equal({ kind: 'foreign-keys-broken', table: 'desk', rows: 1 });
    expect(await contents(FAMILY_TABLES)).to.deep.equal(before);
    expect(await f.sql('SELECT last_value FROM person_id_seq')).to.deep.equal([{ last_value: '700' }]);
    expect(f.recorded).to.deep.equal([]);
  });

  it('lets the server find who would be without a parent where the parent is partitioned', async () => {
    await f.sql(`CREATE TABLE part (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
      CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100); CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (100) TO (200);
      CREATE TABLE child (id int REFERENCES part ON DELETE CASCADE);
      INSERT INTO part SELECT n, 'v' || n FROM generate_series(0, 199) AS n; INSERT INTO child VALUES (1), (150)`);
    const id = await kept(['part']);
    const before = await contents(['part', 'child']);
    await f.sql(`UPDATE part SET v = 'x'`);
    value(await restore(f, id, ['part_1']));
    expect(await f.sql(`SELECT count(*)::int AS n FROM part WHERE v = 'x'`)).to.deep.equal([{ n: 100 }]);
    value(await restore(f, id, ['part']));
    expect(await contents(['part', 'child'])).to.deep.equal(before);
    await f.sql('DELETE FROM child; DELETE FROM part WHERE id = 0');
    const without = await kept(['part']);
    await f.sql(`INSERT INTO part VALUES (0, 'new'); INSERT INTO child VALUES (0)`);
    const refused = await restore(f, without, ['part']);
    expect(refused.isErr() && refused.error).to.deep.equal({ kind: 'foreign-keys-broken', table: 'child', rows: 1 });
    expect(await f.rows('child')).to.equal('(0)');
  });

  it('is not led astray by rules, by rows without a key, or by equal rows', async () => {
    await f.sql(`CREATE TABLE plain (a numeric, b text); INSERT INTO plain VALUES (1.0, 'x'), (1.0, 'x'), (1.00, 'x'), (NULL, ''), (NULL, NULL);
      CREATE TABLE log (a numeric); CREATE RULE r AS ON INSERT TO plain DO ALSO INSERT INTO log VALUES (NEW.a);
      CREATE RULE n AS ON DELETE TO plain DO INSTEAD NOTHING`);
    const id = await kept(['plain']);
    const [before, around] = [await contents(['plain', 'log']), await f.sql(SURROUNDINGS)];
    await f.sql(`UPDATE plain SET a = 1.0 WHERE b = 'x'; UPDATE plain SET b = '' WHERE b IS NULL`);
    expect(await at(id, ['plain'])).to.deep.equal([{ table: 'plain', written: 2, deleted: 2 }]);
    value(await restore(f, id, ['plain']));
    expect(await contents(['plain', 'log'])).to.deep.equal(before);
    expect(await f.sql(SURROUNDINGS)).to.deep.equal(around);
  });

  it('puts swapped values of a unique column back', async () => {
    await f.sql(
      `CREATE TABLE seat (id int PRIMARY KEY, code text UNIQUE); INSERT INTO seat SELECT n, 'c' || n FROM generate_series(1, 100) AS n`,
    );
    const id = await kept(['seat']);
    const before = await f.rows('seat');
    await f.sql(
      `UPDATE seat SET code = 'tmp' WHERE id = 1; UPDATE seat SET code = 'c1' WHERE id = 2; UPDATE seat SET code = 'c2' WHERE id = 1`,
    );
    value(await restore(f, id, ['seat']));
    expect(await f.rows('seat')).to.equal(before);
  });

  it('refuses a table whose columns or key are others now, one that is gone, and one that it does not have', async () => {
    await f.sql(
      'CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text); CREATE TABLE c (id int PRIMARY KEY); CREATE TABLE d (id int); CREATE TABLE k (id int PRIMARY KEY, v int)',
    );
    const id = await kept(['a', 'b', 'c', 'k']);
    await f.sql(
      'ALTER TABLE a DROP COLUMN v; ALTER TABLE b ALTER COLUMN v TYPE varchar(9); DROP TABLE c; ALTER TABLE k DROP CONSTRAINT k_pkey, ADD PRIMARY KEY (v)',
    );
    const detail = async (table: string): Promise<unknown> => {
      const refused = await restore(f, id, [table]);
      return refused.isErr() ? refused.error : 'restored';
    };
    expect(await detail('a')).to.deep.equal({
      kind: 'table-differs',
      table: 'a',
      detail: 'the backup has ("id" integer, "v" text), the database ("id" integer)',
    });
    expect(await detail('b')).to.include({ kind: 'table-differs', table: 'b' });
    expect(await detail('c')).to.deep.equal({ kind: 'table-differs', table: 'c', detail: 'the table is not there' });
    expect(await detail('d')).to.deep.equal({ kind: 'table-not-in-backup', table: 'd' });
    expect(await detail('k')).to.include({ kind: 'table-differs' });
  });

  it('changes nothing where the present state cannot be kept, or the journal cannot be written', async () => {
    await f.sql('CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)');
    const id = await kept(['a']);
    await f.sql('INSERT INTO a VALUES (2)');
    const refused = await f.tables.restoreTables(id, ['a'], refuseToKeep, () => ({ events: [], steps: [] }));
    expect(refused.isErr() && refused.error).to.deep.equal({ kind: 'not-kept', error: 'no room' });
    expect(await f.rows('a')).to.equal('(1)\n(2)');
  });

  it('restores a copy that lost rows on no account', async () => {
    await f.sql('CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2)');
    const backup = await f.keep(['a']);
    value(await f.work.run('ROLLBACK'));
    await f.sql(
      `DELETE FROM ${backup.tables[0]?.copy} WHERE id = 1; INSERT INTO a SELECT n FROM generate_series(3, 100) AS n`,
    );
    const refused = await restore(f, backup.id, ['a']);
    expect(refused.isErr() && refused.error.kind).to.equal('corrupt');
    expect((await f.rows('a')).split('\n')).to.have.length(100);
  });

  it('waits for nobody longer than its lock timeout, and lets readers read while it compares', async () => {
    await f.sql('CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)');
    const id = await kept(['a']);
    const other = new pg.Client({ connectionString: f.db.url });
    await other.connect();
    await other.query('BEGIN; INSERT INTO a VALUES (2)');
    const refused = await restore(f, id, ['a']);
    expect(refused.isErr() && refused.error.kind).to.equal('busy');
    await other.query('ROLLBACK');
    await other.end();
    value(await restore(f, id, ['a']));
  });
});
