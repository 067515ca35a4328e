// One run at a time: the lock is held from before the first look until after the last record, whatever the run does.
import { expect } from 'chai';
import BetterSqlite3 from 'better-sqlite3';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { MigrationStep, type MigrateError } from 'migrate-safe';
import type { ResultAsync } from 'neverthrow';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

for (const driver of DRIVERS) {
  describe(`one run at a time (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({ '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);` });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());
    const other = () => p.manager({ lockWait: '50ms' });
    const others: Readonly<Record<string, () => ResultAsync<unknown, MigrateError>>> = {
      up: () => other().up(),
      down: () => other().down(),
      stamp: () => other().stamp('base'),
      'a backup': () => other().createBackup(),
      'a restore': () => other().restore({ choice: { latest: true } }),
    };
    const tryOthers = async (doing: string): Promise<void> => {
      for (const [what, attempt] of Object.entries(others)) {
        const error = failure(await attempt());
        expect(error, what).to.include({ kind: 'locked', exitCode: 4, state: 'unchanged', retryable: true });
        expect(error.message, what).to.contain(`pid ${process.pid}`).and.to.contain(doing);
      }
    };
    /** A step during which everybody else tries; it fails where one of them was let in. */
    const crowded = (transaction: 'none' | undefined): MigrationStep =>
      new MigrationStep(2, 'crowded', {
        apply: async () => {
          // The step's own file is one that the others do not have.
          p.write({ '0003_n.sql': 'CREATE TABLE n (x)' });
          await tryOthers('applying 2 crowded');
        },
        ...(transaction ? { transaction } : {}),
      });

    for (const transaction of [undefined, 'none'] as const)
      it(`keeps all others out of a step${transaction === undefined ? '' : ' without a transaction'}`, async () => {
        const report = value(await p.manager().addMigration(crowded(transaction)).up());
        expect(report.applied).to.have.length(1);
        value(await other().createBackup());
      });

    it('keeps all others out of a restore, also while it asks', async () => {
      p.write({ '0002_u.sql': 'CREATE TABLE u (x)' });
      value(await p.manager().up());
      p.write({ '0003_n.sql': 'CREATE TABLE n (x)' });
      let asked = false;
      value(
        await p.manager().restore({
          choice: { latest: true },
          confirm: async () => {
            await tryOthers('restoring');
            return (asked = true);
          },
        }),
      );
      expect(asked).to.equal(true);
      value(await other().up());
    });

    it('needs no lock and writes nothing where nothing is to be done, or only looked at', async () => {
      const contents = (): Record<string, string> =>
        Object.fromEntries(
          readdirSync(p.directory, { recursive: true, withFileTypes: true })
            .filter((one) => one.isFile())
            .map((one) => path.join(one.parentPath, one.name))
            .map((file) => [file, `${statSync(file).mtimeMs} ${readFileSync(file, 'latin1')}`]),
        );
      const before = contents();
      const holder = new BetterSqlite3(`${p.file}-migrate-lock`);
      holder.exec('BEGIN EXCLUSIVE');
      expect(value(await other().up())).to.deep.include({ runId: null, applied: [], current: '0001' });
      for (const look of [other().status(), other().plan(), other().history(), other().audit(), other().listBackups()])
        expect((await look).isOk()).to.equal(true);
      holder.close();
      expect(contents()).to.deep.equal(before);
    });

    it('lets the next one in after a run that failed, and after a restore that was declined', async () => {
      p.write({ '0002_u.sql': 'INSERT INTO nowhere VALUES (1)' });
      failure(await p.manager().up());
      const confirm = () => Promise.resolve(false);
      expect(failure(await other().restore({ choice: { latest: true }, confirm }))).to.include({
        kind: 'restore-declined',
      });
      value(await other().createBackup());
    });
  });
}
