// Databases that are not what a run expects: missing, no database, damaged, locked, read-only, newer, somebody else's.
import { expect } from 'chai';
import BetterSqlite3 from 'better-sqlite3';
import knexFactory from 'knex';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { startScript, until, type Ended } from '../support/processes.js';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';
import { skipWithout } from '../support/rights.js';

const FIRST = {
  '0001_a.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');`,
};
const SECOND = { '0002_b.sql': `INSERT INTO t VALUES (50, 'mine')` };

for (const driver of DRIVERS) {
  describe(`a database that is not as it should be (${driver})`, () => {
    let p: Project;
    beforeEach(() => {
      p = project(driver);
      p.write(FIRST);
    });
    afterEach(() => p.remove());
    const values = (): string =>
      p
        .rows('SELECT v FROM t ORDER BY id')
        .map((row) => (row as { v: string }).v)
        .join();
    const journalMode = (mode: string): void => {
      const db = new BetterSqlite3(p.file);
      db.pragma(`journal_mode = ${mode}`);
      db.close();
    };
    /** Another process that holds the database in `mode`, until it is told, or for `ms`. */
    const held = async (
      mode: string,
      ms?: number,
    ): Promise<{ readonly ended: Promise<Ended>; end(): Promise<Ended> }> => {
      const { child, ended, out } = startScript('database-holder.js', [p.file, mode, ...(ms ? [String(ms)] : [])]);
      await until(() => out().includes('held'));
      const end = (): Promise<Ended> => {
        child.kill('SIGTERM');
        return ended;
      };
      return { ended, end };
    };

    it('is created by up only', async () => {
      const m = p.manager();
      expect(value(await m.plan()).steps).to.have.length(1);
      expect(value(await m.status())).to.include({ pending: 1, current: null });
      for (const error of [
        failure(await m.audit()),
        failure(await m.history()),
        failure(await m.down()),
        failure(await m.stamp('base')),
        failure(await m.createBackup()),
      ]) {
        expect(error).to.include({ kind: 'database-missing', exitCode: 2, state: 'unchanged' });
        expect(error.hint).to.contain('migrate-safe up');
      }
      expect(existsSync(p.file)).to.equal(false);
      expect(existsSync(p.backups)).to.equal(false);
      value(await m.up());
      expect(values()).to.equal('a,b');
    });

    it('is not a directory, nor in one that is not there', async () => {
      mkdirSync(p.file);
      expect(failure(await p.manager().up())).to.include({ kind: 'database-is-directory', exitCode: 2 });
      expect(failure(await p.manager().status())).to.include({ kind: 'database-is-directory', exitCode: 2 });
      const error = failure(
        await p.manager({ database: `sqlite:${p.directory}/no/such/app.db?driver=${driver}` }).up(),
      );
      expect(error).to.include({ kind: 'lock-failed', exitCode: 1 });
      expect(error.message).to.contain(`there is no directory ${p.directory}/no/such`);
    });

    it('is no SQLite file: nothing is written to it', async () => {
      const text = 'this is no database, but somebody needs it '.repeat(200);
      writeFileSync(p.file, text);
      for (const error of [
        failure(await p.manager().up()),
        failure(await p.manager().status()),
        failure(await p.manager().plan()),
        failure(await p.manager().audit()),
        failure(await p.manager().down()),
      ]) {
        expect(error).to.include({ kind: 'database-unusable', reason: 'not-a-database', state: 'unchanged' });
      }
      expect(readFileSync(p.file, 'utf8')).to.equal(text);
    });

    it('is damaged: that is what is said, not that the backup is', async () => {
      p.sql(
        `CREATE TABLE big (id INTEGER PRIMARY KEY, v TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO big SELECT i, hex(randomblob(50)) FROM n`,
      );
      value(await p.manager().stamp('base'));
      value(await p.manager().createBackup());
      const bytes = readFileSync(p.file);
      for (let i = 4096 * 4; i < 4096 * 8; i++) bytes[i] = (i * 7) & 255;
      writeFileSync(p.file, bytes);
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'database-unusable', reason: 'corrupt' });
      expect(error.hint).to.contain('migrate-safe restore --latest');
      expect(value(await p.manager().restore({ choice: { latest: true } })).movedAside).to.have.length.greaterThan(0);
      value(await p.manager().up());
      expect(p.rows('PRAGMA integrity_check')).to.deep.equal([{ integrity_check: 'ok' }]);
    });

    it('was cut short', async () => {
      value(await p.manager().up());
      p.write(SECOND);
      truncateSync(p.file, 8192);
      expect(failure(await p.manager().up())).to.include({ kind: 'database-unusable', reason: 'corrupt' });
      value(await p.manager().restore({ choice: { latest: true } }));
      value(await p.manager().up());
      expect(values()).to.equal('a,b,mine');
    });

    it('has tables of a newer layout: nothing is done with it, no restore either', async () => {
      value(await p.manager().up());
      p.sql(`UPDATE migrate_safe_meta SET value = '99' WHERE key = 'layout'`);
      p.write(SECOND);
      const before = readFileSync(p.file);
      for (const error of [
        failure(await p.manager().up()),
        failure(await p.manager().plan()),
        failure(await p.manager().audit()),
        failure(await p.manager().down()),
        failure(await p.manager().restore({ choice: { latest: true } })),
      ]) {
        expect(error).to.include({ kind: 'journal-newer', exitCode: 3, state: 'unchanged' });
      }
      expect(readFileSync(p.file).equals(before)).to.equal(true);
    });

    it('is full of tables without a journal, or another migrator’s', async () => {
      p.sql('CREATE TABLE users (x); INSERT INTO users VALUES (1)');
      expect(failure(await p.manager().up())).to.include({ kind: 'no-journal', exitCode: 3 });
      p.sql('CREATE TABLE knex_migrations (id INTEGER)');
      const error = failure(await p.manager().up());
      expect(error.message).to.contain('the history of knex (table knex_migrations)');
      expect(error.hint).to.contain('migrate-safe stamp');
      expect(p.rows(`SELECT count(*) AS n FROM sqlite_schema`)).to.deep.equal([{ n: 2 }]);
    });

    it('goes by one lock and one folder of backups, whatever link leads to it', async () => {
      const link = path.join(p.directory, 'link.db');
      symlinkSync(p.file, link);
      value(await p.manager({ database: `sqlite:${link}?driver=${driver}` }).up());
      p.write(SECOND);
      value(await p.manager().up());
      expect(values()).to.equal('a,b,mine');
      expect(readdirSync(p.directory).filter((name) => name.endsWith('-migrate-lock'))).to.deep.equal([
        'app.db-migrate-lock',
      ]);
      expect(readdirSync(p.backups)).to.have.length(1);
    });

    for (const mode of ['delete', 'wal']) {
      it(`waits for a writer in ${mode} mode, and gives up with exit 4 and nothing changed`, async () => {
        value(await p.manager().up());
        journalMode(mode);
        p.write(SECOND);
        const long = await held('write');
        const error = failure(await p.manager({ lockWait: 300 }).up());
        expect(error).to.include({ kind: 'database-busy', exitCode: 4, state: 'unchanged', retryable: true });
        await long.end();
        expect(values()).to.equal('a,b,held');
        value(await p.manager().audit());
        const short = await held('write', 300);
        value(await p.manager().up());
        await short.ended;
        expect(values()).to.equal('a,b,held,held,mine');
      });

      it(`is restored under an application that has it open in ${mode} mode, which goes on writing to it`, async () => {
        value(await p.manager().up());
        journalMode(mode);
        p.write(SECOND);
        const application = await held('idle');
        value(await p.manager().up());
        expect(values()).to.equal('a,b,mine');
        value(await p.manager().restore({ choice: { latest: true } }));
        expect(values()).to.equal('a,b');
        expect((await application.end()).out).to.contain('wrote');
        expect(values()).to.equal('a,b,after');
        expect(p.rows('PRAGMA journal_mode')).to.deep.equal([{ journal_mode: mode }]);
        expect(
          readdirSync(p.directory).filter((name) => name.startsWith('app.db') && !name.includes('lock')),
        ).to.deep.equal(['app.db']);
        value(await p.manager().audit());
      });
    }

    it('is not taken for a ruin because it is locked: a restore waits or gives up, and moves nothing away', async () => {
      value(await p.manager().up());
      p.write(SECOND);
      value(await p.manager().up());
      const holder = await held('exclusive');
      expect(failure(await p.manager({ lockWait: 300 }).restore({ choice: { latest: true } }))).to.include({
        kind: 'database-busy',
        exitCode: 4,
        state: 'unchanged',
      });
      await holder.end();
      expect(readdirSync(p.directory).filter((name) => name.includes('before-restore'))).to.deep.equal([]);
      expect(values()).to.equal('a,b,mine');
    });

    it('changed its page size in WAL mode: it is restored all the same', async () => {
      value(await p.manager().up());
      p.write({ '0002_b.sql': '-- migrate-safe: no-transaction\nPRAGMA page_size = 8192;\nVACUUM;' });
      value(await p.manager().up());
      journalMode('wal');
      value(await p.manager().restore({ choice: { beforeStep: '2' } }));
      expect(p.rows('PRAGMA page_size')).to.deep.equal([{ page_size: 4096 }]);
      expect(p.rows('PRAGMA journal_mode')).to.deep.equal([{ journal_mode: 'wal' }]);
      expect(values()).to.equal('a,b');
      value(await p.manager().audit());
    });

    it('lives in memory, behind the host’s own knex', async () => {
      const host = knexFactory({
        client: driver,
        connection: { filename: ':memory:' },
        useNullAsDefault: true,
        pool: { min: 1, max: 1 },
      });
      try {
        p.write({ '0002_b.sql': 'DELETE FROM t' });
        expect(failure(await p.manager({ database: host }).up())).to.include({
          kind: 'guard-refused',
          state: 'rolled-back',
        });
        p.write(SECOND);
        const m = p.manager({ database: host });
        value(await m.up());
        expect(await host('t').pluck<string[]>('v')).to.deep.equal(['a', 'b', 'mine']);
        expect(failure(await m.createBackup())).to.include({ kind: 'backups-unsupported' });
        expect(existsSync(p.backups)).to.equal(false);
      } finally {
        await host.destroy();
      }
    });

    it('may only be read by this user', async function () {
      value(await p.manager().up());
      p.write(SECOND);
      for (const one of [p.directory, p.steps]) chmodSync(one, 0o777);
      chmodSync(p.file, 0o444);
      const before = readFileSync(p.file);
      const answers = await startScript('as-nobody.js', [
        JSON.stringify({ file: p.file, steps: p.steps, backups: path.join(p.directory, 'elsewhere'), driver }),
      ]).ended;
      if (answers.code === 77) skipWithout(this, 'the right to become a user without rights');
      expect(answers.err).to.equal('');
      const { status, up } = JSON.parse(answers.out) as {
        status: string;
        up: { kind: string; exitCode: number; message: string; hint: string };
      };
      expect(status).to.equal('ok');
      expect(up).to.include({ kind: 'database-unusable', exitCode: 1 });
      expect(up.hint).to.contain('rights of the file');
      expect(readFileSync(p.file).equals(before)).to.equal(true);
      expect(realpathSync(p.file)).to.equal(p.file);
    });
  });
}
