// What a hostile reading of the engine found: each was a way to lose a row, or to be told something untrue.
import { expect } from 'chai';
import fsp from 'node:fs/promises';
import path from 'node:path';
import { MigrationStep } from 'migrate-safe';
import { startScript, until } from '../support/processes.js';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

for (const driver of DRIVERS) {
  describe(`the guard is not fooled (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({
        '0001_t.sql': `CREATE TABLE "t" (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'c');
          CREATE TABLE w (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO w VALUES ('a','x'),('b','y');`,
      });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());

    const refused: Readonly<Record<string, readonly [sql: string, finding: RegExp]>> = {
      'by an upsert that sets values to NULL': [
        `INSERT INTO t (id, v) VALUES (1, NULL), (2, NULL) ON CONFLICT (id) DO UPDATE SET v = excluded.v`,
        /would set t.v to NULL in 2 rows/,
      ],
      'by an upsert in a table without rowid': [
        `INSERT INTO w (k, v) VALUES ('a', NULL) ON CONFLICT (k) DO UPDATE SET v = excluded.v`,
        /would set w.v to NULL in 1 row/,
      ],
      'by a table that gets its name back': [
        'ALTER TABLE t RENAME TO tmp; DELETE FROM tmp; ALTER TABLE tmp RENAME TO t',
        /would lose 3 rows of t/,
      ],
      'by a table that is made anew with the same text, in the same place': [
        'ALTER TABLE t RENAME TO tmp; DROP TABLE tmp; CREATE TABLE "t" (id INTEGER PRIMARY KEY, v TEXT)',
        /would lose 3 rows of t|would drop table t/,
      ],
      'by rows that are deleted under another name and added under its own': [
        `ALTER TABLE t RENAME TO tmp; DELETE FROM tmp WHERE id = 1; ALTER TABLE tmp RENAME TO t; INSERT INTO t VALUES (9, 'x')`,
        /would lose 1 row of t/,
      ],
    };
    for (const [name, [sql, finding]] of Object.entries(refused)) {
      it(name, async () => {
        const before = p.dump();
        p.write({ '0002_x.sql': sql });
        const error = failure(await p.manager().up());
        expect(error).to.include({ kind: 'guard-refused' });
        expect(error.message).to.match(finding);
        expect(p.dump()).to.equal(before);
      });
    }
  });

  describe(`a restore beside a writer (${driver})`, () => {
    const cases = ['delete', 'wal'].flatMap((mode) => [
      { mode, tables: 'all' as const },
      { mode, tables: ['outside'] },
    ]);
    for (const { mode, tables } of cases) {
      it(`keeps every acknowledged row, here or in the safety copy (${mode}, ${String(tables)})`, async function () {
        this.timeout(60_000);
        const p = project(driver);
        p.write({
          '0001_o.sql': `CREATE TABLE outside (id INTEGER PRIMARY KEY, v TEXT NOT NULL); CREATE TABLE t (x); INSERT INTO t VALUES (1);`,
        });
        value(await p.manager().up());
        p.sql(`PRAGMA journal_mode = ${mode}`);
        p.write({ '0002_t.sql': 'INSERT INTO t VALUES (2);' });
        value(await p.manager().up());
        const writer = startScript('outside-writer.js', [p.file]);
        await until(() => writer.out().split('\n').length > 5);
        const report = await p.manager().restore({ choice: { beforeStep: '2' }, tables });
        await new Promise((resolve) => setTimeout(resolve, 100));
        writer.child.kill('SIGTERM');
        const { out, err } = await writer.ended;
        expect(err).to.equal('');
        const acknowledged = out.split('\n').filter(Boolean);
        const live = p.rows('SELECT v FROM outside').map((row) => (row as { v: string }).v);
        if (report.isErr()) {
          // A writer that never pauses may be too fast: then nothing was changed, and it says so.
          expect(report.error.message).to.contain('kept writing');
          expect(acknowledged.filter((text) => !live.includes(text))).to.deep.equal([]);
        } else {
          const { backups } = value(await p.manager().listBackups());
          const safety = backups.find(({ manifest }) => manifest.id === report.value.safetyBackupId);
          const kept = new Set([
            ...live,
            ...p.rowsOf(safety?.file ?? '', 'SELECT v FROM outside').map((row) => (row as { v: string }).v),
          ]);
          expect(acknowledged.filter((text) => !kept.has(text))).to.deep.equal([]);
        }
        value(await p.manager().audit());
        p.remove();
      });
    }
  });
}

describe('what a failed mirror leaves', () => {
  it('is caught up by the next run, with no hole in it', async () => {
    const p = project();
    p.write({ '0001_t.sql': 'CREATE TABLE t (x);', '0002_u.sql': 'CREATE TABLE u (x);' });
    let appends = 0;
    const probe = await fsp.open(path.join(p.directory, 'probe'), 'w');
    const prototype = Object.getPrototypeOf(probe) as { appendFile: (...args: unknown[]) => Promise<void> };
    await probe.close();
    const original = prototype.appendFile;
    prototype.appendFile = async function failing(this: unknown, ...args: unknown[]) {
      appends += 1;
      if (appends !== 2) return original.apply(this, args);
      await original.call(this, String(args[0]).slice(0, 100));
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    try {
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'mirror-failed', state: 'needs-attention' });
    } finally {
      prototype.appendFile = original;
    }
    value(await p.manager().up());
    expect(value(await p.manager().status())).to.include({ current: '0002', pending: 0 });
    value(await p.manager().audit());
    p.remove();
  });
});

describe('a path that was never backed up', () => {
  it('gets no other database’s history', async () => {
    const p = project();
    p.write({ '0001_t.sql': 'CREATE TABLE t (x);' });
    value(await p.manager().up());
    const events = value(await p.manager().history()).length;
    const typo = p.manager({ database: `sqlite:${path.join(p.directory, 'typo.db')}?driver=sqlite3` });
    expect(failure(await typo.restore({ choice: { latest: true } }))).to.include({ kind: 'backup-not-found' });
    expect(value(await p.manager().audit()).events).to.equal(events);
    p.remove();
  });

  it('is told apart from one that was lost, and from one that nobody has stamped, before `up` is typed', async () => {
    const p = project();
    p.write({ '0001_t.sql': 'CREATE TABLE t (x);' });
    expect(value(await p.manager().status()).obstacle).to.equal(undefined);
    p.sql('CREATE TABLE other (x)');
    expect(value(await p.manager().status()).obstacle).to.include({ kind: 'no-journal' });
    expect(failure(await p.manager().plan())).to.include({ kind: 'no-journal' });
    value(await p.manager().stamp('base'));
    expect(value(await p.manager().status()).obstacle).to.equal(undefined);
    value(await p.manager().up());
    await fsp.rm(p.file);
    expect(value(await p.manager().status()).obstacle).to.include({ kind: 'database-gone' });
    expect(failure(await p.manager().plan())).to.include({ kind: 'database-gone' });
    p.remove();
  });
});

describe('an interrupted step of one component', () => {
  it('is not answered for by another component’s step of the same version', async () => {
    const p = project();
    const half = new MigrationStep(1, 'half', {
      apply: async (knex) => {
        await knex.raw('CREATE TABLE half (x)');
        p.sql('CREATE TABLE IF NOT EXISTS outside (x); INSERT INTO outside VALUES (1)');
        throw new Error('half-way');
      },
      transaction: 'none',
      component: 'a',
    });
    expect(failure(await p.manager({ component: 'a', steps: [half] }).up())).to.include({ kind: 'needs-person' });
    const done = new MigrationStep(1, 'done', {
      apply: () => undefined,
      isDone: () => true,
      transaction: 'none',
      component: 'b',
    });
    expect(failure(await p.manager({ component: 'b', steps: [done] }).up())).to.include({ kind: 'needs-person' });
    p.remove();
  });
});
