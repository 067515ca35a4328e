// The switch to a restored copy, with somebody who writes at the worst moments: between two statements of the switch itself.
import { expect } from 'chai';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import type { SqlError, SqlValue } from '#src/core/ports/session.js';
import { LiveRestore } from '#src/dao/dialects/sqlite/backup/live-restore.js';
import type { SqliteConnection, SqliteDriver } from '#src/dao/dialects/sqlite/drivers/driver.js';
import { loadDriver } from '#src/dao/dialects/sqlite/drivers/load-driver.js';
import { SqliteHold } from '#src/dao/dialects/sqlite/hold.js';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

/** The connection, which lets `meddle` happen right after the statement that `isAfter` knows. */
function meddled(
  connection: SqliteConnection,
  isAfter: (sql: string) => boolean,
  meddle: () => ResultAsync<unknown, SqlError>,
): SqliteConnection {
  return {
    file: connection.file,
    all: <R extends object>(sql: string, params?: readonly SqlValue[]) =>
      connection.all<R>(sql, params).andThen((rows) => (isAfter(sql) ? meddle().map(() => rows) : okAsync(rows))),
    run: (sql, params) =>
      connection.run(sql, params).andThen((done) => (isAfter(sql) ? meddle().map(() => done) : okAsync(done))),
    query: (sql, bindings, wants) => connection.query(sql, bindings, wants),
    copyTo: (file, onProgress) => connection.copyTo(file, onProgress),
    copyFrom: (file, onProgress, unmoved) => connection.copyFrom(file, onProgress, unmoved),
    interrupt: () => connection.interrupt(),
    close: () => connection.close(),
  };
}

for (const name of DRIVERS)
  for (const mode of ['delete', 'wal'])
    describe(`a switch under a hold (${name}, ${mode})`, () => {
      let p: Project;
      let driver: SqliteDriver;
      let work: SqliteConnection;
      let other: SqliteConnection;
      let copy: string;
      const connect = (): ResultAsync<SqliteConnection, SqlError> => driver.connect(p.file, 'read', { busyWaitMs: 0 });
      beforeEach(async () => {
        p = project(name);
        p.sql(`CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('then')`);
        copy = path.join(p.directory, 'copy.db');
        copyFileSync(p.file, copy);
        p.sql(`PRAGMA journal_mode = ${mode}; UPDATE t SET v = 'now'`);
        driver = value(loadDriver(name, true));
        work = value(await connect());
        other = value(await connect());
      });
      afterEach(async () => {
        value(await work.close());
        value(await other.close());
        p.remove();
      });
      const holding = (after = '', meddle: () => ResultAsync<unknown, SqlError> = () => okAsync(undefined)) => {
        const connection = meddled(work, (sql) => sql === after, meddle);
        const restore = new LiveRestore(
          () => connection,
          () => okAsync(undefined),
          () => undefined,
        );
        return SqliteHold.take(connection, connect, restore);
      };
      const write = (): ResultAsync<unknown, SqlError> => other.run(`INSERT INTO t VALUES ('theirs')`);
      const rows = async () =>
        value(await other.all<{ v: string }>('SELECT v FROM t ORDER BY rowid')).map(({ v }) => v);

      it('goes through where nobody writes', async () => {
        const hold = value(await holding());
        value(await hold.switchTo(copy, () => undefined));
        value(await hold.release());
        expect(await rows()).to.deep.equal(['then']);
      });

      it('lets nobody write before it', async () => {
        const hold = value(await holding());
        expect((await write())._unsafeUnwrapErr().kind).to.equal('busy');
        value(await hold.release());
        value(await write());
        expect(await rows()).to.deep.equal(['now', 'theirs']);
      });

      // When the hold is let go, and when nothing is left to do but the copy itself.
      for (const after of ['ROLLBACK', 'DETACH DATABASE migrate_safe_aside'])
        for (const [what, meddle] of Object.entries({
          writes: write,
          'is about to write': () => other.run('BEGIN IMMEDIATE').andThen(write),
        }))
          it(`does not happen where somebody ${what} after its ${after}`, async () => {
            const hold = value(await holding(after, meddle));
            const outcome = await hold.switchTo(copy, () => undefined);
            expect(outcome._unsafeUnwrapErr()).to.equal('others-wrote');
            value(await hold.release());
            if (meddle !== write) value(await other.run('COMMIT'));
            expect(await rows()).to.deep.equal(['now', 'theirs']);
          });
    });

for (const name of DRIVERS)
  describe(`a switch to a copy of another page size (${name}, wal)`, () => {
    let p: Project;
    let driver: SqliteDriver;
    let work: SqliteConnection;
    const connect = (): ResultAsync<SqliteConnection, SqlError> => driver.connect(p.file, 'read', { busyWaitMs: 0 });
    const begin = async (): Promise<void> => {
      p = project(name);
      p.sql(`PRAGMA page_size = 1024; CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('then')`);
      copyFileSync(p.file, path.join(p.directory, 'copy.db'));
      p.sql(`PRAGMA page_size = 4096; VACUUM; PRAGMA journal_mode = wal; UPDATE t SET v = 'now'`);
      work = value(await connect());
    };
    beforeEach(async () => {
      driver = value(loadDriver(name, true));
      await begin();
    });
    afterEach(() => p.remove());
    /** One who comes, writes and leaves. */
    const visit = (): ResultAsync<unknown, SqlError> =>
      connect().andThen((other) =>
        other
          .run(`INSERT INTO t VALUES ('theirs')`)
          .andThen(() => other.close())
          .orElse((error) => other.close().andThen(() => errAsync(error))),
      );
    /** The statements of the switch, and what is left once somebody came by after the one at `at`. */
    const switched = async (at: number) => {
      const statements: string[] = [];
      let theirs = false;
      const connection = meddled(
        work,
        (sql) => statements.push(sql) === at,
        () =>
          visit()
            .map(() => void (theirs = true))
            .orElse((error) => (error.kind === 'busy' ? okAsync(undefined) : errAsync(error))),
      );
      const restore = new LiveRestore(
        () => connection,
        () => okAsync(undefined),
        () => undefined,
      );
      const hold = value(await SqliteHold.take(connection, connect, restore));
      const outcome = await hold.switchTo(path.join(p.directory, 'copy.db'), () => undefined);
      value(await hold.release());
      value(await work.close());
      return { statements, theirs, outcome, rows: p.rows('SELECT v FROM t ORDER BY rowid') };
    };

    it('goes through where nobody writes, and is in WAL mode again', async () => {
      const { outcome, rows } = await switched(0);
      value(outcome);
      expect(rows).to.deep.equal([{ v: 'then' }]);
      expect(p.rows('PRAGMA journal_mode')).to.deep.equal([{ journal_mode: 'wal' }]);
      expect(p.rows('PRAGMA page_size')).to.deep.equal([{ page_size: 1024 }]);
    });

    it('loses nobody’s row, after whichever of its statements they write', async () => {
      const { statements } = await switched(0);
      // What is written after the last of them is written to what was put back.
      const last = statements.findLastIndex(
        (sql) => !sql.includes('journal_mode = WAL') && !sql.includes('cache_size'),
      );
      for (let at = 1; at <= last + 1; at++) {
        p.remove();
        await begin();
        const { theirs, outcome, rows } = await switched(at);
        const what = `after ${statements[at - 1]}`;
        if (theirs) expect(outcome.isErr() && outcome.error, what).to.equal('others-wrote');
        expect(rows, what).to.deep.equal(
          theirs ? [{ v: 'now' }, { v: 'theirs' }] : outcome.isOk() ? [{ v: 'then' }] : [{ v: 'now' }],
        );
        expect(p.rows('PRAGMA journal_mode'), what).to.deep.equal([{ journal_mode: 'wal' }]);
      }
    });
  });

for (const name of DRIVERS)
  describe(`a restore with somebody who writes right before its switch (${name})`, () => {
    let p: Project;
    let driver: SqliteDriver;
    let connect: SqliteDriver['connect'];
    beforeEach(async () => {
      p = project(name);
      p.write({ '0001_t.sql': `CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('then');` });
      value(await p.manager().up());
      driver = value(loadDriver(name, true));
      ({ connect } = driver);
    });
    afterEach(() => {
      Object.assign(driver, { connect });
      p.remove();
    });
    /** From now on somebody writes a row right before each of the first `times` switches. */
    const crowd = (times: number): void => {
      let written = 0;
      const write = (): ResultAsync<unknown, SqlError> =>
        written === times
          ? okAsync(undefined)
          : connect(p.file, 'read', { busyWaitMs: 1000 }).andThen((other) =>
              other.run(`INSERT INTO t VALUES ('theirs ${(written += 1)}')`).andThen(() => other.close()),
            );
      const meddling: SqliteDriver['connect'] = (file, mode, options) =>
        connect(file, mode, options).map((made) =>
          // The witness, which waits for nothing, stays what it is.
          file !== p.file || options.busyWaitMs === 0
            ? made
            : meddled(made, (sql) => sql === 'DETACH DATABASE migrate_safe_aside', write),
        );
      Object.assign(driver, { connect: meddling });
    };

    it('is done again, and has their row in its safety copy', async () => {
      const { manifest } = value(await p.manager().createBackup());
      crowd(2);
      const { safetyBackupId } = value(await p.manager().restore({ choice: { id: manifest.id } }));
      expect(p.rows('SELECT v FROM t')).to.deep.equal([{ v: 'then' }]);
      const { backups } = value(await p.manager().listBackups());
      const safety = backups.filter(({ manifest: { reason } }) => reason.kind === 'before-restore');
      expect(safety.map((one) => one.manifest.id)).to.deep.equal([safetyBackupId]);
      expect(p.rowsOf(safety[0]?.file ?? '', 'SELECT v FROM t')).to.deep.equal([
        { v: 'then' },
        { v: 'theirs 1' },
        { v: 'theirs 2' },
      ]);
      value(await p.manager().audit());
    });

    it('gives up where it never ends, with all of their rows in place', async () => {
      const { manifest } = value(await p.manager().createBackup());
      crowd(100);
      const error = failure(await p.manager().restore({ choice: { id: manifest.id } }));
      expect(error).to.include({ kind: 'restore-failed', exitCode: 1 });
      expect(error.message).to.contain('kept writing');
      Object.assign(driver, { connect });
      expect(p.rows('SELECT count(*) > 5 AS n FROM t')).to.deep.equal([{ n: 1 }]);
      expect(p.rows(`SELECT v FROM t WHERE v = 'theirs 1'`)).to.have.length(1);
      value(await p.manager().up());
      value(await p.manager().audit());
    });
  });
