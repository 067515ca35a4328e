// Schemas and statements with a catch: temporary objects, virtual tables, counters, rowids, encodings. What is easily lost is kept or reported.
import { expect } from 'chai';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

const T = `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');`;

for (const driver of DRIVERS) {
  describe(`a schema with a catch (${driver})`, () => {
    let p: Project;
    beforeEach(() => (p = project(driver)));
    afterEach(() => p.remove());

    for (const [what, first] of Object.entries({
      'TEMP table of a table’s name': 'CREATE TEMP TABLE t AS SELECT * FROM main.t',
      'TEMP view of a table’s name': 'CREATE TEMPORARY VIEW t AS SELECT 1 AS id',
      'TEMP table in the temp schema': 'CREATE TABLE temp.t AS SELECT * FROM main.t',
      'TEMP trigger': 'CREATE TEMP TRIGGER tt AFTER INSERT ON main.t BEGIN DELETE FROM t WHERE id = 1; END',
    })) {
      it(`does not let a ${what} reach the next step of the run`, async () => {
        p.write({ '0001_t.sql': T, '0002_temp.sql': first, '0003_insert.sql': `INSERT INTO t VALUES (3, 'c')` });
        const { applied } = value(await p.manager().up());
        expect(applied[2]?.effects.tables).to.deep.equal({ t: { inserted: 1, updated: 0, deleted: 0 } });
        expect(p.rows('SELECT id FROM t')).to.deep.equal([{ id: 1 }, { id: 2 }, { id: 3 }]);
      });
    }

    it('puts single tables back with the rowids that other tables point at', async () => {
      p.write({
        '0001_t.sql': `CREATE TABLE r (v TEXT); INSERT INTO r (rowid, v) VALUES (10, 'a'), (20, 'b'); CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f (rowid, body) VALUES (7, 'seven'), (9, 'nine');`,
        '0002_n.sql': 'CREATE TABLE n (x)',
      });
      value(await p.manager().up());
      p.sql('DELETE FROM r WHERE rowid = 10; DELETE FROM f WHERE rowid = 7');
      value(await p.manager().restore({ choice: { latest: true }, tables: ['r', 'f'] }));
      expect(p.rows('SELECT rowid AS id, v FROM r')).to.deep.equal([
        { id: 10, v: 'a' },
        { id: 20, v: 'b' },
      ]);
      expect(p.rows(`SELECT rowid AS id FROM f WHERE f MATCH 'seven'`)).to.deep.equal([{ id: 7 }]);
    });

    it('gives no AUTOINCREMENT number out twice after a rebuild or a restore', async () => {
      p.write({
        '0001_s.sql': `CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO s (v) VALUES ('a'), ('b'), ('c'); DELETE FROM s WHERE id = 3;`,
        '0002_rebuild.sql':
          'CREATE TABLE s2 (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO s2 SELECT * FROM s; DROP TABLE s; ALTER TABLE s2 RENAME TO s;',
      });
      value(await p.manager().up());
      expect(p.rows('SELECT seq FROM sqlite_sequence')).to.deep.equal([{ seq: 3 }]);
      p.sql('DROP TABLE s');
      value(await p.manager().restore({ choice: { latest: true }, tables: ['s'] }));
      expect(p.rows('SELECT seq FROM sqlite_sequence')).to.deep.equal([{ seq: 3 }]);
    });

    const FTS = `${T} CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('one'), ('two'); CREATE VIRTUAL TABLE x USING fts5(v, content='t', content_rowid='id'); INSERT INTO x (x) VALUES ('rebuild');
      CREATE VIRTUAL TABLE c USING fts5(v, content=''); INSERT INTO c (rowid, v) SELECT id, v FROM t; CREATE VIRTUAL TABLE rt USING rtree(id, x0, x1); INSERT INTO rt VALUES (1, 0, 1), (2, 5, 6);`;
    for (const sql of [
      'DELETE FROM f WHERE rowid = 1',
      'DELETE FROM f',
      'DELETE FROM f_content WHERE id = 1',
      `INSERT INTO c (c) VALUES ('delete-all')`,
      'DELETE FROM rt WHERE id = 1',
      'DROP TABLE f',
      'DROP TABLE c',
      'DROP TABLE rt',
      'DELETE FROM t WHERE id = 1',
      'INSERT OR REPLACE INTO t VALUES (1, NULL)',
    ]) {
      it(`guards virtual tables: ${sql}`, async () => {
        p.write({ '0001_fts.sql': FTS });
        value(await p.manager().up());
        const before = p.dump();
        p.write({ '0002_loss.sql': sql });
        const error = failure(await p.manager().up());
        expect(error.state).to.equal('rolled-back');
        // better-sqlite3 protects shadow tables by itself.
        expect(error.kind).to.equal(
          driver === 'better-sqlite3' && sql.includes('f_content') ? 'step-failed' : 'guard-refused',
        );
        expect(p.dump()).to.equal(before);
      });
    }

    it('refuses to put back an index that holds no content, and says what to do', async () => {
      p.write({ '0001_fts.sql': FTS, '0002_n.sql': 'CREATE TABLE n (x)' });
      value(await p.manager().up());
      for (const table of ['x', 'c']) {
        const error = failure(await p.manager().restore({ choice: { latest: true }, tables: [table] }));
        expect(error).to.include({ kind: 'restore-failed', state: 'unchanged' });
        expect(error.message).to.contain('restore the table behind it');
      }
    });

    for (const setting of [
      'auto_vacuum = FULL',
      `encoding = 'UTF-16le'`,
      `encoding = 'UTF-16be'`,
      'page_size = 512',
      'page_size = 65536',
    ]) {
      it(`keeps a database of PRAGMA ${setting} as it is through steps and restores`, async () => {
        p.sql(
          `PRAGMA ${setting}; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, junk TEXT); INSERT INTO t VALUES (1, 'é日', NULL), (2, 'b' || char(0) || 'c', NULL); PRAGMA user_version = 3; PRAGMA application_id = 4;`,
        );
        const name = setting.split(' ')[0] ?? '';
        const settings = (): unknown => [name, 'user_version', 'application_id'].map((one) => p.rows(`PRAGMA ${one}`));
        const [before, then] = [p.dump(), settings()];
        value(await p.manager().stamp('base'));
        p.write({
          '0001_more.sql': `INSERT INTO t VALUES (3, 'c', NULL); ALTER TABLE t DROP COLUMN junk; DELETE FROM t WHERE id = 3; PRAGMA user_version = 9;`,
        });
        expect(value(await p.manager().up()).applied[0]?.effects.tables).to.deep.equal({});
        value(await p.manager().restore({ choice: { latest: true } }));
        expect(p.dump()).to.equal(before);
        expect(settings()).to.deep.equal(then);
      });
    }
  });
}
