// A backup counts only once it is proven: what is wrong with a copy shows when it is taken, and again before it is put back.
import { expect } from 'chai';
import { errAsync, okAsync } from 'neverthrow';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FileBackupStore } from '#src/backup/file-store.js';
import type { BackupSource, ContentFingerprint, CopyFacts } from '#src/core/ports/backup-source.js';
import type { BackupError, StoredBackup } from '#src/core/ports/backup-store.js';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

for (const driver of DRIVERS) {
  describe(`a proven backup (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({
        '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, w TEXT); CREATE INDEX t_v ON t (v); INSERT INTO t VALUES (1, 'a', 'c'), (2, 'b', 'd');`,
      });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());
    /** The index says that it is of another column: every row can still be read, and each page is in order. */
    const spoilIndex = (): void => {
      const bytes = readFileSync(p.file);
      bytes.write('ON t (w)', bytes.indexOf('ON t (v)'), 'latin1');
      writeFileSync(p.file, bytes);
    };

    it('is not taken of a database whose pages do not add up, and no step begins without it', async () => {
      p.sql('CREATE TABLE freed AS SELECT randomblob(40000); DROP TABLE freed');
      const bytes = readFileSync(p.file);
      // One free page too many: https://sqlite.org/fileformat2.html#free_page_list. Every row can still be read and written.
      bytes.writeUInt32BE(bytes.readUInt32BE(36) + 1, 36);
      writeFileSync(p.file, bytes);
      const before = p.dump();
      p.write({ '0002_n.sql': `UPDATE t SET v = 'x'` });
      expect(failure(await p.manager().up())).to.include({ kind: 'database-unusable', reason: 'corrupt' });
      expect(p.dump()).to.equal(before);
    });

    for (const state of ['open', 'gone'] as const)
      it(`is read whole before it is put back over a database that is ${state}`, async () => {
        spoilIndex();
        const { manifest } = value(await p.manager().createBackup());
        if (state === 'gone') rmSync(p.file);
        const error = failure(await p.manager().restore({ choice: { id: manifest.id } }));
        expect(error).to.include({ kind: 'backup-corrupt', check: 'integrity_check', exitCode: 3 });
        expect(readdirSync(p.directory).filter((name) => name.includes('restore'))).to.deep.equal([]);
      });

    it('stands alone, and in no WAL mode: put back, it would change that of the database', async () => {
      p.sql('PRAGMA journal_mode = wal');
      const { file } = value(await p.manager().createBackup());
      // https://sqlite.org/fileformat2.html#file_format_version_numbers: 2 is WAL.
      expect([...readFileSync(file).subarray(18, 20)]).to.deep.equal([1, 1]);
      expect(readdirSync(path.dirname(file))).to.deep.equal(['database.sqlite']);
    });

    it('says where the journal inside it ends', async () => {
      p.write({ '0002_n.sql': 'CREATE TABLE n (x)' });
      value(await p.manager().up());
      const [newest] = value(await p.manager().listBackups()).backups;
      const ends = p.rowsOf(
        newest?.file ?? '',
        'SELECT position, hash FROM migrate_safe_events ORDER BY 1 DESC LIMIT 1',
      );
      expect([newest?.manifest.journal]).to.deep.equal(ends);
    });

    it('is the latest, though a restore has kept a copy since', async () => {
      const restore = async () => value(await p.manager().restore({ choice: { latest: true } })).backup.manifest.id;
      expect(await restore()).to.equal(await restore());
    });

    it('is not blended with the log of a database that is gone', async () => {
      value(await p.manager().createBackup());
      rmSync(p.file);
      writeFileSync(`${p.file}-wal`, 'what was written last');
      const { movedAside } = value(await p.manager().restore({ choice: { latest: true } }));
      expect(movedAside.map((file) => readFileSync(file, 'utf8'))).to.deep.equal(['what was written last']);
      expect(p.rows('SELECT count(*) AS n FROM t')).to.deep.equal([{ n: 2 }]);
    });

    it('is not taken at all where its integrity was asked for and is not there', async () => {
      spoilIndex();
      expect(failure(await p.manager().createBackup({ verify: 'full' }))).to.include({ kind: 'backup-corrupt' });
      expect(value(await p.manager().listBackups()).backups).to.have.length(1);
    });
  });
}

describe('the store of backups', () => {
  const PAGE = 512;
  const FACTS: CopyFacts = {
    pageSize: PAGE,
    pageCount: 2,
    userVersion: 0,
    applicationId: 0,
    journalMode: 'delete',
    tables: ['t'],
  };
  const content = (digest: string): ContentFingerprint => ({
    schema: 's',
    foreignKeyViolations: 0,
    tables: { t: { rows: 1, digest } },
  });
  const whole = Buffer.concat([Buffer.from('SQLite format 3\0', 'latin1'), Buffer.alloc(2 * PAGE - 16)]);
  const sourceOf = (bytes: Buffer, other: Partial<BackupSource> = {}): BackupSource => ({
    supported: true,
    form: {
      fileName: 'database.sqlite',
      header: 'SQLite format 3\0',
      checks: { quick: 'quick_check', full: 'integrity_check' },
    },
    size: () => okAsync(bytes.length),
    copyTo: (file) => {
      writeFileSync(file, bytes);
      return okAsync(undefined);
    },
    check: () => okAsync(FACTS),
    fingerprint: () => okAsync(content('d')),
    atStake: () => okAsync([]),
    ...other,
  });
  let root: string;
  let store: FileBackupStore;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    store = new FileBackupStore(root, { now: () => new Date(0) }, { hex: (n) => '0'.repeat(n) }, 'test');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const take = async (source: BackupSource): Promise<StoredBackup | BackupError> =>
    store
      .take({
        source,
        databaseId: 'db',
        database: { label: 'a', path: '/a', dialect: 'sqlite' },
        driver: 'd',
        reason: { kind: 'manual', runId: 'r' },
        journal: { position: 0, hash: '' },
        verify: 'full',
        onProgress: () => undefined,
      })
      .match<StoredBackup | BackupError>(
        (taken) => taken,
        (error) => error,
      );

  const wrong: Readonly<Record<string, readonly [BackupSource, string]>> = {
    'does not begin as a database does': [sourceOf(Buffer.alloc(2 * PAGE)), 'header'],
    'is shorter than its header says': [sourceOf(whole.subarray(0, PAGE)), 'header'],
    'is longer than its header says': [sourceOf(Buffer.concat([whole, Buffer.alloc(PAGE)])), 'header'],
    'does not pass the check of its structure': [
      sourceOf(whole, { check: () => errAsync({ kind: 'check-failed', check: 'integrity_check', detail: 'no' }) }),
      'integrity_check',
    ],
  };
  for (const [what, [source, check]] of Object.entries(wrong))
    it(`keeps no copy that ${what}`, async () => {
      expect(await take(source)).to.include({ kind: 'backup-corrupt', check });
      expect(readdirSync(root, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())).to.deep.equal(
        [],
      );
    });

  it('proves the rows of a copy that was taken with their digests, and its structure in full', async () => {
    const taken = await take(sourceOf(whole));
    if ('kind' in taken) throw new Error(`not taken: ${JSON.stringify(taken)}`);
    const levels: string[] = [];
    const check: BackupSource['check'] = (_, level) => {
      levels.push(level);
      return okAsync(FACTS);
    };
    expect((await store.verify(taken, sourceOf(whole, { check }), 'full')).isOk()).to.equal(true);
    expect(levels).to.deep.equal(['full']);
    const others = sourceOf(whole, { fingerprint: () => okAsync(content('another')) });
    expect((await store.verify(taken, others, 'full'))._unsafeUnwrapErr()).to.include({
      kind: 'backup-corrupt',
      check: 'content',
    });
  });
});
