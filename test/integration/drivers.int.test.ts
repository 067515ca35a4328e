// What both drivers promise about copies: complete, or an error; also where the driver itself would be silent.
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { loadDriver } from '#src/dao/dialects/sqlite/drivers/load-driver.js';
import { DRIVERS, project, value } from '../support/project.js';

for (const name of DRIVERS)
  describe(`a copy that meets a lock (${name})`, () => {
    for (const locked of ['source', 'destination'] as const)
      it(`of its ${locked} is an error, and copies nothing`, async () => {
        const p = project(name);
        p.sql(`CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('now')`);
        const driver = value(loadDriver(name, true));
        const copy = path.join(p.directory, 'copy.db');
        const connect = async (file: string) => value(await driver.connect(file, 'create', { busyWaitMs: 60 }));
        const [work, holder] = [await connect(p.file), await connect(locked === 'source' ? p.file : copy)];
        value(await holder.run('CREATE TABLE IF NOT EXISTS mine (x)'));
        value(await holder.run('BEGIN EXCLUSIVE'));
        const outcome = await work.copyTo(copy, () => undefined);
        expect(outcome._unsafeUnwrapErr().kind).to.equal('busy');
        value(await holder.run('ROLLBACK'));
        value(await holder.close());
        value(await work.close());
        if (existsSync(copy))
          expect(p.rowsOf(copy, `SELECT name FROM sqlite_schema WHERE name = 't'`)).to.deep.equal([]);
        p.remove();
      });

    it('of the transaction that its own connection is in is an error, and changes nothing', async () => {
      const p = project(name);
      p.sql(`CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('then')`);
      const driver = value(loadDriver(name, true));
      const work = value(await driver.connect(p.file, 'read', { busyWaitMs: 60 }));
      const copy = path.join(p.directory, 'copy.db');
      value(await work.copyTo(copy, () => undefined));
      value(await work.run('BEGIN IMMEDIATE'));
      value(await work.run(`UPDATE t SET v = 'now'`));
      expect((await work.copyFrom(copy, () => undefined)).isErr()).to.equal(true);
      value(await work.run('COMMIT'));
      value(await work.close());
      expect(p.rows('SELECT v FROM t')).to.deep.equal([{ v: 'now' }]);
      p.remove();
    });
  });
