// Retention is a pure decision, and a careful one: what nobody can spare is never on its list.
import { expect } from 'chai';
import fc from 'fast-check';
import { prunableBackups } from '#src/core/history/retention.js';
import type { RunRecord } from '#src/core/history/history.js';
import type { BackupManifest, BackupReason } from '#src/core/ports/backup-store.js';

const RUNS = ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'unknown'];

const manifest = (
  id: string,
  runId: string,
  createdAt: string,
  kind: BackupReason['kind'] = 'before-step',
): BackupManifest => ({
  format: 1,
  id,
  series: 'before-step',
  kind: 'file',
  databaseId: 'db',
  database: { label: 'app.db', path: '/app.db', dialect: 'sql' },
  engine: 'e',
  driver: 'd',
  createdAt,
  reason: { kind, runId },
  journal: { position: 1, hash: 'h' },
  files: [],
  copy: { pageSize: 1, pageCount: 1, userVersion: 0, applicationId: 0, journalMode: 'wal', tables: [] },
  verified: { at: createdAt, checks: [] },
  checksum: 'c',
});
const second = (n: number): string => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
const completed = (runId: string): RunRecord => ({ runId, kind: 'up', outcome: 'completed' });
const ids = (pruned: readonly { readonly backupId: string }[]): readonly string[] =>
  pruned.map(({ backupId }) => backupId).toSorted();

const manifests = fc
  .array(
    fc.record({
      runId: fc.constantFrom(...RUNS),
      at: fc.nat(12),
      kind: fc.constantFrom<BackupReason['kind']>('before-step', 'before-run', 'before-restore', 'manual'),
    }),
    { maxLength: 25 },
  )
  .map((all) => all.map(({ runId, at, kind }, index) => manifest(`b${index}`, runId, second(at), kind)));
const runs = fc
  .array(fc.constantFrom<RunRecord['outcome']>('completed', 'completed', 'completed', 'open', 'failed', 'recovered'), {
    minLength: 7,
    maxLength: 7,
  })
  .map((outcomes) => outcomes.map((outcome, index): RunRecord => ({ runId: `r${index}`, kind: 'up', outcome })));
const keep = fc.integer({ min: 1, max: 8 });

describe('prunableBackups', () => {
  it('lets go of the oldest completed runs beyond the number that is kept, with all their backups', () => {
    const backups = [
      manifest('a', 'r1', second(1)),
      manifest('b', 'r1', second(2)),
      manifest('c', 'r2', second(3)),
      manifest('d', 'r3', second(4)),
    ];
    const all = ['r1', 'r2', 'r3'].map(completed);
    expect(ids(prunableBackups(backups, all, 3))).to.deep.equal([]);
    expect(ids(prunableBackups(backups, all, 2))).to.deep.equal(['a', 'b']);
    expect(ids(prunableBackups(backups, all, 1))).to.deep.equal(['a', 'b', 'c']);
    expect(prunableBackups(backups, all, 2)[0]?.reason).to.contain('r1');
  });

  it('counts the age of a run by its newest backup', () => {
    const backups = [manifest('a', 'r1', second(1)), manifest('late', 'r1', second(9)), manifest('b', 'r2', second(2))];
    expect(ids(prunableBackups(backups, ['r1', 'r2'].map(completed), 1))).to.deep.equal(['b']);
  });

  it('never lets go of what a person asked for, of a run that did not complete, or of one that nobody knows', () => {
    fc.assert(
      fc.property(manifests, runs, keep, (backups, known, keepRuns) => {
        const outcomes = new Map(known.map((run) => [run.runId, run.outcome]));
        const gone = new Set(ids(prunableBackups(backups, known, keepRuns)));
        for (const { id, reason } of backups) {
          if (gone.has(id))
            expect([reason.kind === 'manual', outcomes.get(reason.runId)]).to.deep.equal([false, 'completed']);
        }
      }),
    );
  });

  it('keeps as many runs as it was told, and the newest of them', () => {
    fc.assert(
      fc.property(manifests, runs, keep, (backups, known, keepRuns) => {
        const gone = new Set(ids(prunableBackups(backups, known, keepRuns)));
        const automatic = backups.filter(({ reason }) => reason.kind !== 'manual');
        const kept = automatic.filter(({ id }) => !gone.has(id));
        const runsOf = (some: readonly BackupManifest[]): ReadonlySet<string> =>
          new Set(some.map(({ reason }) => reason.runId));
        expect(runsOf(kept).size).to.be.at.least(Math.min(keepRuns, runsOf(automatic).size));
        const newest = (runId: string): string =>
          automatic
            .filter(({ reason }) => reason.runId === runId)
            .reduce((top, b) => (b.createdAt > top ? b.createdAt : top), '');
        for (const old of runsOf(automatic.filter(({ id }) => gone.has(id)))) {
          const newer = [...runsOf(automatic)].filter((runId) => newest(runId) >= newest(old));
          expect(newer.length).to.be.greaterThan(keepRuns);
        }
      }),
    );
  });

  it('lets go of a run whole or not at all', () => {
    fc.assert(
      fc.property(manifests, runs, keep, (backups, known, keepRuns) => {
        const gone = new Set(ids(prunableBackups(backups, known, keepRuns)));
        const fates = new Map<string, boolean>();
        for (const { id, reason } of backups.filter((backup) => backup.reason.kind !== 'manual')) {
          expect(fates.get(reason.runId) ?? gone.has(id)).to.equal(gone.has(id));
          fates.set(reason.runId, gone.has(id));
        }
      }),
    );
  });

  it('finds nothing more once what it named is gone', () => {
    fc.assert(
      fc.property(manifests, runs, keep, (backups, known, keepRuns) => {
        const gone = new Set(ids(prunableBackups(backups, known, keepRuns)));
        expect(
          prunableBackups(
            backups.filter(({ id }) => !gone.has(id)),
            known,
            keepRuns,
          ),
        ).to.deep.equal([]);
      }),
    );
  });

  it('does not depend on the order in which backups and runs are listed', () => {
    const orders = manifests.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all], { minLength: all.length })),
    );
    fc.assert(
      fc.property(orders, runs, keep, ([backups, others], known, keepRuns) => {
        expect(ids(prunableBackups(others, known.toReversed(), keepRuns))).to.deep.equal(
          ids(prunableBackups(backups, known, keepRuns)),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('keeps a superset when it is to keep more', () => {
    fc.assert(
      fc.property(manifests, runs, keep, (backups, known, keepRuns) => {
        const few = new Set(ids(prunableBackups(backups, known, keepRuns)));
        for (const id of ids(prunableBackups(backups, known, keepRuns + 1))) expect(few.has(id)).to.equal(true);
      }),
    );
  });
});
