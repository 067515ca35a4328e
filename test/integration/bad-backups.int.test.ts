// Backup directories and disks that fail: nothing is begun without a backup, nothing half-done stays, and the run goes on once there is room.
import { expect } from 'chai';
import BetterSqlite3 from 'better-sqlite3';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';
import { skipWithout } from '../support/rights.js';

const FIRST = {
  '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');`,
};
const fill = (rows: number): string =>
  `CREATE TABLE big (x);\nWITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO big SELECT randomblob(3000) FROM n;`;
const modeOf = (file: string): string => (statSync(file).mode & 0o777).toString(8);

for (const driver of DRIVERS) {
  describe(`backups and disks that fail (${driver})`, () => {
    let p: Project;
    const mounted: string[] = [];
    beforeEach(() => {
      p = project(driver);
      p.write(FIRST);
    });
    afterEach(() => {
      for (const directory of mounted.splice(0)) spawnSync('umount', [directory]);
      p.remove();
    });
    /** A file system of its own and small; false where this user may not mount. */
    const mount = (directory: string, size: string): boolean => {
      mkdirSync(directory, { recursive: true });
      const done =
        process.platform === 'linux' &&
        spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]).status === 0;
      if (done) mounted.push(directory);
      return done;
    };
    const remount = (directory: string, options: string): void =>
      void spawnSync('mount', ['-o', `remount,${options}`, directory]);

    it('creates the directory for its owner only', async () => {
      value(await p.manager().up());
      const walk = (directory: string): string[] => [
        directory,
        ...readdirSync(directory, { withFileTypes: true }).flatMap((e) =>
          e.isDirectory() ? walk(path.join(directory, e.name)) : [path.join(directory, e.name)],
        ),
      ];
      for (const file of walk(p.backups))
        expect(modeOf(file), file).to.equal(statSync(file).isDirectory() ? '700' : '600');
    });

    it('begins nothing where a file is in its place', async () => {
      value(await p.manager().up());
      p.write({ '0002_n.sql': 'CREATE TABLE n (x)' });
      const before = p.dump();
      renameSync(p.backups, `${p.backups}.away`);
      writeFileSync(p.backups, 'a file');
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'mirror-failed', exitCode: 1, state: 'unchanged' });
      expect(error.hint).to.contain('directory can be written');
      expect(p.dump()).to.equal(before);
    });

    it('begins nothing where it cannot write', async function () {
      if (!mount(p.backups, '40M')) skipWithout(this, 'the right to mount a small file system');
      value(await p.manager().up());
      p.write({ '0002_n.sql': 'CREATE TABLE n (x)' });
      const before = p.dump();
      remount(p.backups, 'ro');
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'backup-failed', exitCode: 1, state: 'unchanged' });
      expect(error.message).to.contain('read-only');
      expect(p.dump()).to.equal(before);
      remount(p.backups, 'rw');
      value(await p.manager().up());
      value(await p.manager().audit());
    });

    it('keeps a step whose mirror could not be written any more, says so, and catches the mirror up', async function () {
      if (!mount(p.backups, '40M')) skipWithout(this, 'the right to mount a small file system');
      // Its record is longer than what is left of the mirror's last page.
      p.write({
        '0001_t.sql': Array.from(
          { length: 80 },
          (_, i) => `CREATE TABLE a_rather_long_name_${i} (x); INSERT INTO a_rather_long_name_${i} VALUES (1);`,
        ).join('\n'),
      });
      const safe = p.manager();
      const filling = path.join(p.backups, 'filling');
      safe.onProgress((progress) => {
        if (progress.kind !== 'worked') return;
        try {
          writeFileSync(filling, Buffer.alloc(60_000_000));
        } catch {
          // It is full now: that was the point.
        }
      });
      const error = failure(await safe.up());
      expect(error).to.include({ kind: 'mirror-failed', exitCode: 1, state: 'needs-attention' });
      expect(error.message).to.contain('journal.ndjson').and.to.contain('the disk is full');
      expect(p.rows('SELECT version FROM migrate_safe_steps')).to.deep.equal([{ version: '0001' }]);
      rmSync(filling);
      value(await p.manager().up());
      value(await p.manager().audit());
      expect(value(await p.manager().status())).to.include({ pending: 0, current: '0001' });
    });

    it('counts the room for the backups before the first one', async function () {
      if (!mount(p.backups, '200k')) skipWithout(this, 'the right to mount a small file system');
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'disk-space', exitCode: 1, state: 'unchanged' });
      expect(existsSync(p.file) ? p.dump() : '').to.equal('');
    });

    it('counts the room for a backup of each step, or for the one of the run', async function () {
      if (!mount(p.backups, '60M')) skipWithout(this, 'the right to mount a small file system');
      p.write({ '0001_t.sql': fill(300) });
      value(await p.manager().up());
      const steps = Array.from({ length: 60 }, (_, i): [string, string] => [
        `${i + 2}_n.sql`,
        `CREATE TABLE n${i} (x)`,
      ]);
      p.write(Object.fromEntries(steps));
      expect(failure(await p.manager().up())).to.include({ kind: 'disk-space', exitCode: 1, state: 'unchanged' });
      expect(value(await p.manager().status())).to.include({ pending: 60 });
      value(await p.manager({ fileBackup: 'each-run' }).up());
    });

    it('rolls a step back when the disk of the database is full, and goes on when there is room', async function () {
      const small = path.join(p.directory, 'small');
      if (!mount(small, '400k')) skipWithout(this, 'the right to mount a small file system');
      const manager = () => p.manager({ database: `sqlite:${path.join(small, 'app.db')}?driver=${driver}` });
      value(await manager().up());
      p.write({ '0002_big.sql': `UPDATE t SET v = v || '!';\n${fill(200)}` });
      const error = failure(await manager().up());
      expect(error).to.include({ exitCode: 1, state: 'rolled-back' });
      expect(error.message).to.contain('full');
      expect(error.hint).to.contain('Free some space').and.to.contain('rolled back');
      value(await manager().audit());
      remount(small, 'size=4M');
      value(await manager().up());
      value(await manager().audit());
    });

    it('calls a person when a step without a transaction cannot be undone either, and does not run it over what is half-done', async function () {
      const small = path.join(p.directory, 'small');
      if (!mount(small, '4M')) skipWithout(this, 'the right to mount a small file system');
      const file = path.join(small, 'app.db');
      const manager = () => p.manager({ database: `sqlite:${file}?driver=${driver}` });
      p.write({ '0001_t.sql': `${FIRST['0001_t.sql']} ${fill(100)}` });
      value(await manager().up());
      remount(small, `size=${Math.ceil((statSync(file).size + 180_000) / 1024)}k`);
      p.write({
        '0002_half.sql': `-- migrate-safe: no-transaction\nUPDATE t SET v = v || '!';\nDELETE FROM big WHERE rowid % 2 = 0;\nINSERT INTO nowhere VALUES (1);`,
      });
      for (const error of [failure(await manager().up()), failure(await manager().up())]) {
        expect(error).to.include({ kind: 'needs-person', exitCode: 5, state: 'needs-attention' });
        expect(error.hint).to.match(/migrate-safe restore \d{8}T/);
      }
      remount(small, 'size=8M');
      const again = failure(await manager().up());
      expect(again).to.include({ kind: 'needs-person', exitCode: 5 });
      value(await manager().restore({ choice: { id: /restore (\S+)/.exec(again.hint)?.[1] ?? '' } }));
      p.write({ '0002_half.sql': `-- migrate-safe: no-transaction\nUPDATE t SET v = v || '!';` });
      value(await manager().up());
      value(await manager().audit());
      const db = new BetterSqlite3(file, { readonly: true });
      expect(db.prepare('SELECT v FROM t').pluck().all()).to.deep.equal(['a!', 'b!']);
      db.close();
    });

    it('lists what is foreign, renamed or junk as damaged, restores none of it, and goes on', async () => {
      const other = project(driver);
      other.write(FIRST);
      value(await other.manager().up());
      value(await p.manager().up());
      const [theirs, ours] = [
        value(await other.manager().listBackups()).backups[0],
        value(await p.manager().listBackups()).backups[0],
      ];
      const series = path.dirname(ours?.directory ?? '');
      const foreign = theirs?.manifest.id ?? '';
      cpSync(theirs?.directory ?? '', path.join(series, foreign), { recursive: true });
      cpSync(ours?.directory ?? '', path.join(series, '20260101T000000000Z-renamed0'), { recursive: true });
      mkdirSync(path.join(series, 'junk'));
      writeFileSync(path.join(series, 'junkfile'), 'x');
      const { backups, damaged } = value(await p.manager().listBackups());
      expect(backups).to.have.length(1);
      expect(damaged.map(({ id }) => id)).to.have.members([
        foreign,
        '20260101T000000000Z-renamed0',
        'junk',
        'junkfile',
      ]);
      const before = p.dump();
      for (const id of [foreign, '20260101T000000000Z-renamed0', 'junk'])
        expect(failure(await p.manager().restore({ choice: { id } }))).to.include({
          kind: 'backup-corrupt',
          exitCode: 3,
        });
      expect(failure(await p.manager().restore({ choice: { id: `../../${foreign}` } }))).to.include({
        kind: 'backup-not-found',
      });
      expect(p.dump()).to.equal(before);
      p.write({ '0002_n.sql': 'CREATE TABLE n (x)' });
      value(await p.manager().up());
      other.remove();
    });

    it('does not call backups none, nor the mirror the same, where they cannot be looked at', async () => {
      value(await p.manager().up());
      const own = path.join(p.backups, readdirSync(p.backups)[0] ?? '');
      const series = path.join(own, 'series');
      renameSync(series, `${series}.aside`);
      writeFileSync(series, 'in the way');
      expect(value(await p.manager().listBackups()).damaged).to.have.length(1);
      expect(value(await p.manager().status())).to.deep.include({ lastBackup: undefined, damagedBackups: 1 });
      const unread = failure(await p.manager().restore({ choice: { latest: true } }));
      expect(unread.message).to.match(/^no backup of this database in .* can be read: it cannot be read/);
      expect(unread.hint).to.match(/^They are there: see that this user may read the folder/);
      rmSync(series);
      renameSync(`${series}.aside`, series);
      renameSync(own, `${own}.aside`);
      writeFileSync(own, 'in the way');
      expect(failure(await p.manager().audit())).to.include({ kind: 'mirror-failed', state: 'unchanged' });
      value(await p.manager().status());
      rmSync(own);
      renameSync(`${own}.aside`, own);
      value(await p.manager().audit());
      expect(value(await p.manager().listBackups()).backups).to.have.length(1);
    });

    it('names a copy that has another size than it was written with, wherever backups are told', async () => {
      value(await p.manager().up());
      const [backup] = value(await p.manager().listBackups()).backups;
      const id = backup?.manifest.id ?? '';
      truncateSync(backup?.file ?? '', 1000);
      const { backups, damaged } = value(await p.manager().listBackups());
      expect(backups.map(({ manifest }) => manifest.id)).to.deep.equal([id]);
      expect(damaged.map((one) => [one.id, one.detail])).to.deep.equal([
        [id, `its copy has 1000 bytes instead of ${backup?.manifest.files[0]?.bytes}`],
      ]);
      expect(value(await p.manager().status()).damagedBackups).to.equal(1);
      rmSync(backup?.file ?? '');
      expect(value(await p.manager().listBackups()).damaged.map(({ detail }) => detail)).to.deep.equal([
        'the copy of the database is missing',
      ]);
      expect(failure(await p.manager().restore({ choice: { id } }))).to.include({ kind: 'backup-corrupt' });
    });

    it('sweeps what a killed run left half-written', async () => {
      value(await p.manager().up());
      const half = path.join(
        p.backups,
        readdirSync(p.backups)[0] ?? '',
        'tmp',
        '20260101T000000000Z-00000000.partial',
        'data',
      );
      mkdirSync(half, { recursive: true });
      writeFileSync(path.join(half, 'database.sqlite'), 'half');
      expect(value(await p.manager().listBackups()).damaged).to.deep.equal([]);
      p.write({ '0002_n.sql': 'CREATE TABLE n (x)' });
      value(await p.manager().up());
      expect(existsSync(half)).to.equal(false);
    });
  });
}
