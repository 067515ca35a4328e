// Steps that share a commit: what comes out must be what comes out when each runs by itself.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { MigrationStep, type SafeMigrationManager } from 'migrate-safe';
import { failure, DRIVERS, project, value, type Project } from '../support/project.js';

const file = (version: number, sql: string): Record<string, string> => ({
  [`${String(version).padStart(4, '0')}_step.sql`]: sql,
});
const files = (scripts: readonly string[]): Record<string, string> =>
  Object.assign({}, ...scripts.map((sql, at) => file(at + 1, sql))) as Record<string, string>;

/** What the journal says, but for what is never the same twice. */
async function facts(safe: SafeMigrationManager): Promise<unknown[]> {
  return value(await safe.history()).map(({ type, data }) => {
    const { attempt: _, durationMs: _1, backups: _2, backupId: _3, databaseId: _4, fileBackup: _5, ...rest } = data;
    return { type, ...rest };
  });
}
const withoutBackups = (all: readonly unknown[]): unknown[] =>
  all.filter((fact) => !(fact as { type: string }).type.startsWith('Backup'));

/** How many events were told at once, which is what was committed at once. */
function commits(safe: SafeMigrationManager): () => readonly number[] {
  const sizes: number[] = [];
  let burst = false;
  safe.onEvent(() => {
    if (!burst) {
      burst = true;
      sizes.push(0);
      queueMicrotask(() => {
        burst = false;
      });
    }
    sizes.push((sizes.pop() ?? 0) + 1);
  });
  return () => sizes;
}

for (const driver of DRIVERS) {
  describe(`steps that only add, without a backup between them (${driver})`, () => {
    let p: Project;
    beforeEach(() => {
      p = project(driver);
    });
    afterEach(() => p.remove());

    const SHOP = [
      'CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);',
      `INSERT INTO customers (name) VALUES ('a'), ('b');`,
      'ALTER TABLE customers ADD COLUMN email TEXT;',
      'CREATE INDEX by_name ON customers(name);',
    ];

    it('share one commit, and each has its own events, effects and fingerprints', async () => {
      p.write(files(SHOP));
      const safe = p.manager({ fileBackup: 'never' });
      const sizes = commits(safe);
      const { applied } = value(await safe.up());
      expect(applied.map(({ effects }) => effects.tables)).to.deep.equal([
        {},
        { customers: { inserted: 2, updated: 0, deleted: 0 } },
        {},
        {},
      ]);
      // The run's start, four steps of three events, and its end.
      expect(sizes()).to.deep.equal([1, 12, 1]);
      value(await safe.audit());

      const q = project(driver);
      q.write(files(SHOP));
      value(await q.manager({ fileBackup: 'each-step' }).up());
      expect(await facts(safe)).to.deep.equal(withoutBackups(await facts(q.manager())));
      expect(p.dump()).to.equal(q.dump());
      q.remove();
    });

    it('are not joined by what makes something temporary, which would stand in for a table of its name', async () => {
      for (const temporary of ['CREATE TEMP TABLE t (id);', 'CREATE TABLE temp.t (id);']) {
        const q = project(driver);
        q.write(files(['CREATE TABLE t (id);', temporary, 'INSERT INTO t VALUES (1);']));
        value(await q.manager({ fileBackup: 'never' }).up());
        expect(q.rows('SELECT id FROM t'), temporary).to.deep.equal([{ id: 1 }]);
        q.remove();
      }
    });

    it('each commit by itself where a backup is taken before each', async () => {
      p.write(files(SHOP));
      const safe = p.manager();
      const sizes = commits(safe);
      value(await safe.up());
      // Two of them tell of the backup.
      expect(sizes()).to.deep.equal([1, 5, 5, 5, 5, 1]);
    });

    it('are found again by their events and mirror after the run', async () => {
      p.write(files(SHOP));
      value(await p.manager({ fileBackup: 'each-run' }).up());
      value(await p.manager().audit());
      expect(value(await p.manager().up()).applied).to.deep.equal([]);
      rmSync(p.file);
      value(await p.manager().restore({ choice: { latest: true } }));
      expect(value(await p.manager().status())).to.include({ pending: 4 });
      value(await p.manager().audit());
    });

    it('keep those before the one that fails, and record its failure', async () => {
      p.write(files([...SHOP, 'CREATE TABLE customers (id);', 'CREATE TABLE never (id);']));
      const safe = p.manager({ fileBackup: 'never' });
      const error = failure(await safe.up());
      expect(error).to.include({ kind: 'step-failed', state: 'rolled-back' });
      expect(error.step).to.include({ version: '0005', line: 1 });
      expect(value(await safe.status())).to.include({ current: '0004', pending: 2 });
      expect((await facts(safe)).map((fact) => (fact as { type: string }).type).slice(-3)).to.deep.equal([
        'StepFailed',
        'StepRolledBack',
        'RunFailed',
      ]);
      value(await safe.audit());
    });

    it('are guarded: what a trigger takes away is seen, and compared with what was there before', async () => {
      p.write(
        files([
          `CREATE TABLE log (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE ping (id INTEGER PRIMARY KEY);`,
          `INSERT INTO log (v) VALUES ('x'), ('y');`,
          'CREATE TRIGGER sweep AFTER INSERT ON ping BEGIN DELETE FROM log; END;',
          'INSERT INTO ping DEFAULT VALUES;',
        ]),
      );
      const safe = p.manager({ fileBackup: 'never' });
      const error = failure(await safe.up());
      expect(error).to.include({ kind: 'guard-refused', version: '0004' });
      expect(error).to.have.nested.property('findings[0].rows', 2);
      expect(p.rows('SELECT v FROM log')).to.have.length(2);
      expect(value(await safe.status())).to.include({ current: '0003' });
    });

    it('are looked at for rows whose parent is missing', async () => {
      p.write(
        files([
          'CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a(id));',
          'INSERT INTO a VALUES (1);',
          'INSERT INTO b VALUES (1, 1), (2, 99);',
        ]),
      );
      expect(failure(await p.manager({ fileBackup: 'never' }).up())).to.include({
        kind: 'guard-refused',
        version: '0003',
      });
      expect(p.rows('SELECT * FROM b')).to.deep.equal([]);
    });

    it('survive one that takes the whole transaction with it', async () => {
      p.write(
        files([
          'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);',
          `CREATE TRIGGER no AFTER INSERT ON t WHEN NEW.v = 'no' BEGIN SELECT RAISE(ROLLBACK, 'not that'); END;`,
          `INSERT INTO t (v) VALUES ('yes');`,
          `INSERT INTO t (v) VALUES ('no');`,
        ]),
      );
      const safe = p.manager({ fileBackup: 'never' });
      expect(failure(await safe.up()).message).to.contain('not that');
      expect(p.rows('SELECT v FROM t')).to.deep.equal([{ v: 'yes' }]);
      expect(value(await safe.status())).to.include({ current: '0003', pending: 1 });
      value(await safe.audit());
    });

    it('let go of what was done where the run is cancelled, and are done by the next', async () => {
      // better-sqlite3 cannot be stopped inside a statement, but between two.
      const some = `INSERT INTO customers (name) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n;\n`;
      p.write(files([...SHOP, some.repeat(50)]));
      const safe = p.manager({ fileBackup: 'never' });
      const aborting = new AbortController();
      safe.onProgress(({ kind }) => {
        if (kind === 'planned') setTimeout(() => aborting.abort(), 30);
      });
      expect(failure(await safe.up({ signal: aborting.signal }))).to.include({ kind: 'cancelled', exitCode: 130 });
      value(await safe.audit());
      const left = value(await safe.status()).pending;
      expect(value(await p.manager({ fileBackup: 'never' }).up()).applied).to.have.length(left);
      expect(p.rows('SELECT count(*) AS n FROM customers')).to.deep.equal([{ n: 1_000_002 }]);
    });

    it('tell of each step once and in order, whatever is tried twice', async () => {
      p.write(files([...SHOP, 'CREATE TABLE customers (id);']));
      const safe = p.manager({ fileBackup: 'never' });
      const told: string[] = [];
      safe.onProgress((one) => {
        if (one.kind === 'step-started') told.push(one.version);
        if (one.kind === 'recorded' || one.kind === 'step-failed') told.push(one.kind);
      });
      failure(await safe.up());
      expect(told).to.deep.equal([
        '0001',
        'recorded',
        '0002',
        'recorded',
        '0003',
        'recorded',
        '0004',
        'recorded',
        '0005',
        'step-failed',
      ]);
    });

    it('never run code twice', async () => {
      const ran: number[] = [];
      const steps = [1, 2, 3].map(
        (version) =>
          new MigrationStep(version, `step ${version}`, {
            apply: async (knex) => {
              ran.push(version);
              await knex.raw(version === 3 ? 'nonsense' : `CREATE TABLE t${version} (id)`);
            },
          }),
      );
      failure(await p.manager({ fileBackup: 'never', steps }).up());
      expect(ran).to.deep.equal([1, 2, 3]);
    });

    it('come out as when each runs by itself, whatever they are', async () => {
      const table = fc.constantFrom('a', 'b', '"c d"');
      const statement = fc.oneof(
        table.map((t) => `CREATE TABLE IF NOT EXISTS ${t} (id INTEGER PRIMARY KEY, v TEXT, w REFERENCES a(id))`),
        fc.tuple(table, fc.nat(30)).map(([t, n]) => `ALTER TABLE ${t} ADD COLUMN c${n} TEXT DEFAULT 'x${n}'`),
        fc.tuple(table, fc.nat(9)).map(([t, n]) => `INSERT INTO ${t} (v) VALUES ('${n}'), ('${n + 1}')`),
        fc.tuple(table, table).map(([t, u]) => `INSERT INTO ${t} (v) SELECT v FROM ${u}`),
        table.map((t) => `CREATE INDEX IF NOT EXISTS "i ${t.replaceAll('"', '')}" ON ${t}(v)`),
        fc
          .tuple(table, table)
          .map(
            ([t, u]) => `CREATE TRIGGER IF NOT EXISTS r AFTER INSERT ON ${t} BEGIN DELETE FROM ${u} WHERE id = 1; END`,
          ),
        table.map((t) => `CREATE VIEW IF NOT EXISTS v AS SELECT * FROM ${t}`),
        table.map((t) => `UPDATE ${t} SET v = 'changed' WHERE id = 2`),
        table.map((t) => `DELETE FROM ${t} WHERE id = 3`),
      );
      const START = ['a', 'b', '"c d"'].map((t) => `CREATE TABLE ${t} (id INTEGER PRIMARY KEY, v TEXT);`).join('\n');
      let shared = 0;
      const scripts = fc.array(fc.array(statement, { minLength: 1, maxLength: 2 }), { minLength: 3, maxLength: 9 });
      const property = fc.asyncProperty(scripts, async (steps) => {
        const written = files([START, ...steps.map((one) => `${one.join(';\n')};\n`)]);
        const outcomes = await Promise.all(
          (['never', 'each-step'] as const).map(async (fileBackup) => {
            const one = project(driver);
            one.write(written);
            const safe = one.manager({ fileBackup });
            const sizes = fileBackup === 'never' ? commits(safe) : () => [];
            const outcome = (await safe.up()).match(
              ({ applied }) => applied.map(({ version, effects, reinstated }) => ({ version, effects, reinstated })),
              ({ kind, step, message }) => ({ kind, step, message }),
            );
            if (sizes().some((size) => size > 5)) shared += 1;
            value(await safe.audit());
            const all = JSON.stringify(
              { outcome, facts: withoutBackups(await facts(safe)), dump: one.dump() },
              null,
              1,
            );
            void (await safe.close());
            one.remove();
            return all.replaceAll(path.basename(one.directory), 'project');
          }),
        );
        expect(outcomes[0]).to.equal(outcomes[1]);
      });
      await fc.assert(property, { numRuns: 25, interruptAfterTimeLimit: 8000, markInterruptAsFailure: false });
      expect(shared).to.be.greaterThan(3);
    }).timeout(60_000);
  });
}
