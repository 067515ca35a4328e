// kill -9 while steps share a commit: each of them is whole and recorded, or has not happened; one plain start does the rest.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import type { CrashOrder } from '../support/crash-child.js';
import { startScript, until } from '../support/processes.js';
import { DRIVERS, project, value, type Driver, type Project } from '../support/project.js';

const KILLS = Number(process.env['KILLS'] ?? 20);
const STEPS = 40;

/** Each step says in `ran` that it ran: a second time would collide. Every seventh changes rows, and stands by itself. */
function stepsOf(table: number): string {
  const version = table + 1;
  const ran = `INSERT INTO ran (version) VALUES (${version});`;
  if (version === 1) return `CREATE TABLE ran (version INTEGER PRIMARY KEY);\n${ran}`;
  if (version % 7 === 0) return `UPDATE outside SET v = v || '' WHERE id < 5;\n${ran}`;
  return `CREATE TABLE t${version} (id INTEGER PRIMARY KEY, v TEXT);
INSERT INTO t${version} (v) VALUES ('of ${version}');
ALTER TABLE t${version} ADD COLUMN w TEXT DEFAULT 'w';
CREATE INDEX t${version}_v ON t${version}(v);
${ran}`;
}

const count = (p: Project, query: string): number => (p.rows(query)[0] as { n: number }).n;
const versions = (rows: readonly unknown[]): number[] =>
  rows.map((row) => Number((row as { version: unknown }).version));

describe('kill -9 while steps share a commit', () => {
  function fresh(driver: Driver, mode: string): { p: Project; order: (killAt: number) => string } {
    const p = project(driver);
    p.sql(`PRAGMA journal_mode = ${mode}; CREATE TABLE outside (id INTEGER PRIMARY KEY, v TEXT NOT NULL);`);
    p.write(
      Object.fromEntries(
        Array.from({ length: STEPS }, (_, at) => [`${String(at + 1).padStart(4, '0')}_step.sql`, stepsOf(at)]),
      ),
    );
    const order = (killAt: number): string =>
      JSON.stringify({
        file: p.file,
        backups: p.backups,
        driver,
        killAt,
        lingerMs: 0,
        steps: p.steps,
      } satisfies CrashOrder);
    return { p, order };
  }

  /** What is recorded is there, and what is there is recorded; the mirror is never ahead. */
  function isWhole(p: Project): void {
    expect(p.rows('PRAGMA integrity_check')).to.deep.equal([{ integrity_check: 'ok' }]);
    const recorded = versions(
      p.rows(
        `SELECT data ->> 'version' AS version FROM migrate_safe_events WHERE type = 'StepApplied' ORDER BY position`,
      ),
    );
    const there = count(p, `SELECT count(*) AS n FROM sqlite_schema WHERE name = 'ran'`) === 1;
    expect(there ? versions(p.rows('SELECT version FROM ran ORDER BY version')) : []).to.deep.equal(recorded);
    for (const version of recorded.filter((one) => one > 1 && one % 7 !== 0)) {
      expect(p.rows(`SELECT v, w FROM t${version}`)).to.deep.equal([{ v: `of ${version}`, w: 'w' }]);
    }
    const [id] = p.rows(`SELECT value FROM migrate_safe_meta WHERE key = 'database_id'`) as { value: string }[];
    if (id === undefined) return;
    const mirrored = readFileSync(path.join(p.backups, id.value, 'journal.ndjson'), 'utf8').split('\n').length - 1;
    expect(mirrored).to.be.at.most(count(p, 'SELECT count(*) AS n FROM migrate_safe_events'));
  }

  for (const driver of DRIVERS) {
    it(`leaves none of them half-done: ${KILLS / 2} kills (${driver})`, async function () {
      this.timeout(60_000 + KILLS * 10_000);
      const counted = fresh(driver, 'delete');
      value(await counted.p.manager({ steps: [] }).stamp('base'));
      const first = await startScript('crash-child.js', [counted.order(0)]).ended;
      const { calls } = JSON.parse(first.out) as { calls: number };
      counted.p.remove();
      expect(calls).to.be.greaterThan(200);
      const kills = Math.ceil(KILLS / 2);
      for (let i = 0; i < kills; i++) {
        const { p, order } = fresh(driver, i % 2 === 0 ? 'delete' : 'wal');
        value(await p.manager({ steps: [] }).stamp('base'));
        const writer = startScript('outside-writer.js', [p.file]);
        try {
          await until(() => writer.out().includes('\n'));
          const at = 1 + Math.floor(((i + Math.random()) * calls) / kills);
          const killed = await startScript('crash-child.js', [order(at)]).ended;
          if (killed.signal !== 'SIGKILL') expect(killed.code, killed.out + killed.err).to.equal(0);
          isWhole(p);
          const again = await startScript('crash-child.js', [order(0)]).ended;
          expect(again.code, again.out + again.err).to.equal(0);
        } finally {
          writer.child.kill('SIGTERM');
        }
        const { out, err } = await writer.ended;
        expect(err).to.equal('');
        isWhole(p);
        expect(count(p, 'SELECT count(*) AS n FROM ran')).to.equal(STEPS);
        const outside = new Set(p.rows('SELECT v FROM outside').map((row) => (row as { v: string }).v));
        const lost = out.split('\n').filter((line) => line !== '' && !outside.has(line));
        expect(lost, 'acknowledged rows that are missing').to.deep.equal([]);
        value(await p.manager().audit());
        p.remove();
      }
    });
  }
});
