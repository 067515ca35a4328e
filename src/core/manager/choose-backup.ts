// Which backup a restore means: by id, the latest, or the one before a step.
import { err, ok, type Result } from 'neverthrow';
import { versionKey } from '../brands.js';
import { decodeEvent, isUnknown } from '../events/codec.js';
import type { StoredEvent } from '../events/envelope.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { BackupListing, BackupReason, StoredBackup } from '../ports/backup-store.js';

/** Which backup is meant; a step is one of the component that is at work. */
export type BackupChoice = { readonly id: string } | { readonly latest: true } | { readonly beforeStep: string };

/** The backup that is meant. `latest` passes over the safety copies that restores take. */
export function chooseBackup(
  choice: BackupChoice,
  component: string,
  { backups, damaged }: BackupListing,
  directory: string,
  runs: RunPlans = new Map(),
): Result<StoredBackup, MigrateError> {
  const wanted = describeChoice(choice);
  const found =
    'id' in choice
      ? backups.find(({ manifest }) => manifest.id === choice.id)
      : 'latest' in choice
        ? backups.findLast(({ manifest }) => manifest.reason.kind !== 'before-restore')
        : backups.findLast(
            ({ manifest: { reason } }) =>
              isBeforeApply(reason, component, choice.beforeStep) ||
              beganWith(reason, component, choice.beforeStep, runs) === 'first',
          );
  if (found !== undefined) return ok(found);
  const broken = 'id' in choice ? damaged.find(({ id }) => id === choice.id) : undefined;
  if (broken)
    return err(migrateError({ kind: 'backup-corrupt', backupId: broken.id, check: 'manifest', detail: broken.detail }));
  const instead = 'beforeStep' in choice ? beforeItsRun(backups, component, choice.beforeStep, runs) : undefined;
  const onlySafety = 'latest' in choice && backups.length > 0;
  return err(
    migrateError({
      kind: 'backup-not-found',
      wanted: onlySafety ? 'but the copies that restores took' : wanted,
      directory,
      ...(instead === undefined ? {} : { instead }),
      ...(backups.length === 0 && damaged[0] ? { unread: damaged[0].detail } : {}),
    }),
  );
}

/** A backup from before a revert has the step in it; a step of another component is another step. */
export const isBeforeApply = (
  { kind, direction, version, component }: BackupReason,
  ofComponent: string,
  wanted: string,
): boolean =>
  kind === 'before-step' &&
  direction !== 'revert' &&
  component === ofComponent &&
  version !== undefined &&
  versionKey(version) === versionKey(wanted);

/** What the runs of the journal were to apply, by their ids; a run that went the other way is none of them. */
export type RunPlans = ReadonlyMap<string, { readonly component: string; readonly plan: readonly string[] }>;

export const plansOf = (events: readonly StoredEvent[]): RunPlans =>
  new Map(
    events.flatMap((stored) => {
      if (stored.type !== 'RunStarted') return [];
      const event = decodeEvent(stored);
      if (isUnknown(event) || event.type !== 'RunStarted' || event.data.kind !== 'up') return [];
      return [[event.runId, { component: event.component, plan: event.data.plan }] as const];
    }),
  );

/** Whether a backup was taken before a run that began with the step, or that had it later on. */
function beganWith(
  { kind, runId }: BackupReason,
  ofComponent: string,
  wanted: string,
  runs: RunPlans,
): 'first' | 'later' | undefined {
  const run = kind === 'before-run' ? runs.get(runId) : undefined;
  if (run === undefined || run.component !== ofComponent) return undefined;
  const at = run.plan.findIndex((version) => versionKey(version) === versionKey(wanted));
  return at < 0 ? undefined : at === 0 ? 'first' : 'later';
}

/** The newest from before a run that had the step among others, with the step that it stands before. */
function beforeItsRun(
  backups: readonly StoredBackup[],
  component: string,
  wanted: string,
  runs: RunPlans,
): { readonly id: string; readonly step: string } | undefined {
  const found = backups.findLast(({ manifest: { reason } }) => beganWith(reason, component, wanted, runs) === 'later');
  const [step] = (found && runs.get(found.manifest.reason.runId)?.plan) ?? [];
  return found === undefined || step === undefined ? undefined : { id: found.manifest.id, step };
}

/** What was asked for, to go on from "there is no backup". */
export const describeChoice = (choice: BackupChoice): string =>
  'id' in choice ? choice.id : 'latest' in choice ? 'of this database' : `from before step ${choice.beforeStep}`;
