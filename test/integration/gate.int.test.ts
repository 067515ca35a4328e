// What a step's statement must not get past: SQLite's own end of the text, and a parent that no child can point at any more.
import { expect } from 'chai';
import { MigrationStep, type StepDefinition } from 'migrate-safe';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

for (const driver of DRIVERS) {
  describe(`the gate of a step (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({
        '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');
          CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT); CREATE UNIQUE INDEX parent_code ON parent (code);
          CREATE TABLE child (id INTEGER PRIMARY KEY, code TEXT REFERENCES parent (code));
          INSERT INTO parent VALUES (1, 'x'); INSERT INTO child VALUES (1, 'x');`,
      });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());

    for (const [how, bindings] of [
      ['alone', []],
      ['with values', ['gone']],
    ] as const)
      it(`lets no statement through that ends for SQLite before its WHERE, ${how}`, async () => {
        const before = p.dump();
        const sql = `UPDATE t SET v = ${bindings.length === 0 ? `'gone'` : '?'} \0 WHERE id = 1`;
        const step = new MigrationStep(2, 'cut short', { apply: (knex) => knex.raw(sql, [...bindings]) });
        const error = failure(await p.manager().addMigration(step).up());
        expect(error).to.include({ kind: 'step-failed', state: 'rolled-back' });
        expect(p.dump()).to.equal(before);
      });

    it('tells code whose time is up that nobody waits for it any more', async () => {
      let signal: AbortSignal | undefined;
      const apply: StepDefinition['apply'] = (knex) => {
        ({ signal } = knex);
        return new Promise(() => undefined);
      };
      const step = new MigrationStep(2, 'waits', { apply, timeoutMs: 100 });
      expect(failure(await p.manager().addMigration(step).up())).to.include({ kind: 'step-timeout' });
      expect(signal?.aborted).to.equal(true);
    });

    // The other driver runs a statement while everything else waits: nobody can stop one.
    if (driver === 'sqlite3')
      it('stops a statement whose time is up', async () => {
        const long =
          'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000000) SELECT count(*) FROM n';
        const step = new MigrationStep(2, 'counts', { apply: (knex) => knex.raw(long), timeoutMs: 200 });
        const started = performance.now();
        expect(failure(await p.manager().addMigration(step).up())).to.include({ kind: 'step-timeout' });
        expect(performance.now() - started).to.be.below(6000);
      });

    for (const [what, trigger, loss] of [
      ['a virtual table', 'AFTER UPDATE ON t BEGIN DELETE FROM words WHERE rowid = new.id; END', 'words'],
      ['the table itself', 'AFTER INSERT ON t BEGIN DELETE FROM t WHERE id < new.id; END', 't'],
    ] as const)
      it(`sees what a trigger takes from ${what}`, async () => {
        p.sql(`CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words (rowid, body) VALUES (1, 'one'), (2, 'two');
          CREATE TRIGGER takes ${trigger};`);
        const before = p.dump();
        p.write({ '0002_x.sql': loss === 't' ? `INSERT INTO t VALUES (9, 'z')` : `UPDATE t SET v = 'z'` });
        const error = failure(await p.manager().up());
        expect(error).to.include({ kind: 'guard-refused' });
        expect(error.message).to.contain(`would lose 2 rows of ${loss}`);
        expect(p.dump()).to.equal(before);
      });

    it('lets no view go by a hand in the schema table', async () => {
      p.sql('CREATE VIEW shown AS SELECT v FROM t');
      const before = p.dump();
      p.write({ '0002_hand.sql': `PRAGMA writable_schema = ON;\nDELETE FROM sqlite_schema WHERE name = 'shown';` });
      const error = failure(await p.manager().up());
      // One of the drivers keeps the schema table out of reach itself.
      expect(error).to.include({ kind: driver === 'sqlite3' ? 'guard-refused' : 'step-failed', state: 'rolled-back' });
      expect(error.message).to.match(/would lose view shown|may not be modified/);
      expect(p.dump()).to.equal(before);
    });

    it('takes a parent without its unique key for a broken foreign key', async () => {
      const before = p.dump();
      p.write({
        '0002_drop.sql': `-- migrate-safe: may-drop index=parent_code\nDROP INDEX parent_code;\nINSERT INTO parent VALUES (5, 'q');`,
      });
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'guard-refused', state: 'rolled-back' });
      expect(error.message).to.contain('of child pointing at rows of');
      expect(p.dump()).to.equal(before);
    });

    it('refuses to take the key away that rows point at, though the step touches no row', async () => {
      p.write({ '0002_drop.sql': '-- migrate-safe: may-drop index=parent_code\nDROP INDEX parent_code;' });
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'guard-refused' });
      expect(error.message).to.contain('of child pointing at rows of');
    });

    it('does not blame a step for a parent that had none before', async () => {
      p.sql('DROP INDEX parent_code');
      p.write({ '0002_child.sql': `INSERT INTO child VALUES (2, 'y'); INSERT INTO parent VALUES (5, 'q');` });
      value(await p.manager().up());
    });
  });
}
