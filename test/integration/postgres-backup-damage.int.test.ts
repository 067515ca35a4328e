// Damaged archives of PostgreSQL: cut short anywhere, changed by a bit anywhere, half-written, or no archive at all.
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { readArchive } from '#src/dao/dialects/postgres/backup/archive.js';
import { backedDatabase, type Backed } from '../support/postgres-archives.js';
import { needsTools } from '../support/postgres-version.js';
import { value } from '../support/project.js';

const POSITIONS = 24;

describe('a damaged archive', () => {
  let backed: Backed;
  let whole: string;
  let end = async (): Promise<void> => undefined;
  let data: { readonly from: number; readonly to: number };

  before(async function () {
    await needsTools(this);
    this.timeout(60_000);
    backed = await backedDatabase(this);
    end = () => backed.end();
    await backed.sql(`CREATE TABLE a AS SELECT i, md5(i::text) AS m FROM generate_series(1, 5000) AS i;
      CREATE TABLE b AS SELECT i, repeat(md5(i::text), 3) AS m FROM generate_series(1, 5000) AS i;
      SELECT lo_from_bytea(0, decode(repeat('00ff5c', 3000), 'hex'))`);
    whole = await backed.archive('whole.dump');
    const offsets = value(await readArchive(whole)).entries.flatMap(({ offset }) => offset ?? []);
    data = { from: Math.min(...offsets), to: readFileSync(whole).length };
  });
  after(() => end());

  const damaged = (change: (file: string) => void): string => {
    const file = path.join(backed.directory, 'damaged.dump');
    copyFileSync(whole, file);
    change(file);
    return file;
  };
  const flip = (at: number, bit: number) => (file: string) => {
    const bytes = readFileSync(file);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
    writeFileSync(file, bytes);
  };
  const isFound = async (file: string, level: 'quick' | 'full'): Promise<boolean> => {
    const checked = await backed.source.check(file, level);
    return checked.isErr() && checked.error.kind === 'check-failed';
  };
  /** Evenly over a range, both its ends included. */
  const positions = (from: number, to: number): number[] =>
    Array.from({ length: POSITIONS }, (_, i) => from + Math.round(((to - 1 - from) * i) / (POSITIONS - 1)));

  it('is found wherever it was cut short, by reading it through', async () => {
    for (const length of [0, 1, 5, ...positions(6, data.to)])
      expect(
        await isFound(
          damaged((file) => truncateSync(file, length)),
          'full',
        ),
        `cut to ${length}`,
      ).to.equal(true);
  }).timeout(300_000);

  it('is found at once where it was cut within its contents, or before the data of its last table', async () => {
    const lastTable = Math.max(...value(await readArchive(whole)).entries.flatMap(({ offset }) => offset ?? []));
    for (const length of [0, 1, 5, ...positions(6, lastTable)])
      expect(
        await isFound(
          damaged((file) => truncateSync(file, length)),
          'quick',
        ),
        `cut to ${length}`,
      ).to.equal(true);
  }).timeout(300_000);

  it('is found wherever a bit of its data is another one, by reading it through', async () => {
    const missed: string[] = [];
    for (const [i, at] of positions(data.from, data.to).entries())
      if (!(await isFound(damaged(flip(at, i % 8)), 'full'))) missed.push(`bit ${i % 8} of byte ${at}`);
    expect(missed).to.deep.equal([]);
  }).timeout(300_000);

  it('is found where the number of a large object is another one, which pg_restore takes as it is', async function () {
    const objects = value(await readArchive(whole)).entries.find(
      ({ kind }) => kind.startsWith('BLOB') && kind !== 'BLOB',
    );
    // Before version 17: the kind of the block, its number, and the sign of the object's number come before it.
    if (objects?.offset === undefined || objects.kind !== 'BLOBS') return this.skip();
    expect(await isFound(damaged(flip(objects.offset + 7, 0)), 'full')).to.equal(true);
  });

  it('is no archive where it begins as none', async () => {
    for (const content of ['', 'PGDMP', 'SQLite format 3\0', 'PGDMP\u0001\u0010\0\u0004\u0008\u0001']) {
      const file = damaged((copy) => writeFileSync(copy, content));
      expect(await isFound(file, 'quick'), content).to.equal(true);
    }
  });

  it('is found where pg_dump did not come to its end, though nothing of it is wrong', async () => {
    // What pg_dump notes as its last act, taken back: the place of the data.
    const bytes = readFileSync(whole);
    const { entries } = value(await readArchive(whole));
    const last = entries.findLast(({ offset }) => offset !== undefined);
    const noted = Buffer.alloc(9);
    noted.writeUInt8(2, 0);
    noted.writeBigUInt64LE(BigInt(last?.offset ?? 0), 1);
    const at = bytes.indexOf(noted);
    expect(at).to.be.greaterThan(0);
    bytes.writeUInt8(1, at);
    const file = damaged((copy) => writeFileSync(copy, bytes));
    const checked = await backed.source.check(file, 'quick');
    expect(checked.isErr() && checked.error).to.deep.include({ kind: 'check-failed', check: 'header' });
  });

  it('is an error, not an answer, for those who read rows from it', async () => {
    const file = damaged((copy) => truncateSync(copy, data.to - 40));
    for (const outcome of [
      await backed.source.fingerprint(file),
      await backed.source.atStake(file, 'all'),
      await backed.copies.contentOf(file),
    ])
      expect(outcome.isErr()).to.equal(true);
  });
});
