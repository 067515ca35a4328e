// What must outlive a power cut: each file is on disk before the name that says so, and each name before what relies on it.
import { expect } from 'chai';
import { MigrationStep } from 'migrate-safe';
import { rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { watchLasting, type Lasting } from '../support/lasting.js';
import { DRIVERS, project, value, type Project } from '../support/project.js';

for (const driver of DRIVERS) {
  describe(`what must outlive a power cut (${driver})`, () => {
    let p: Project;
    let lasting: Lasting;
    beforeEach(async function () {
      if (process.platform !== 'linux') this.skip();
      p = project(driver);
      p.write({ '0001_t.sql': 'CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);' });
      // Ids differ from run to run: DB is that of the database, ID that of a backup, RUN that of a run.
      lasting = await watchLasting((file) =>
        path
          .relative(p.directory, file)
          .replace(/^backups\/[^/]+/, 'DB')
          .replaceAll(/\d{8}T[^/.]+/g, 'ID')
          .replace(/[0-9a-f]{16}$/, 'RUN'),
      );
    });
    afterEach(() => {
      lasting.stop();
      p.remove();
    });

    it('is a backup whole, before it has its name; and its name, before the step begins', async () => {
      const safe = p.manager();
      let stepBeganAt = -1;
      safe.addMigration(
        new MigrationStep(2, 'looks', {
          apply: () => {
            stepBeganAt = lasting.done.length;
          },
        }),
      );
      value(await safe.up({ to: '1' }));
      const from = lasting.done.length;
      value(await safe.up());
      const before = lasting.done.slice(from, stepBeganAt).filter((line) => line !== 'sync DB/journal.ndjson');
      expect(before).to.deep.equal([
        'sync DB/tmp/ID.partial/data/database.sqlite',
        'sync DB/tmp/ID.partial/manifest.copy.json.tmp',
        'rename DB/tmp/ID.partial/manifest.copy.json.tmp -> DB/tmp/ID.partial/manifest.copy.json',
        'sync DB/tmp/ID.partial/manifest.json.tmp',
        'rename DB/tmp/ID.partial/manifest.json.tmp -> DB/tmp/ID.partial/manifest.json',
        'sync DB/tmp/ID.partial/data',
        'sync DB/tmp/ID.partial',
        'rename DB/tmp/ID.partial -> DB/series/db/ID',
        'sync DB/series/db',
        'sync DB/tmp',
      ]);
    });

    it('is the mirror, with the events of each commit, and its name', async () => {
      const safe = p.manager();
      value(await safe.up());
      // The start of the run, the step, the end of the run.
      expect(lasting.done.filter((line) => line === 'sync DB/journal.ndjson')).to.have.length(3);
      expect(lasting.done).to.include('sync DB');
    });

    it('is every folder of backups, in the one above it', async () => {
      value(await p.manager().up());
      const named = lasting.done.indexOf('rename DB/tmp/ID.partial -> DB/series/db/ID');
      // The folder of the project has the name `backups`, `backups` has DB, and so on down.
      for (const above of ['', 'backups', 'DB', 'DB/series', 'DB/series/db'])
        expect(lasting.done, above).to.include(`sync ${above}`);
      expect(lasting.done.slice(0, named)).to.include('sync DB/series').and.to.include('sync backups');
    });

    it('is a commit, in the journal and in a step', async () => {
      const seen: unknown[] = [];
      const look = (version: number): MigrationStep =>
        new MigrationStep(version, 'looks', {
          apply: async (knex) => {
            seen.push(await knex.raw('PRAGMA synchronous'));
            // What sets something costs the next step a fresh connection.
            await knex.raw('PRAGMA cache_size = -4000');
          },
        });
      const safe = p.manager();
      safe.addMigration(look(2)).addMigration(look(3));
      value(await safe.up());
      // 3 is EXTRA: https://sqlite.org/pragma.html#pragma_synchronous
      expect(seen).to.deep.equal([[{ synchronous: 3 }], [{ synchronous: 3 }]]);
    });

    it('is a database that takes the place of a lost one', async () => {
      value(await p.manager().up());
      rmSync(p.file);
      const from = lasting.done.length;
      value(await p.manager().restore({ choice: { latest: true } }));
      const done = lasting.done.slice(from).filter((line) => line !== 'sync DB/journal.ndjson');
      expect(done).to.deep.equal([
        'sync app.db.migrate-restore-RUN',
        'sync ',
        'rename app.db.migrate-restore-RUN -> app.db',
        'sync ',
      ]);
    });

    it('shows nobody else who holds the lock', async () => {
      value(await p.manager().up());
      expect(statSync(`${p.file}-migrate-lock.json`).mode & 0o777).to.equal(0o600);
    });
  });
}
