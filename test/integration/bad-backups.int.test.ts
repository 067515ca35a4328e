// Backup directories and disks that fail: nothing is begun without a backup, nothing half-done stays, and the run goes on once there is room.
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

const FIRST = { '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');` };
const BIG = 'CREATE TABLE big (x);\nWITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO big SELECT randomblob(3000) FROM n;';
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
      const done = process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]).status === 0;
      if (done) mounted.push(directory);
      else process.stderr.write('      SKIPPED: no right to mount a small file system here\n');
      return done;
    };
    const remount = (directory: string, options: string): void => void spawnSync('mount', ['-o', `remount,${options}`, directory]);

    it('creates the directory for its owner only', async () => {
      value(await p.manager().up());
      const walk = (directory: string): string[] => [directory, ...readdirSync(directory, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(path.join(directory, e.name)) : [path.join(directory, e.name)]))];
      for (const file of walk(p.backups)) expect(modeOf(file), file).to.equal(statSync(file).isDirectory() ? '700' : '600');
    });

    it('begins nothing where a file is in its place', async () => {
      value(await p.manager().up());
      p.write({ '0002_n.sql': 'CREATE TABLE n (x)' });
      const before = p.dump();
      renameSync(p.backups, `${p.backups}.away`);
      writeFileSync(p.backups, 'a file');
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'backup-failed', exitCode: 1, state: 'unchanged' });
      expect(error.hint).to.contain('--backups');
      expect(p.dump()).to.equal(before);
    });

    it('begins nothing where it cannot write', async function () {
      if (!mount(p.backups, '40M')) this.skip();
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

    it('says that a step was applied when only its mirror could not be written, and catches it up', async function () {
      if (!mount(p.backups, '40M')) this.skip();
      const safe = p.manager();
      safe.onProgress((progress) => {
        if (progress.kind === 'worked') remount(p.backups, 'ro');
      });
      // Files that are open for writing keep a file system from becoming read-only: then there is nothing to see here.
      const outcome = await safe.up();
      expect(p.rows('SELECT count(*) AS n FROM t')).to.deep.equal([{ n: 2 }]);
      if (outcome.isErr()) expect(outcome.error.kind).to.equal('backup-failed');
      remount(p.backups, 'rw');
      value(await p.manager().up());
      value(await p.manager().audit());
    });

    it('counts the room for the backups before the first one', async function () {
      if (!mount(p.backups, '200k')) this.skip();
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'disk-space', exitCode: 1, state: 'unchanged' });
      expect(existsSync(p.file) ? p.dump() : '').to.equal('');
    });

    it('rolls a step back when the disk of the database is full, and goes on when there is room', async function () {
      const small = path.join(p.directory, 'small');
      if (!mount(small, '400k')) this.skip();
      const manager = () => p.manager({ database: `sqlite:${path.join(small, 'app.db')}?driver=${driver}` });
      value(await manager().up());
      for (const [version, directive] of [['0002', ''], ['0003', '-- migrate-safe: no-transaction\n']] as const) {
        p.write({ [`${version}_big.sql`]: `${directive}UPDATE t SET v = v || '!';\n${BIG.replaceAll('big', `big${version}`)}` });
        const error = failure(await manager().up());
        expect(error.message).to.contain('full');
        expect(error.hint).to.contain('Free some space');
        expect(error).to.include({ exitCode: 1, state: directive === '' ? 'rolled-back' : 'restored' });
        value(await manager().audit());
        expect(value(await manager().status())).to.include({ pending: 1 });
        remount(small, version === '0002' ? 'size=2M' : 'size=8M');
        value(await manager().up());
        value(await manager().audit());
        remount(small, `size=${Math.ceil((statSync(path.join(small, 'app.db')).size + 300_000) / 1024)}k`);
      }
    });

    it('lists what is foreign, renamed or junk as damaged, restores none of it, and goes on', async () => {
      const other = project(driver);
      other.write(FIRST);
      value(await other.manager().up());
      value(await p.manager().up());
      const [theirs, ours] = [value(await other.manager().listBackups()).backups[0], value(await p.manager().listBackups()).backups[0]];
      const series = path.dirname(ours?.directory ?? '');
      const foreign = theirs?.manifest.id ?? '';
      cpSync(theirs?.directory ?? '', path.join(series, foreign), { recursive: true });
      cpSync(ours?.directory ?? '', path.join(series, '20260101T000000000Z-renamed0'), { recursive: true });
      mkdirSync(path.join(series, 'junk'));
      writeFileSync(path.join(series, 'junkfile'), 'x');
      const { backups, damaged } = value(await p.manager().listBackups());
      expect(backups).to.have.length(1);
      expect(damaged.map(({ id }) => id)).to.have.members([foreign, '20260101T000000000Z-renamed0', 'junk', 'junkfile']);
      const before = p.dump();
      for (const id of [foreign, '20260101T000000000Z-renamed0', 'junk']) expect(failure(await p.manager().restore({ choice: { id } }))).to.include({ kind: 'backup-corrupt', exitCode: 3 });
      expect(failure(await p.manager().restore({ choice: { id: `../../${foreign}` } }))).to.include({ kind: 'backup-not-found' });
      expect(p.dump()).to.equal(before);
      p.write({ '0002_n.sql': 'CREATE TABLE n (x)' });
      value(await p.manager().up());
      other.remove();
    });

    it('sweeps what a killed run left half-written', async () => {
      value(await p.manager().up());
      const half = path.join(p.backups, readdirSync(p.backups)[0] ?? '', 'tmp', '20260101T000000000Z-00000000.partial', 'data');
      mkdirSync(half, { recursive: true });
      writeFileSync(path.join(half, 'database.sqlite'), 'half');
      expect(value(await p.manager().listBackups()).damaged).to.deep.equal([]);
      p.write({ '0002_n.sql': 'CREATE TABLE n (x)' });
      value(await p.manager().up());
      expect(existsSync(half)).to.equal(false);
    });
  });
}
