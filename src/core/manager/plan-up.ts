// What planning needs, for the fast path and for the run: the steps of a component, what is pending, what is ahead.
import { okAsync, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { StepCandidate } from '../ports/step-source.js';
import { planUp, type Plan } from '../steps/planner.js';
import type { ConfirmLarge } from './large-database.js';
import type { ManagerPorts, Policy } from './ports.js';
import type { StepReport } from './step-attempt.js';

export interface UpOptions {
  /** Last version to apply; all by default. */
  readonly to?: string | undefined;
  readonly signal: AbortSignal;
  /** Asked where a large database is to be copied; without it nobody is. */
  readonly confirm?: ConfirmLarge | undefined;
}

/** What `up` did. `runId` is null when there was nothing to do. */
export interface UpReport {
  readonly runId: string | null;
  readonly applied: readonly StepReport[];
  readonly current: string | null;
  /** Applied versions that no step here has. */
  readonly ahead: readonly string[];
  readonly durationMs: number;
}

/** What `up` would apply, or the reason why it may not. */
export const planFor = (
  candidates: readonly StepCandidate[],
  applied: Parameters<typeof planUp>[1],
  policy: Policy,
  options: UpOptions,
): ResultAsync<Plan, MigrateError> =>
  okAsync(undefined).andThen(() =>
    planUp(candidates, applied, { to: options.to, outOfOrder: policy.outOfOrder, onAhead: policy.onAhead }).mapErr(
      (facts) => migrateError(facts),
    ),
  );

/** Tells of applied steps that no step here is. */
export function warnAhead(ports: ManagerPorts, { ahead }: Plan): void {
  if (ahead.length === 0) return;
  ports.observer.progress({
    kind: 'warning',
    message: `the database has steps that this program does not know: ${ahead.join(', ')} (a newer release was here)`,
  });
}

/** The steps of one component. */
export const ofComponent = (candidates: readonly StepCandidate[], component: string): readonly StepCandidate[] =>
  candidates.filter((candidate) => candidate.component === component);

/** Whole milliseconds since. */
export const elapsed = (started: number): number => Math.round(performance.now() - started);
