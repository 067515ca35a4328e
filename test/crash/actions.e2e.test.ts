// kill -9 during a restore, a revert and a step without a transaction: the data is old or new and never a mix, the chain holds, and the next run goes on.
import { expect } from 'chai';
import BetterSqlite3 from 'better-sqlite3';
import { createMigrateSafe, type SafeMigrationManager } from 'migrate-safe';
import { actionSteps, type ActionOrder } from '../support/crash-actions-child.js';
import { startScript, until } from '../support/processes.js';
import { DRIVERS, project, value, type Driver, type Project } from '../support/project.js';

const START = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL, pad TEXT);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO items SELECT i, i, hex(randomblob(100)) FROM n;`;
const KILLS = Math.max(2, Math.floor(Number(process.env['KILLS'] ?? 20) / 8));

/** What the items say of themselves, or that they are a mix. */
function stateOf(p: Project): string {
  const rows = p.rows('SELECT id, amount FROM items ORDER BY id') as { id: number; amount: number }[];
  const more = p.rows(`SELECT 1 FROM sqlite_schema WHERE name = 'more'`).length === 1 ? '+table' : '';
  if (rows.length !== 500) return `a mix: ${rows.length} rows`;
  const is = (expected: (id: number) => number): boolean => rows.every(({ id, amount }) => amount === expected(id));
  if (is((id) => id)) return `start${more}`;
  if (is((id) => id * 2)) return `one${more}`;
  return is((id) => id * 2 + 1000) ? `two${more}` : `a mix${more}`;
}

describe('kill -9 during other work than up', () => {
  const managerOf = (p: Project, driver: Driver, outside = false): SafeMigrationManager =>
    createMigrateSafe({
      database: `sqlite:${p.file}?driver=${driver}`,
      backups: p.backups,
      steps: actionSteps(outside),
    });

  async function fresh(driver: Driver, mode: string, to: string): Promise<Project> {
    const p = project(driver);
    p.sql(START);
    const db = new BetterSqlite3(p.file);
    db.pragma(`journal_mode = ${mode}`);
    db.close();
    value(await managerOf(p, driver).stamp('base'));
    value(await managerOf(p, driver, to === '1').up({ to }));
    return p;
  }
  const run = async (p: Project, driver: Driver, action: ActionOrder['action'], killAt: number) =>
    startScript('crash-actions-child.js', [
      JSON.stringify({ action, file: p.file, backups: p.backups, driver, killAt } satisfies ActionOrder),
    ]).ended;

  const allowed: Readonly<
    Record<ActionOrder['action'], readonly [to: string, after: readonly string[], done: string]>
  > = {
    restore: ['2', ['two+table', 'one'], 'one'],
    'restore-table': ['2', ['two+table', 'one+table'], 'one+table'],
    down: ['2', ['two+table', 'one'], 'one'],
    up: ['1', [], 'two+table'],
  };
  for (const driver of DRIVERS) {
    for (const action of ['restore', 'restore-table', 'down'] as const) {
      it(`${action}: old or new, never a mix (${driver}, ${KILLS} kills)`, async function () {
        this.timeout(30_000 + KILLS * 10_000);
        const [to, states, done] = allowed[action];
        const counted = await fresh(driver, 'delete', to);
        const { calls } = JSON.parse((await run(counted, driver, action, 0)).out) as { calls: number };
        expect(stateOf(counted)).to.equal(done);
        counted.remove();
        for (let i = 0; i < KILLS; i++) {
          const killAt = 1 + Math.floor(((i + Math.random()) * calls) / KILLS);
          const p = await fresh(driver, i % 2 === 0 ? 'delete' : 'wal', to);
          const ended = await run(p, driver, action, killAt);
          const at = `killed before call ${killAt} of ${calls} ${ended.out}${ended.err}`;
          const state = stateOf(p);
          expect(states, at).to.include(state);
          expect(p.rows('PRAGMA integrity_check'), at).to.deep.equal([{ integrity_check: 'ok' }]);
          // One plain run ends it: what was undone is done, and the journal is whole.
          const again = await run(p, driver, action === 'down' ? 'up' : action, 0);
          expect((JSON.parse(again.out) as { ok: boolean }).ok, `${at}\n${again.out}`).to.equal(true);
          value(await managerOf(p, driver).audit());
          expect(stateOf(p), at).to.equal(action === 'down' ? 'two+table' : done);
          p.remove();
        }
      });
    }

    it(`a step without a transaction ends done, undone, or with a command that works; never silently half (${driver}, ${KILLS * 2} kills)`, async function () {
      this.timeout(30_000 + KILLS * 20_000);
      const counted = await fresh(driver, 'delete', '1');
      const { calls } = JSON.parse((await run(counted, driver, 'up', 0)).out) as { calls: number };
      counted.remove();
      for (let i = 0; i < KILLS * 2; i++) {
        const killAt = 1 + Math.floor(((i + Math.random()) * calls) / (KILLS * 2));
        const p = await fresh(driver, i % 2 === 0 ? 'delete' : 'wal', '1');
        const ended = await run(p, driver, 'up', killAt);
        const at = `killed before call ${killAt} of ${calls} ${ended.out}${ended.err}`;
        const again = JSON.parse((await run(p, driver, 'up', 0)).out) as { ok: boolean; kind?: string; hint?: string };
        if (again.ok) {
          expect(stateOf(p), at).to.equal('two+table');
        } else {
          expect(again.kind, `${at} ${JSON.stringify(again)}`).to.equal('needs-person');
          const id = /migrate-safe restore (\S+)/.exec(again.hint ?? '')?.[1] ?? '';
          value(await managerOf(p, driver, true).restore({ choice: { id } }));
          expect(stateOf(p), at).to.equal('one');
          value(await managerOf(p, driver, true).up());
          expect(stateOf(p), at).to.equal('two+table');
        }
        value(await managerOf(p, driver, true).audit());
        p.remove();
      }
    });

    it(`the lock goes to one who waits within 2 s of the holder's end (${driver})`, async function () {
      this.timeout(30_000);
      const p = project(driver);
      p.sql(START);
      value(await managerOf(p, driver).stamp('base'));
      const holder = startScript('lock-holder.js', [JSON.stringify({ file: p.file, backups: p.backups, driver })]);
      await until(() => holder.out().includes('inside'));
      const waiting = run(p, driver, 'up', 0);
      await new Promise((resolve) => setTimeout(resolve, 700));
      const killed = Date.now();
      holder.child.kill('SIGKILL');
      const { out, err } = await waiting;
      expect((JSON.parse(out) as { ok: boolean }).ok, out + err).to.equal(true);
      const taken = value(await managerOf(p, driver).history()).find(({ type }) => type === 'RunRecovered');
      expect(Date.parse(taken?.recordedAt ?? '') - killed).to.be.lessThan(2000);
      expect(stateOf(p)).to.equal('two+table');
      p.remove();
    });
  }
});
