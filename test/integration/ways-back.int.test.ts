// Ways back that are not safe to go: a backup that was damaged or is of another past, a step that nobody can answer for.
import { expect } from 'chai';
import BetterSqlite3 from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { closeSync, cpSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import fsp from 'node:fs/promises';
import path from 'node:path';
import { MigrationStep, type StepDefinition } from 'migrate-safe';
import { seal } from '#src/backup/manifest.js';
import { loadDriver } from '#src/dao/dialects/sqlite/drivers/load-driver.js';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

const FIRST = {
  '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');`,
};
const outside = (version: number, definition: Omit<StepDefinition, 'transaction'>): MigrationStep =>
  new MigrationStep(version, `outside ${version}`, { ...definition, transaction: 'none' });
const plain = (version: number, table: string): MigrationStep =>
  new MigrationStep(version, table, {
    apply: (knex) => knex.raw(`CREATE TABLE ${table} (x)`),
    revert: (knex) => knex.raw(`DROP TABLE ${table}`),
  });

for (const driver of DRIVERS) {
  describe(`a way back that is none (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write(FIRST);
      value(await p.manager().up());
    });
    afterEach(() => p.remove());
    const current = async () => value(await p.manager().status()).current;

    it('is the backup of a step that was damaged since: nothing is put back from it', async () => {
      const safe = p.manager();
      safe.addMigration(
        outside(2, {
          apply: async (knex) => {
            await knex.raw(`UPDATE t SET v = 'half'`);
            const [newest] = value(await p.manager().listBackups()).backups;
            const file = openSync(newest?.file ?? '', 'r+');
            writeSync(file, Buffer.from('damage'), 0, 6, 8000);
            closeSync(file);
            throw new Error('half-way');
          },
        }),
      );
      expect(failure(await safe.up())).to.include({ kind: 'needs-person', exitCode: 5, state: 'needs-attention' });
      expect(p.rows('SELECT DISTINCT v FROM t')).to.deep.equal([{ v: 'half' }]);
    });

    it('is one that would lose a row of somebody who wrote at the last moment', async () => {
      const safe = p.manager();
      safe.addMigration(
        outside(2, {
          apply: async (knex) => {
            await knex.raw(`UPDATE t SET v = 'half'`);
            throw new Error('half-way');
          },
        }),
      );
      safe.onEvent(({ type }) => {
        if (type === 'RestoreStarted') p.sql(`INSERT INTO t VALUES (9, 'theirs')`);
      });
      expect(failure(await safe.up())).to.include({ kind: 'needs-person', exitCode: 5, rowsAtStake: 3 });
      expect(p.rows('SELECT v FROM t WHERE id = 9')).to.deep.equal([{ v: 'theirs' }]);
    });

    it('is a backup of the same database from another past', async () => {
      const fork = project(driver);
      cpSync(p.file, fork.file);
      cpSync(p.backups, fork.backups, { recursive: true });
      fork.write({ ...FIRST, '0002_theirs.sql': 'CREATE TABLE theirs (x);' });
      value(await fork.manager().up());
      const theirs = value(await fork.manager().createBackup());
      p.write({ '0002_ours.sql': 'CREATE TABLE ours (x);', '0003_ours.sql': 'CREATE TABLE more (x);' });
      value(await p.manager().up());
      const { id } = theirs.manifest;
      const [ours] = value(await p.manager().listBackups()).backups;
      cpSync(theirs.directory, path.join(path.dirname(ours?.directory ?? ''), id), { recursive: true });
      const before = p.dump();
      const error = failure(await p.manager().restore({ choice: { id } }));
      expect(error).to.include({ kind: 'backup-corrupt', check: 'journal', exitCode: 3 });
      expect(p.dump()).to.equal(before);
      value(await p.manager().audit());
      fork.remove();
    });

    it('is a backup whose journal was edited, however well its manifest fits', async () => {
      const { manifest, file, directory } = value(await p.manager().createBackup());
      const db = new BetterSqlite3(file);
      db.exec(
        `DROP TRIGGER migrate_safe_events_no_update; UPDATE migrate_safe_events SET actor = '{}' WHERE position = 2`,
      );
      db.close();
      const bytes = readFileSync(file);
      const digest = createHash('sha256').update(bytes).digest('hex');
      const files = manifest.files.map((one) => ({ ...one, bytes: bytes.length, sha256: digest }));
      const { checksum: _, ...rest } = manifest;
      writeFileSync(path.join(directory, 'manifest.json'), JSON.stringify(seal({ ...rest, files })));
      const before = p.dump();
      const error = failure(await p.manager().restore({ choice: { id: manifest.id } }));
      expect(error).to.include({ kind: 'backup-corrupt', check: 'journal', exitCode: 3 });
      expect(p.dump()).to.equal(before);
    });

    it('is to replace the file under an application that has it open in WAL mode', async () => {
      p.sql(
        `PRAGMA journal_mode = wal; DROP TRIGGER migrate_safe_events_no_update; UPDATE migrate_safe_events SET actor = '{}' WHERE position = 2`,
      );
      const app = value(await value(loadDriver(driver, true)).connect(p.file, 'read', { busyWaitMs: 0 }));
      value(await app.all('SELECT * FROM t'));
      expect(failure(await p.manager().restore({ choice: { latest: true } }))).to.include({ kind: 'restore-failed' });
      value(await app.run(`INSERT INTO t VALUES (9, 'kept')`));
      value(await app.close());
      expect(p.rows('SELECT v FROM t WHERE id = 9')).to.deep.equal([{ v: 'kept' }]);
      expect(value(await p.manager().restore({ choice: { latest: true } })).movedAside).to.have.length.greaterThan(0);
    });

    for (const runs of [1, 2])
      it(`is going on beside a mirror of another past, ${runs === 1 ? 'as long' : 'shorter'}`, async () => {
        const early = path.join(p.directory, 'early.db');
        cpSync(p.file, early);
        p.write({ '0002_u.sql': 'CREATE TABLE u (x)' });
        value(await p.manager().up());
        cpSync(early, p.file);
        for (let run = 0; run < runs; run++) {
          p.write({ [`000${2 + run}_u.sql`]: `CREATE TABLE u${run} (x)` });
          value(await p.manager({ backups: path.join(p.directory, 'others') }).up());
        }
        p.write({ '0009_v.sql': 'CREATE TABLE v (x)' });
        const before = p.dump();
        for (const error of [failure(await p.manager().up()), failure(await p.manager().audit())])
          expect(error).to.include({ kind: 'mirror-ahead', exitCode: 3, diverged: true });
        expect(p.dump()).to.equal(before);
      });

    /** Fails half-way, after somebody else wrote and left no row behind: only a person can tell. */
    const half = (sql: string): MigrationStep =>
      outside(2, {
        apply: async (knex) => {
          await knex.raw(sql);
          p.sql(`INSERT INTO t VALUES (9, 'z'); DELETE FROM t WHERE id = 9`);
          throw new Error('half-way');
        },
      });
    for (const [what, sql] of [
      ['rows', `UPDATE t SET v = 'half'`],
      ['schema', 'CREATE TABLE half (x)'],
    ] as const)
      it(`is going on over a step that changed only ${what}`, async () => {
        for (let start = 0; start < 2; start++) {
          const safe = p.manager().addMigration(half(sql));
          expect(failure(await safe.up())).to.include({ kind: 'needs-person', exitCode: 5 });
        }
        expect(await current()).to.equal('0001');
      });

    it('is a revert that was interrupted when it was done: its probe says so, and the step is gone', async () => {
      const made = (fails: boolean): MigrationStep =>
        outside(2, {
          declares: { mayDrop: ['made'] },
          apply: (knex) => knex.raw('CREATE TABLE made (x)'),
          revert: async (knex) => {
            await knex.raw('DROP TABLE made');
            p.sql(`INSERT INTO t VALUES (9, 'z')`);
            if (fails) throw new Error('after all');
          },
          isDone: (knex) => knex.raw(`SELECT count(*) FROM sqlite_schema WHERE name = 'made'`),
        });
      value(await p.manager().addMigration(made(false)).up());
      expect(failure(await p.manager().addMigration(made(true)).down())).to.include({ kind: 'needs-person' });
      p.write({ '0003_n.sql': 'CREATE TABLE n (x)' });
      expect(
        value(await p.manager().addMigration(made(false)).up()).applied.map(({ version }) => version),
      ).to.deep.equal(['2', '0003']);
      expect(p.rows('SELECT count(*) AS n FROM t')).to.deep.equal([{ n: 3 }]);
      value(await p.manager().audit());
    });
  });
}

describe('undoing a whole run', () => {
  let p: Project;
  beforeEach(() => {
    p = project();
    p.sql(`CREATE TABLE t (id INTEGER PRIMARY KEY)`);
  });
  afterEach(() => p.remove());
  const undoing = () => p.manager({ onFailure: 'undo-run' });
  const current = async () => value(await p.manager().status()).current;

  it('is done for one that was cancelled, too', async () => {
    value(await p.manager().stamp('base'));
    const before = p.dump();
    const controller = new AbortController();
    const safe = undoing().addMigration(plain(1, 'one'));
    safe.addMigration(
      new MigrationStep(2, 'cancelled', {
        apply: () => {
          controller.abort();
          return new Promise(() => undefined);
        },
      }),
    );
    expect(failure(await safe.up({ signal: controller.signal }))).to.include({ kind: 'cancelled', exitCode: 130 });
    expect(p.dump()).to.equal(before);
    expect(await current()).to.equal(null);
  });

  it('is left to a person who has to look at a step of it', async () => {
    value(await p.manager().stamp('base'));
    const safe = undoing().addMigration(plain(1, 'one'));
    safe.addMigration(
      outside(2, {
        apply: async (knex) => {
          await knex.raw('CREATE TABLE half (x)');
          p.sql('INSERT INTO t VALUES (1)');
          throw new Error('half-way');
        },
      }),
    );
    expect(failure(await safe.up())).to.include({ kind: 'needs-person', version: '2' });
    expect(await current()).to.equal('1');
  });

  it('is not done for a mirror that could not be written: its step is applied', async () => {
    value(await p.manager().stamp('base'));
    const probe = await fsp.open('/dev/null');
    const handles = Object.getPrototypeOf(probe) as { appendFile: (text: string) => Promise<void> };
    await probe.close();
    const { appendFile } = handles;
    handles.appendFile = function failing(this: unknown, text) {
      if (!text.includes('"version":"2"')) return appendFile.call(this, text);
      return Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    };
    try {
      const error = failure(await undoing().addMigration(plain(1, 'one')).addMigration(plain(2, 'two')).up());
      expect(error).to.include({ kind: 'mirror-failed' });
    } finally {
      handles.appendFile = appendFile;
    }
    expect(await current()).to.equal('2');
  });
});
