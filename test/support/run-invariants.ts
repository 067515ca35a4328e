// What must hold of every journal, read from its events alone: a second, plainer opinion beside decider and history.
import { versionKey } from '#src/core/brands.js';
import type { RecordedEvent } from '#src/core/events/envelope.js';

interface Open {
  readonly runId: string;
  readonly kind: string;
  readonly plan: readonly string[];
  readonly policy: string;
  readonly taken: Set<string>;
  readonly verified: Set<string>;
  /** Taken since the last step began or ended. */
  readonly recent: Set<string>;
  step: { readonly key: string; readonly attempt: string; readonly direction: string; failed: boolean } | undefined;
  restoring: string | undefined;
}

/** The first rule that an event breaks, with its position; undefined when all hold. */
export function brokenRule(events: readonly RecordedEvent[]): string | undefined {
  let open: Open | undefined;
  let applied: ReadonlySet<string> = new Set();
  const then: ReadonlySet<string>[] = [applied];
  for (const event of events) {
    const broken = ((): string | undefined => {
      if (event.type === 'RunStarted') {
        if (open) return 'two runs are open';
        const { kind, plan, fileBackup } = event.data;
        open = {
          runId: event.runId,
          kind,
          plan: plan.map(versionKey),
          policy: fileBackup,
          taken: new Set(),
          verified: new Set(),
          recent: new Set(),
          step: undefined,
          restoring: undefined,
        };
        return undefined;
      }
      if (open === undefined) return `${event.type} outside a run`;
      const run = open;
      const ofStep = (data: { readonly version: string; readonly attempt: string }): string | undefined =>
        run.step?.attempt !== data.attempt
          ? 'an attempt that was not started'
          : run.step.key !== versionKey(data.version)
            ? 'another step than was started'
            : undefined;
      switch (event.type) {
        case 'RunRecovered':
          if (event.data.interruptedRunId !== run.runId) return 'a run was recovered that is not open';
          open = undefined;
          return undefined;
        case 'RunFailed':
          open = undefined;
          return undefined;
        case 'RunCompleted':
          if (run.step) return 'a run completed with a step under way';
          if (run.restoring !== undefined) return 'a run completed with a restore under way';
          open = undefined;
          return undefined;
        case 'BackupTaken':
          run.taken.add(event.data.backupId);
          run.recent.add(event.data.backupId);
          return undefined;
        case 'BackupVerified':
          if (!run.taken.has(event.data.backupId)) return 'a backup was verified that was not taken in this run';
          run.verified.add(event.data.backupId);
          return undefined;
        case 'StepStarted': {
          const key = versionKey(event.data.version);
          if (run.step) return 'two steps are under way';
          if (run.restoring !== undefined) return 'a step began during a restore';
          if (event.data.direction === 'apply' && applied.has(key)) return 'a step is applied twice';
          if (event.data.direction === 'revert' && !applied.has(key)) return 'a step is reverted that is not applied';
          const { backupId } = event.data;
          if (backupId !== undefined && !run.verified.has(backupId)) return 'the backup of a step is not verified';
          if (run.policy === 'each-step' && ![...run.recent].some((id) => run.verified.has(id)))
            return 'no verified backup from right before the step';
          if (run.policy === 'each-run' && run.verified.size === 0) return 'no verified backup of the run';
          if (event.data.direction === 'apply') {
            if (run.kind !== 'up') return `a ${run.kind} run applies`;
            const turn = run.plan.indexOf(key);
            if (turn < 0) return 'a step that is not of the plan';
            if (run.plan.slice(0, turn).some((before) => !applied.has(before))) return 'a step before its turn';
          }
          run.recent.clear();
          run.step = { key, attempt: event.data.attempt, direction: event.data.direction, failed: false };
          return undefined;
        }
        case 'SchemaValidated':
          return run.step ? undefined : 'a schema was validated without a step';
        case 'StepApplied':
        case 'StepReverted': {
          const other = ofStep(event.data);
          if (other !== undefined) return other;
          if (run.step?.failed === true) return 'a step that failed went through';
          if (run.step?.direction !== (event.type === 'StepApplied' ? 'apply' : 'revert'))
            return 'a step ended in the other direction';
          const next = new Set(applied);
          if (event.type === 'StepApplied') next.add(run.step.key);
          else next.delete(run.step.key);
          applied = next;
          run.step = undefined;
          run.recent.clear();
          return undefined;
        }
        case 'StepFailed':
          if (run.step) run.step.failed = true;
          return ofStep(event.data);
        case 'StepRolledBack': {
          const other = ofStep(event.data);
          run.step = undefined;
          run.recent.clear();
          return other;
        }
        case 'StepStamped':
          if (run.step) return 'a stamp while a step is under way';
          applied = new Set(event.data.steps.map(({ version }) => versionKey(version)));
          return undefined;
        case 'RestoreStarted':
          if (run.restoring !== undefined) return 'two restores are under way';
          run.restoring = event.data.backupId;
          return undefined;
        case 'BackupRestored':
          if (run.restoring !== event.data.backupId) return 'a restore ended that was not started';
          run.restoring = undefined;
          if (event.data.rewoundTo !== null) applied = then[event.data.rewoundTo] ?? new Set();
          return undefined;
        case 'DriftDetected':
        case 'BackupPruned':
          return undefined;
      }
    })();
    if (broken !== undefined) return `${event.position} ${event.type}: ${broken}`;
    then.push(applied);
  }
  return undefined;
}
