// Foreign keys of tables that have another name than before the step, or were not there at all.
import { expect } from 'chai';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

for (const driver of DRIVERS) {
  describe(`foreign keys of tables that are new or renamed (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({
        '0001_t.sql': `CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT); INSERT INTO parent VALUES (1, 'x');
          CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent (id)); INSERT INTO child VALUES (1, 1);`,
      });
      value(await p.manager().up());
      // As an application leaves it that does not turn foreign keys on.
      p.sql('INSERT INTO child VALUES (2, 77)');
    });
    afterEach(() => p.remove());

    const NEW = {
      'rows without a parent':
        'CREATE TABLE fresh (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent (id)); INSERT INTO fresh VALUES (1, 99);',
      'a key that its parent has not':
        'CREATE TABLE fresh (id INTEGER PRIMARY KEY, c TEXT REFERENCES parent (code)); INSERT INTO fresh VALUES (1, NULL);',
    };
    for (const [what, sql] of Object.entries(NEW)) {
      it(`refuses a new table with ${what}, and says why`, async () => {
        const before = p.dump();
        p.write({ '0002_fresh.sql': sql });
        const error = failure(await p.manager().up());
        expect(error).to.include({ kind: 'guard-refused', state: 'rolled-back' });
        expect(error.message).to.contain('of fresh pointing at rows of');
        expect(p.dump()).to.equal(before);
      });

      it(`lets a new table with ${what} be where the guard looks away`, async () => {
        p.write({ '0002_fresh.sql': sql });
        value(await p.manager({ guard: 'off' }).up());
        expect(p.rows('SELECT id FROM fresh')).to.deep.equal([{ id: 1 }]);
      });
    }

    for (const table of ['child', 'parent'])
      it(`counts what was broken before a rename of the ${table} for that`, async () => {
        p.write({ '0002_rename.sql': `ALTER TABLE ${table} RENAME TO renamed;` });
        value(await p.manager().up());
        expect(p.rows('SELECT count(*) AS n FROM renamed')).to.deep.equal([{ n: table === 'child' ? 2 : 1 }]);
      });
  });
}
