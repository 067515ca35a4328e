// kill -9 at every boundary and at random instants, with a writer beside it: afterwards nothing acknowledged is missing,
// one plain start ends in the right state, and no step has run twice. KILLS says how many; 20 by default, 200 in the soak.
import { expect } from 'chai';
import BetterSqlite3 from 'better-sqlite3';
import { createMigrateSafe } from 'migrate-safe';
import type { CrashOrder } from '../support/crash-child.js';
import { CRASH_START, crashSteps, expectedAmount } from '../support/crash-steps.js';
import { startScript, until } from '../support/processes.js';
import { DRIVERS, project, value, type Driver, type Project } from '../support/project.js';

const KILLS = Number(process.env['KILLS'] ?? 20);
const modes = ['delete', 'wal'] as const;

describe('kill -9 while a run is going on', () => {
  /** A fresh database each time, begun from here. */
  async function fresh(
    driver: Driver,
    mode: string,
  ): Promise<{ p: Project; order: (killAt: number, lingerMs: number) => string }> {
    const p = project(driver);
    p.sql(CRASH_START);
    const db = new BetterSqlite3(p.file);
    db.pragma(`journal_mode = ${mode}`);
    db.close();
    value(
      await createMigrateSafe({
        database: `sqlite:${p.file}?driver=${driver}`,
        backups: p.backups,
        steps: crashSteps(0),
      }).stamp('base'),
    );
    const order = (killAt: number, lingerMs: number): string =>
      JSON.stringify({ file: p.file, backups: p.backups, driver, killAt, lingerMs } satisfies CrashOrder);
    return { p, order };
  }

  async function killedRun(
    driver: Driver,
    mode: string,
    kill: { readonly call: number } | { readonly afterMs: number },
  ): Promise<void> {
    const { p, order } = await fresh(driver, mode);
    try {
      const writer = startScript('outside-writer.js', [p.file]);
      try {
        await until(() => writer.out().includes('\n'));
        const run = startScript('crash-child.js', [order('call' in kill ? kill.call : 0, 'call' in kill ? 0 : 25)]);
        if ('afterMs' in kill) setTimeout(() => run.child.kill('SIGKILL'), kill.afterMs);
        const ended = await run.ended;
        // A call that is never reached proves nothing; a random instant may come after the end.
        if ('call' in kill) expect(ended.signal, `call ${kill.call}`).to.equal('SIGKILL');
        else if (ended.signal !== 'SIGKILL') expect(ended.code, ended.out + ended.err).to.equal(0);
        // One plain start, with the writer still writing.
        const again = await startScript('crash-child.js', [order(0, 0)]).ended;
        expect(again.code, again.out + again.err).to.equal(0);
      } finally {
        writer.child.kill('SIGTERM');
      }
      const { out, err } = await writer.ended;
      expect(err).to.equal('');
      await verify(
        p,
        out.split('\n').filter((line) => line !== ''),
      );
    } finally {
      p.remove();
    }
  }

  async function verify(p: Project, acknowledged: readonly string[]): Promise<void> {
    expect(p.rows('PRAGMA integrity_check')).to.deep.equal([{ integrity_check: 'ok' }]);
    const outside = new Set(p.rows('SELECT v FROM outside').map((row) => (row as { v: string }).v));
    expect(
      acknowledged.filter((text) => !outside.has(text)),
      'acknowledged rows that are missing',
    ).to.deep.equal([]);
    expect(acknowledged).to.have.length.greaterThan(0);
    expect(p.rows('SELECT version, times FROM ran ORDER BY version')).to.deep.equal(
      [2, 3, 4, 5, 6].map((version) => ({ version, times: 1 })),
    );
    const items = p.rows('SELECT * FROM items ORDER BY id');
    const expected = Array.from({ length: 2000 }, (_, i) => ({
      id: i + 1,
      name: `item ${i + 1}`,
      amount: expectedAmount(i + 1),
    }));
    expect(items).to.deep.equal(expected);
    expect(p.rows('SELECT count(*) AS n FROM parts')).to.deep.equal([{ n: 4500 }]);
    expect(
      p.rows(`SELECT name FROM sqlite_schema WHERE name IN ('items_named', 'parts_v') ORDER BY name`),
    ).to.deep.equal([{ name: 'items_named' }, { name: 'parts_v' }]);
    const safe = createMigrateSafe({ database: `sqlite:${p.file}`, backups: p.backups, steps: crashSteps(0) });
    const { events } = value(await safe.audit());
    const applied = value(await safe.history())
      .filter((event) => event.type === 'StepApplied')
      .map((event) => event.data['version']);
    expect(applied, `of ${events} events`).to.deep.equal(['1', '2', '3', '4', '5', '6']);
    expect(value(await safe.status())).to.include({ pending: 0, current: '6' });
    void (await safe.close());
  }

  for (const driver of DRIVERS) {
    it(`loses nothing and runs no step twice: ${KILLS} kills (${driver})`, async function () {
      this.timeout(60_000 + KILLS * 15_000);
      // The number of boundaries of an undisturbed run.
      const counted = await fresh(driver, 'delete');
      const started = Date.now();
      const { calls } = JSON.parse((await startScript('crash-child.js', [counted.order(0, 0)]).ended).out) as {
        calls: number;
      };
      counted.p.remove();
      expect(calls).to.be.greaterThan(100);
      const durationMs = Math.max(400, Date.now() - started);
      const kills = Math.ceil(KILLS / DRIVERS.length);
      for (let i = 0; i < kills; i++) {
        const mode = modes[i % modes.length] ?? 'delete';
        const spread = 1 + Math.floor(((i + Math.random()) * calls) / kills);
        const kill = i % 3 === 2 ? { afterMs: 100 + Math.random() * durationMs } : { call: Math.min(spread, calls) };
        try {
          await killedRun(driver, mode, kill);
        } catch (error) {
          throw new Error(`after kill ${JSON.stringify(kill)} in ${mode} mode: ${(error as Error).message}`, {
            cause: error,
          });
        }
      }
    });
  }

  it('starts 8 processes at once: exactly one applies, the others wait and find nothing to do', async function () {
    this.timeout(120_000);
    for (const driver of DRIVERS) {
      const { p, order } = await fresh(driver, 'delete');
      const all = await Promise.all(
        Array.from({ length: 8 }, () => startScript('crash-child.js', [order(0, 5)]).ended),
      );
      const answers = all.map(({ out, err }) => {
        expect(err).to.equal('');
        return JSON.parse(out) as { ok: boolean; applied: readonly string[] };
      });
      expect(answers.every(({ ok }) => ok)).to.equal(true);
      expect(answers.filter(({ applied }) => applied.length === 6)).to.have.length(1);
      expect(answers.filter(({ applied }) => applied.length === 0)).to.have.length(7);
      p.sql(`INSERT INTO outside VALUES (1, 'x')`);
      await verify(p, ['x']);
      p.remove();
    }
  });
});
