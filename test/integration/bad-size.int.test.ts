// A step over a million rows: what it did is counted exactly, and memory does not grow with the table.
import { expect } from 'chai';
import { startScript } from '../support/processes.js';
import { DRIVERS, project } from '../support/project.js';

const ROWS = 1_000_000;

for (const driver of DRIVERS) {
  describe(`a step over a million rows (${driver})`, () => {
    it('is compared row by row under 400 MB', async function () {
      this.timeout(120_000);
      const p = project(driver);
      p.sql(
        `CREATE TABLE big (id INTEGER PRIMARY KEY, v TEXT NOT NULL, n INTEGER); WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ${ROWS}) INSERT INTO big SELECT i, 'row ' || i, i FROM s`,
      );
      p.write({
        '0001_all.sql':
          '-- migrate-safe: may-lose-rows table=big\nUPDATE big SET n = n + 1 WHERE id % 2 = 0; DELETE FROM big WHERE id % 1000 = 1;',
      });
      const { createMigrateSafe } = await import('migrate-safe');
      (
        await createMigrateSafe({ database: `sqlite:${p.file}?driver=${driver}`, backups: p.backups }).stamp('base')
      )._unsafeUnwrap();
      const { out, err } = await startScript('memory-child.js', [
        JSON.stringify({ file: p.file, steps: p.steps, backups: p.backups, driver }),
      ]).ended;
      const told = JSON.parse(out || '{}') as { tables?: unknown; megabytes?: number };
      expect(told.tables, out + err).to.deep.equal({ big: { inserted: 0, updated: ROWS / 2, deleted: ROWS / 1000 } });
      expect(told.megabytes).to.be.lessThan(400);
      p.remove();
    });
  });
}
