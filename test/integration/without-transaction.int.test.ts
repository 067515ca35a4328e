// Steps without a transaction: the lower rungs of the ladder, and what a crash in one of them leaves.
import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { MigrationStep, type StepDefinition } from 'migrate-safe';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

for (const driver of DRIVERS) {
  describe(`a step without a transaction (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({
        '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1,'a'),(2,'b');`,
      });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());
    const withStep = (definition: Omit<StepDefinition, 'transaction'>) => {
      const safe = p.manager();
      safe.addMigration(new MigrationStep(2, 'outside', { ...definition, transaction: 'none' }));
      return safe;
    };
    const rungs = async () =>
      value(await p.manager().history())
        .filter((event) => event.type === 'StepRolledBack')
        .map((event) => event.data['rung']);

    it('can VACUUM, and is recorded with its effects', async () => {
      p.write({ '0002_vacuum.sql': `-- migrate-safe: no-transaction\nINSERT INTO t VALUES (3, 'c');\nVACUUM;` });
      const report = value(await p.manager().up());
      expect(report.applied[0]?.effects.tables).to.deep.equal({ t: { inserted: 1, updated: 0, deleted: 0 } });
      expect(report.applied[0]?.backups).to.have.length(1);
    });

    it('is in the journal and its mirror, with its backup, before it begins: a crash must leave a trace of it', async () => {
      const seen: unknown[] = [];
      const look = async (): Promise<void> => {
        seen.push(value(await p.manager().history()).at(-1));
        const mirror = path.join(p.backups, readdirSync(p.backups)[0] ?? '', 'journal.ndjson');
        seen.push(JSON.parse(readFileSync(mirror, 'utf8').trimEnd().split('\n').at(-1) ?? ''));
      };
      value(await withStep({ apply: look }).up());
      const [newest] = value(await p.manager().listBackups()).backups;
      expect(seen[0]).to.have.property('type', 'StepStarted');
      expect(seen[0]).to.have.nested.property('data.backupId', newest?.manifest.id);
      expect(seen[1]).to.deep.equal(seen[0]);
    });

    it('is put back from its file backup when it fails half-way', async () => {
      const before = p.dump();
      p.write({
        '0002_half.sql': `-- migrate-safe: no-transaction\nCREATE TABLE half (x);\nUPDATE t SET v = 'gone';\nINSERT INTO nowhere VALUES (1);`,
      });
      expect(failure(await p.manager().up())).to.include({ kind: 'step-failed', state: 'restored' });
      expect(p.dump()).to.equal(before);
      expect(await rungs()).to.deep.equal(['file-backup']);
      value(await p.manager().audit());
      p.write({ '0002_half.sql': `-- migrate-safe: no-transaction\nCREATE TABLE half (x);` });
      value(await p.manager().up());
    });

    it('is reverted by its own revert where that brings everything back', async () => {
      const before = p.dump();
      const safe = withStep({
        apply: (knex) => knex.raw('CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)'),
        revert: (knex) => knex.raw('DROP TABLE IF EXISTS half'),
      });
      expect(failure(await safe.up())).to.include({ state: 'rolled-back' });
      expect(p.dump()).to.equal(before);
      expect(await rungs()).to.deep.equal(['revert']);
    });

    it('is guarded: what it lost comes back', async () => {
      const before = p.dump();
      p.write({ '0002_loss.sql': `-- migrate-safe: no-transaction\nDELETE FROM t;` });
      expect(failure(await p.manager().up())).to.include({ kind: 'guard-refused', state: 'restored' });
      expect(p.dump()).to.equal(before);
    });

    it('stops for a person when others wrote meanwhile, and says how many rows are at stake', async () => {
      const safe = withStep({
        apply: async (knex) => {
          await knex.raw('CREATE TABLE half (x)');
          p.sql(`INSERT INTO t VALUES (10, 'from outside'), (11, 'from outside')`);
          throw new Error('half-way');
        },
      });
      const error = failure(await safe.up());
      expect(error).to.include({ kind: 'needs-person', exitCode: 5, rowsAtStake: 2, state: 'needs-attention' });
      expect(error.hint).to.match(/migrate-safe restore \d{8}T/);
      expect(p.rows('SELECT count(*) AS n FROM t')).to.deep.equal([{ n: 4 }]);
      // The next start does not go on over it.
      expect(failure(await p.manager().up())).to.include({ kind: 'needs-person', exitCode: 5 });
      const { backups } = value(await p.manager().listBackups());
      value(await p.manager().restore({ choice: { id: backups[0]?.manifest.id ?? '' } }));
      expect(p.rows('SELECT count(*) AS n FROM t')).to.deep.equal([{ n: 2 }]);
      value(await p.manager().up());
    });

    it('is not run again when its probe says that it is done', async () => {
      p.sql('CREATE TABLE made (x)');
      p.write({
        '0002_probe.sql': `-- migrate-safe: no-transaction\n-- migrate-safe: done-when SELECT count(*) FROM sqlite_schema WHERE name = 'made'\nCREATE TABLE made (x);`,
      });
      value(await p.manager().up());
      expect(value(await p.manager().status())).to.include({ current: '0002', pending: 0 });
    });

    it('is refused where there would be no way back', async () => {
      const safe = p.manager({ fileBackup: 'never' });
      safe.addMigration(new MigrationStep(2, 'outside', { apply: (knex) => knex.raw('VACUUM'), transaction: 'none' }));
      expect(failure(await safe.up())).to.include({ kind: 'usage', exitCode: 2 });
    });
  });
}
