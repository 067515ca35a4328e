// The switch to a restored copy, with somebody who writes at the worst moments: between two statements of the switch itself.
import { expect } from 'chai';
import { okAsync, type ResultAsync } from 'neverthrow';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import type { SqlError, SqlValue } from '#src/core/ports/session.js';
import { LiveRestore } from '#src/dao/dialects/sqlite/backup/live-restore.js';
import type { SqliteConnection, SqliteDriver } from '#src/dao/dialects/sqlite/drivers/driver.js';
import { loadDriver } from '#src/dao/dialects/sqlite/drivers/load-driver.js';
import { SqliteHold } from '#src/dao/dialects/sqlite/hold.js';
import { DRIVERS, project, value, type Project } from '../support/project.js';

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
