// Short ways to write the commands that the run decider takes.
import type { RunKind, StepIdentity } from '#src/core/events/event.js';
import type { Command } from '#src/core/steps/run-command.js';
import { identity, NO_EFFECTS } from './journal-facts.js';

type Of<T extends Command['type']> = Extract<Command, { type: T }>;

const ERROR = { code: 'MS-STEP-FAILED', kind: 'step-failed', message: 'no such table: t' };
const outcome = (version: string, attempt: string): Omit<Of<'finish-revert'>, 'type' | 'schemaRestored'> => ({
  ...identity(version),
  attempt,
  durationMs: 5,
  effects: NO_EFFECTS,
  schemaBefore: `before ${version}`,
  schemaAfter: `after ${version}`,
  validated: { changes: 1, reinstated: [], warnings: [] },
});

/** One maker per command; an attempt that is not named is that of `begun` in journal-facts. */
export const commands = {
  startRun: (kind: RunKind, plan: readonly string[], fileBackup = 'never'): Of<'start-run'> => ({
    type: 'start-run',
    databaseId: 'db',
    kind,
    plan,
    fileBackup,
    guard: 'enforce',
  }),
  takeBackup: (backupId: string): Of<'record-backup'> => ({
    type: 'record-backup',
    backupId,
    bytes: 1,
    sha256: 'x',
    reason: 'before-step',
    journalPosition: 0,
  }),
  verifyBackup: (backupId: string): Of<'record-verification'> => ({
    type: 'record-verification',
    backupId,
    checks: ['quick_check'],
  }),
  startStep: (
    version: string,
    direction: 'apply' | 'revert' = 'apply',
    attempt = `attempt ${version}`,
  ): Of<'start-step'> => ({
    type: 'start-step',
    ...identity(version),
    attempt,
    direction,
    transactional: true,
  }),
  finishApply: (version: string, attempt = `attempt ${version}`): Of<'finish-apply'> => ({
    type: 'finish-apply',
    ...outcome(version, attempt),
    backups: [],
    created: [],
  }),
  finishRevert: (version: string, attempt = `attempt ${version}`): Of<'finish-revert'> => ({
    type: 'finish-revert',
    ...outcome(version, attempt),
    schemaRestored: true,
  }),
  failStep: (version: string, attempt = `attempt ${version}`): Of<'fail-step'> => ({
    type: 'fail-step',
    attempt,
    error: ERROR,
  }),
  rollBack: (version: string, attempt = `attempt ${version}`): Of<'roll-back-step'> => ({
    type: 'roll-back-step',
    attempt,
    rung: 'transaction',
    schema: `before ${version}`,
  }),
  stamp: (target: string, steps: readonly StepIdentity[]): Of<'stamp'> => ({
    type: 'stamp',
    target,
    steps,
    schema: `stamped ${target}`,
  }),
  startRestore: (backupId: string): Of<'start-restore'> => ({
    type: 'start-restore',
    backupId,
    safetyBackupId: null,
    tables: 'all',
  }),
  finishRestore: (backupId: string, rewoundTo: number | null): Of<'finish-restore'> => ({
    type: 'finish-restore',
    backupId,
    safetyBackupId: null,
    tables: 'all',
    rows: 1,
    rewoundTo,
    schema: `restored ${backupId}`,
  }),
  complete: (): Of<'complete-run'> => ({ type: 'complete-run', steps: 0, durationMs: 1, schema: 'end' }),
  failRun: (): Of<'fail-run'> => ({ type: 'fail-run', error: ERROR }),
  recover: (): Of<'recover-run'> => ({ type: 'recover-run', version: null, finding: 'between-steps' }),
} as const;
