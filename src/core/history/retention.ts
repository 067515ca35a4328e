// Which backups can go: a pure decision from the backups there are and the runs that took them.
import type { BackupManifest } from '../ports/backup-store.js';
import { compareText } from '../schema/names.js';
import type { StoredEvent } from '../events/envelope.js';
import type { RunRecord } from './history.js';

/** A backup that can go, and why. */
export interface Prunable {
  readonly backupId: string;
  readonly reason: string;
}

/**
 * Keeps the backups of the newest `keepRuns` runs, all of runs that did not complete, and all that a person asked for.
 * A backup of a run that the journal does not know is kept: nobody can say what it is for.
 */
export function prunableBackups(
  manifests: readonly Pick<BackupManifest, 'id' | 'createdAt' | 'reason'>[],
  runs: readonly RunRecord[],
  keepRuns: number,
): Prunable[] {
  const outcomes = new Map(runs.map((run) => [run.runId, run.outcome]));
  const automatic = manifests.filter(({ reason }) => reason.kind !== 'manual');
  const newestOf = new Map<string, string>();
  for (const { reason, createdAt } of automatic) {
    const newest = newestOf.get(reason.runId);
    if (newest === undefined || createdAt > newest) newestOf.set(reason.runId, createdAt);
  }
  const byAge = [...newestOf]
    .toSorted((a, b) => compareText(b[1], a[1]) || compareText(a[0], b[0]))
    .map(([runId]) => runId);
  const old = new Set(byAge.slice(keepRuns).filter((runId) => outcomes.get(runId) === 'completed'));
  return automatic
    .filter(({ reason }) => old.has(reason.runId))
    .map(({ id, reason }) => ({
      backupId: id,
      reason: `of completed run ${reason.runId}, older than the newest ${keepRuns}`,
    }));
}

/**
 * Copies whose run was killed before it could record them: nothing came of what they were taken for. Only runs that had
 * begun before `events` ended are known well enough to say so.
 */
export function unrecordedBackups(
  backups: readonly Pick<BackupManifest, 'id' | 'reason'>[],
  events: readonly Pick<StoredEvent, 'type' | 'runId' | 'data'>[],
): readonly string[] {
  const runs = new Set(events.map(({ runId }) => runId));
  const recorded = new Set(events.filter(({ type }) => type === 'BackupTaken').map(({ data }) => data['backupId']));
  return backups.filter(({ id, reason }) => runs.has(reason.runId) && !recorded.has(id)).map(({ id }) => id);
}
