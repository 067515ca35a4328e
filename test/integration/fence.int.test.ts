// The journal's fence: who appends says where the journal ends, and a commit that fails leaves no trace of what it would have recorded.
import { expect } from 'chai';
import { failure, project, value, DRIVERS, type Project } from '../support/project.js';
import { recorded, run, started } from '../support/journal-facts.js';
import { EMPTY_HEAD } from '#src/core/journal/chain.js';
import { SqliteDatabase } from '#src/dao/dialects/sqlite/sqlite-database.js';

for (const driver of DRIVERS) {
  describe(`the fence of the journal (${driver})`, () => {
    let p: Project;
    beforeEach(() => {
      p = project(driver);
    });
    afterEach(() => p.remove());

    it('lets nobody append who does not know its end', async () => {
      const database = new SqliteDatabase({ file: p.file, driver, driverChosen: true, host: {}, busyWaitMs: 100 });
      const open = value(await database.open('create'));
      value(await open.prepareJournal());
      const [first, second, third] = recorded(
        run('r', started('up')),
        run('s', started('up')),
        run('t', started('up')),
      );
      if (!first || !second || !third) throw new Error('three were recorded');
      value(await open.append(EMPTY_HEAD, [first]));
      const end = { position: 1, hash: first.hash };
      for (const [expected, event] of [
        [EMPTY_HEAD, first],
        [EMPTY_HEAD, second],
        // The position is right, and what is there is not what the writer read.
        [{ position: 1, hash: second.hash }, second],
        [{ position: 2, hash: second.hash }, third],
      ] as const)
        expect((await open.append(expected, [event]))._unsafeUnwrapErr()).to.deep.equal({
          kind: 'stale-journal',
          expected: expected.position,
          actual: 1,
        });
      // Whoever knows the end and leaves a gap is refused by the tables themselves.
      expect((await open.append(end, [third]))._unsafeUnwrapErr())
        .to.have.property('message')
        .that.contains('journal');
      expect(value(await open.readJournal())).to.have.length(1);
      value(await open.append(end, [second]));
      expect(value(await open.readJournal())).to.deep.equal(JSON.parse(JSON.stringify([first, second])));
      value(await open.close());
    });

    for (const direction of ['up', 'down'] as const)
      it(`records a step whose commit failed as one that did not happen (${direction})`, async () => {
        const orphan = 'DELETE FROM parent WHERE id = 2;';
        p.write({
          '0001_t.sql': `CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
            CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED); INSERT INTO child VALUES (1, 2);`,
        });
        const managed = () => p.manager({ guard: 'off' });
        value(await managed().up());
        const [upSql, downSql] = direction === 'up' ? [orphan, 'SELECT 1;'] : ['SELECT 1;', orphan];
        p.write({
          '0002_x.up.sql': `-- migrate-safe: foreign-keys on\n${upSql}`,
          '0002_x.down.sql': downSql,
          '0003_y.sql': 'CREATE TABLE y (x)',
        });
        if (direction === 'down') value(await managed().up({ to: '2' }));
        const before = p.dump();
        const error = direction === 'up' ? failure(await managed().up()) : failure(await managed().down());
        expect(error).to.include({ state: 'rolled-back', exitCode: 1 });
        expect(error.message).to.contain('FOREIGN KEY');
        expect(p.dump()).to.equal(before);
        expect(value(await managed().status()).current).to.equal(direction === 'up' ? '0001' : '0002');
        value(await managed().audit());
        expect(value(await managed().history()).map(({ type }) => type)).to.include('StepRolledBack');
      });
  });
}
