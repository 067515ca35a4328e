// Short ways to write facts of a journal for given/when/then tests, and to record them as a chain.
import { expect } from 'chai';
import { decodeEvent } from '#src/core/events/codec.js';
import type { Actor, RecordedEvent, UnknownEvent } from '#src/core/events/envelope.js';
import type { DomainEvent, RunKind, Rung, StepIdentity, RunRecovered } from '#src/core/events/event.js';
import { EMPTY_HEAD, link, type JournalHead } from '#src/core/journal/chain.js';

type Effects = Extract<DomainEvent, { type: 'StepApplied' }>['data']['effects'];
export const NO_EFFECTS: Effects = { tables: {} };
export const ACTOR: Actor = { user: 'ada', host: 'here', pid: 7, engine: 'migrate-safe test' };

/** Facts that one run recorded. */
export interface Batch {
  readonly runId: string;
  readonly component: string;
  readonly facts: readonly DomainEvent[];
}

/** Facts of one run of component `main`. */
export const run = (runId: string, ...facts: readonly DomainEvent[]): Batch => ({ runId, component: 'main', facts });
/** Facts of one run of another component. */
export const runOf = (component: string, runId: string, ...facts: readonly DomainEvent[]): Batch => ({
  runId,
  component,
  facts,
});

/** Records batches one after the other: event `n` is at `[n - 1]`, one second after the one before it. */
export function recorded(...batches: readonly Batch[]): RecordedEvent[] {
  const events: RecordedEvent[] = [];
  let head: JournalHead = EMPTY_HEAD;
  for (const { runId, component, facts } of batches) {
    for (const fact of facts) {
      const [event] = link(head, { runId, component, recordedAt: timeAt(head.position + 1), actor: ACTOR }, [fact]);
      if (event === undefined) throw new Error('nothing was linked');
      events.push(event);
      head = { position: event.position, hash: event.hash };
    }
  }
  return events;
}

/** When the event at a position was recorded. */
export const timeAt = (position: number): string => new Date(Date.UTC(2026, 0, 1) + position * 1000).toISOString();

/** The same event as a type that no version knows. */
export function strange(event: RecordedEvent): UnknownEvent {
  const decoded = decodeEvent({ ...event, type: 'SomethingNew' });
  expect(decoded).to.have.property('unknown', true);
  return decoded as UnknownEvent;
}

export const identity = (version: string, checksum = `sha256:${version}`): StepIdentity => ({
  version,
  description: `step ${version}`,
  checksum,
});

export const started = (kind: RunKind, plan: readonly string[] = [], fileBackup = 'never'): DomainEvent => ({
  type: 'RunStarted',
  data: { databaseId: 'db', kind, plan, fileBackup, guard: 'enforce' },
});
export const taken = (backupId: string): DomainEvent => ({
  type: 'BackupTaken',
  data: { backupId, kind: 'file', bytes: 1, sha256: 'x', reason: 'before-step', journalPosition: 0 },
});
export const verified = (backupId: string): DomainEvent => ({
  type: 'BackupVerified',
  data: { backupId, checks: ['quick_check'] },
});
export const begun = (
  version: string,
  direction: 'apply' | 'revert' = 'apply',
  attempt = `attempt ${version}`,
): DomainEvent => ({
  type: 'StepStarted',
  data: { ...identity(version), attempt, direction, transactional: true },
});
export const applied = (
  version: string,
  more: { readonly effects?: Effects; readonly attempt?: string; readonly checksum?: string } = {},
): DomainEvent => ({
  type: 'StepApplied',
  data: {
    ...identity(version, more.checksum),
    attempt: more.attempt ?? `attempt ${version}`,
    durationMs: 5,
    effects: more.effects ?? NO_EFFECTS,
    schemaBefore: `before ${version}`,
    schemaAfter: `after ${version}`,
    backups: [],
    created: [],
  },
});
export const reverted = (version: string): DomainEvent => ({
  type: 'StepReverted',
  data: {
    ...identity(version),
    attempt: `attempt ${version}`,
    durationMs: 5,
    effects: NO_EFFECTS,
    schemaBefore: `after ${version}`,
    schemaAfter: `before ${version}`,
    schemaRestored: true,
  },
});
const ERROR = { code: 'MS-STEP-FAILED', kind: 'step-failed', message: 'no such table: t' };
export const failed = (version: string): DomainEvent => ({
  type: 'StepFailed',
  data: { version, attempt: `attempt ${version}`, direction: 'apply', error: ERROR },
});
export const rolledBack = (version: string, rung: Rung = 'transaction'): DomainEvent => ({
  type: 'StepRolledBack',
  data: { version, attempt: `attempt ${version}`, rung, schema: `before ${version}` },
});
export const stamped = (target: string, steps: readonly StepIdentity[]): DomainEvent => ({
  type: 'StepStamped',
  data: { target, steps, schema: `stamped ${target}` },
});
export const restoring = (backupId: string): DomainEvent => ({
  type: 'RestoreStarted',
  data: { backupId, safetyBackupId: 'safety', tables: 'all' },
});
export const restored = (backupId: string, rewoundTo: number | null): DomainEvent => ({
  type: 'BackupRestored',
  data: {
    backupId,
    safetyBackupId: 'safety',
    tables: rewoundTo === null ? ['t'] : 'all',
    rows: 1,
    rewoundTo,
    schema: `restored ${backupId}`,
  },
});
export const completed = (schema = 'end'): DomainEvent => ({
  type: 'RunCompleted',
  data: { steps: 0, durationMs: 1, schema },
});
export const runFailed = (): DomainEvent => ({ type: 'RunFailed', data: { error: ERROR } });
export const recovered = (
  interruptedRunId: string,
  version: string | null = null,
  finding: RunRecovered['data']['finding'] = version === null ? 'between-steps' : 'nothing-of-it-committed',
): DomainEvent => ({ type: 'RunRecovered', data: { interruptedRunId, version, finding } });
