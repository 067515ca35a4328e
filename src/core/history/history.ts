// The history folded from the journal: which steps are in the database, which run is open, which backups were taken.
import { versionKey } from '../brands.js';
import type { RecordedEvent, UnknownEvent } from '../events/envelope.js';
import { isUnknown } from '../events/codec.js';
import type { CreatedObject, RunKind, StepFailed, StepIdentity } from '../events/event.js';
import type { Effects } from '../events/effects.js';
import { put, stepKey, stepsOf, type AppliedStep } from './applied-steps.js';
import { copiedIn, type CopiedTables } from './ways-back.js';

export { stepKey, stepsOf, type AppliedStep } from './applied-steps.js';

/** What the apply of a step left behind, for its revert. */
export interface ApplyRecord {
  readonly effects: Effects;
  readonly schemaBefore: string;
  readonly schemaAfter: string;
  readonly created: readonly CreatedObject[];
}

export interface StepUnderWay {
  readonly version: string;
  readonly description: string;
  readonly checksum: string;
  readonly attempt: string;
  readonly direction: 'apply' | 'revert';
  readonly transactional: boolean;
  readonly backupId?: string;
  readonly failed: boolean;
  /** What it failed of. */
  readonly failure?: string;
}

/** A run that was started and has not ended. */
export interface OpenRun {
  readonly runId: string;
  readonly component: string;
  readonly kind: RunKind;
  readonly plan: readonly string[];
  readonly fileBackup: string;
  readonly startedAt: string;
  readonly actor: { readonly host: string; readonly pid: number };
  /** Backups taken in this run, those of them that were verified, and those taken since a step last began or ended. */
  readonly taken: readonly string[];
  readonly verified: readonly string[];
  readonly fresh: readonly string[];
  readonly step: StepUnderWay | undefined;
  /** The tables that were copied last before a step. */
  readonly copied?: CopiedTables;
  readonly restoring: string | undefined;
}

export interface RunRecord {
  readonly runId: string;
  readonly kind: RunKind;
  readonly outcome: 'open' | 'completed' | 'failed' | 'recovered';
}

export interface History {
  readonly databaseId: string | undefined;
  /** A step was applied or stamped at some time: the journal speaks for the schema. */
  readonly adopted: boolean;
  readonly steps: readonly AppliedStep[];
  /** Fingerprint of the schema as the last event left it. */
  readonly schema: string | undefined;
  readonly run: OpenRun | undefined;
  readonly runs: readonly RunRecord[];
  /** Keys of steps that were interrupted, and are to be run again over what they left. */
  readonly interrupted: readonly string[];
  /** By the position of the event: a step that a restore brought back has the record of its own apply again. */
  readonly applies: readonly (ApplyRecord & { readonly position: number })[];
  /** What was in force at which position: a restore goes back to one of these. */
  readonly timeline: readonly {
    readonly position: number;
    readonly steps: readonly AppliedStep[];
    readonly schema: string | undefined;
  }[];
  /** Events of types that this program does not know. */
  readonly unknown: readonly { readonly position: number; readonly type: string }[];
}

export const EMPTY_HISTORY: History = {
  databaseId: undefined,
  adopted: false,
  steps: [],
  schema: undefined,
  run: undefined,
  runs: [],
  interrupted: [],
  applies: [],
  timeline: [],
  unknown: [],
};

/** What the apply of a step left behind; undefined for a step that was stamped. */
export function applyOf(history: History, component: string, version: string): ApplyRecord | undefined {
  const key = stepKey(component, version);
  const step = history.steps.find((one) => stepKey(one.component, one.version) === key);
  return step && history.applies.find(({ position }) => position === step.position);
}

/** Folds a journal from its start. */
export const foldHistory = (events: readonly (RecordedEvent | UnknownEvent)[]): History =>
  events.reduce(evolve, EMPTY_HISTORY);

/** What the history is after one more event. */
export function evolve(history: History, event: RecordedEvent | UnknownEvent): History {
  if (isUnknown(event)) {
    return { ...history, unknown: [...history.unknown, { position: event.position, type: event.type }] };
  }
  const next = evolveKnown(history, event);
  if (next.steps === history.steps && next.schema === history.schema) return next;
  const point = { position: event.position, steps: next.steps, schema: next.schema };
  return { ...next, timeline: [...next.timeline, point] };
}

function evolveKnown(history: History, event: RecordedEvent): History {
  switch (event.type) {
    case 'RunStarted':
      return {
        ...history,
        databaseId: history.databaseId ?? event.data.databaseId,
        run: openRun(event),
        runs: [...history.runs, { runId: event.runId, kind: event.data.kind, outcome: 'open' }],
      };
    case 'BackupTaken':
      // Of single tables it is no way back for the whole, which the policy asks for.
      if (event.data.kind === 'tables') return withRun(history, (run) => ({ ...run, ...copiedIn(event.data) }));
      return withRun(history, (run) => ({
        ...run,
        taken: [...run.taken, event.data.backupId],
        fresh: [...run.fresh, event.data.backupId],
      }));
    case 'BackupVerified':
      return withRun(history, (run) => ({ ...run, verified: [...run.verified, event.data.backupId] }));
    case 'StepStarted':
      return withRun(history, (run) => ({ ...run, step: { ...event.data, failed: false }, fresh: [] }));
    case 'SchemaValidated':
    case 'DriftDetected':
    case 'BackupPruned':
      return history;
    case 'StepApplied': {
      const { version, description, checksum, durationMs, effects, schemaBefore, schemaAfter, created } = event.data;
      const applied: AppliedStep = {
        component: event.component,
        version,
        description,
        checksum,
        state: 'applied',
        appliedAt: event.recordedAt,
        durationMs,
        position: event.position,
      };
      const record = { position: event.position, effects, schemaBefore, schemaAfter, created };
      return {
        ...endStep(history),
        adopted: true,
        steps: put(history.steps, [applied]),
        schema: schemaAfter,
        applies: [...history.applies, record],
      };
    }
    case 'StepReverted':
      return {
        ...endStep(history),
        steps: history.steps.filter(
          (s) => stepKey(s.component, s.version) !== stepKey(event.component, event.data.version),
        ),
        schema: event.data.schemaAfter,
      };
    case 'StepFailed':
      return withRun(history, (run) => ({ ...run, step: run.step && { ...run.step, ...failureOf(event.data) } }));
    case 'StepRolledBack':
      return { ...endStep(history), schema: event.data.schema };
    case 'StepStamped': {
      const others = history.steps.filter((step) => step.component !== event.component);
      const known = new Map(stepsOf(history, event.component).map((step) => [versionKey(step.version), step]));
      const asItIs = (step: StepIdentity): AppliedStep | undefined => {
        const before = known.get(versionKey(step.version));
        return before?.checksum === step.checksum ? before : undefined;
      };
      const stamped = event.data.steps.map(
        (step): AppliedStep =>
          asItIs(step) ?? {
            component: event.component,
            ...step,
            state: 'stamped',
            appliedAt: event.recordedAt,
            durationMs: 0,
            position: event.position,
          },
      );
      return { ...history, adopted: true, steps: put(others, stamped), schema: event.data.schema };
    }
    case 'RestoreStarted':
      return withRun(history, (run) => ({ ...run, restoring: event.data.backupId }));
    case 'BackupRestored': {
      const { rewoundTo, schema } = event.data;
      const ended = withRun(history, (run) => ({ ...run, restoring: undefined }));
      if (rewoundTo === null) return { ...ended, schema };
      return { ...ended, steps: stepsAt(history, rewoundTo), interrupted: [], schema };
    }
    case 'RunCompleted':
      return { ...endRun(history, event.runId, 'completed'), schema: event.data.schema };
    case 'RunFailed':
      return endRun(history, event.runId, 'failed');
    case 'RunRecovered':
      return endRun(withFinding(history, event.data.finding), event.data.interruptedRunId, 'recovered');
  }
}

/** The steps that counted as applied once the event at `position` was recorded. */
export function stepsAt(history: History, position: number): readonly AppliedStep[] {
  return history.timeline.findLast((point) => point.position <= position)?.steps ?? [];
}

/** A revert that was found done took its step away, though its run did not live to say so. */
function withFinding(history: History, finding: string): History {
  const { run } = history;
  const key = underWay(history);
  if (key === undefined) return history;
  if (finding === 'can-be-repeated') return { ...history, interrupted: [...history.interrupted, key] };
  if (finding !== 'step-was-done' || run?.step?.direction !== 'revert') return history;
  return { ...history, steps: history.steps.filter((step) => stepKey(step.component, step.version) !== key) };
}

const underWay = ({ run }: History): string | undefined => run?.step && stepKey(run.component, run.step.version);

const openRun = (event: RecordedEvent & { readonly type: 'RunStarted' }): OpenRun => ({
  runId: event.runId,
  component: event.component,
  kind: event.data.kind,
  plan: event.data.plan,
  fileBackup: event.data.fileBackup,
  startedAt: event.recordedAt,
  actor: { host: event.actor.host, pid: event.actor.pid },
  verified: [],
  fresh: [],
  taken: [],
  step: undefined,
  restoring: undefined,
});

const failureOf = ({ error }: StepFailed['data']) => ({ failed: true, failure: error.message });

const withRun = (history: History, change: (run: OpenRun) => OpenRun): History =>
  history.run ? { ...history, run: change(history.run) } : history;

function endStep(history: History): History {
  const key = underWay(history);
  const ended = withRun(history, (run) => ({ ...run, step: undefined, fresh: [] }));
  return { ...ended, interrupted: history.interrupted.filter((one) => one !== key) };
}

const endRun = (history: History, runId: string, outcome: RunRecord['outcome']): History => ({
  ...history,
  run: history.run?.runId === runId ? undefined : history.run,
  runs: history.runs.map((run) => (run.runId === runId ? { ...run, outcome } : run)),
});
