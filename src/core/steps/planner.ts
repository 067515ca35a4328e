// The planner: compares the steps that exist with those that are applied, as sets, and says what is to be done.
import { err, ok, type Result } from 'neverthrow';
import { compareVersions, versionKey } from '../brands.js';
import type { ErrorFacts } from '../errors/facts.js';
import type { AppliedStep } from '../history/history.js';
import type { StepCandidate } from '../ports/step-source.js';

/**
 * `changed`: applied, but its content is another now. `missing`: applied, and its file is gone. `ahead`: applied by a newer
 * program. `interrupted`: a run stopped in it, or is at it now; the
 * next one goes on from there.
 */
export type StepState = 'applied' | 'pending' | 'stamped' | 'changed' | 'missing' | 'ahead' | 'interrupted';

/** One line of `status`. */
export interface StepStatus {
  readonly component: string;
  readonly version: string;
  readonly description: string;
  readonly state: StepState;
  readonly checksum: string;
  readonly appliedAt: string | null;
  readonly durationMs: number | null;
  readonly file: string | null;
}

/** Every step that exists or is applied, lowest version first. */
export function compareSteps(
  candidates: readonly StepCandidate[],
  applied: readonly AppliedStep[],
  interrupted?: string,
): StepStatus[] {
  const done = new Map(applied.map((step) => [versionKey(step.version), step]));
  const known = new Set(candidates.map((step) => versionKey(step.version)));
  const highest = candidates.reduce<string | undefined>(
    (top, s) => (top === undefined || compareVersions(s.version, top) > 0 ? s.version : top),
    undefined,
  );
  const fromFiles = candidates.map((candidate): StepStatus => {
    const step = done.get(versionKey(candidate.version));
    const pending =
      interrupted !== undefined && versionKey(interrupted) === versionKey(candidate.version)
        ? 'interrupted'
        : 'pending';
    const state = step === undefined ? pending : step.checksum === candidate.checksum ? step.state : 'changed';
    return {
      component: candidate.component,
      version: candidate.version,
      description: candidate.description,
      state,
      checksum: candidate.checksum,
      appliedAt: step?.appliedAt ?? null,
      durationMs: step?.durationMs ?? null,
      file: candidate.file ?? null,
    };
  });
  // What lies above every file and is one of them by its content was not brought by a newer program: it was renumbered.
  const renamed = new Set(candidates.filter((one) => !done.has(versionKey(one.version))).map((one) => one.checksum));
  const withoutFile = applied
    .filter((step) => !known.has(versionKey(step.version)))
    .map((step): StepStatus => ({
      component: step.component,
      version: step.version,
      description: step.description,
      state:
        (highest === undefined || compareVersions(step.version, highest) > 0) && !renamed.has(step.checksum)
          ? 'ahead'
          : 'missing',
      checksum: step.checksum,
      appliedAt: step.appliedAt,
      durationMs: step.durationMs,
      file: null,
    }));
  return [...fromFiles, ...withoutFile].toSorted((a, b) => compareVersions(a.version, b.version));
}

export interface PlanOptions {
  /** Last version to apply; all if undefined. */
  readonly to?: string | undefined;
  readonly outOfOrder: 'refuse' | 'allow';
  readonly onAhead: 'warn' | 'refuse';
}

export interface Plan {
  readonly steps: readonly StepCandidate[];
  readonly ahead: readonly string[];
  readonly outOfOrder: boolean;
}

/** The steps to apply, in order; or what stands against applying any, all of it. */
export function planUp(
  candidates: readonly StepCandidate[],
  applied: readonly AppliedStep[],
  options: PlanOptions,
): Result<Plan, ErrorFacts> {
  const steps = compareSteps(candidates, applied);
  const inState = (state: StepState): StepStatus[] => steps.filter((step) => step.state === state);
  const versions = (of: readonly StepStatus[]): string[] => of.map((step) => step.version);

  if (options.to !== undefined && !hasVersion(steps, options.to)) {
    return err({ kind: 'unknown-version', version: options.to, known: versions(steps) });
  }
  const changed = inState('changed');
  if (changed.length > 0) {
    return err({
      kind: 'changed-step',
      versions: versions(changed),
      files: changed.map((step) => step.file ?? step.description),
    });
  }
  const missing = inState('missing');
  if (missing.length > 0) {
    const twin = candidates.find(
      (c) => missing.some((m) => m.checksum === c.checksum) && inState('pending').some((p) => p.version === c.version),
    );
    return err({
      kind: 'missing-step',
      versions: versions(missing),
      ...(twin ? { renamedTo: twin.file ?? twin.version } : {}),
    });
  }
  const ahead = versions(inState('ahead'));
  if (ahead.length > 0 && options.onAhead === 'refuse') return err({ kind: 'ahead', versions: ahead });

  const pending = inState('pending').filter(
    (step) => options.to === undefined || compareVersions(step.version, options.to) <= 0,
  );
  const current = currentVersion(applied);
  const late = pending.filter((step) => current !== null && compareVersions(step.version, current) < 0);
  if (late.length > 0 && options.outOfOrder === 'refuse') {
    return err({ kind: 'out-of-order', versions: versions(late), current: current ?? '' });
  }
  const wanted = new Set(versions(pending));
  return ok({ steps: candidates.filter((c) => wanted.has(c.version)), ahead, outOfOrder: late.length > 0 });
}

/** The steps to revert, highest first. `to` stays applied; `base` leaves none. */
export function planDown(
  applied: readonly AppliedStep[],
  target: { readonly count: number } | { readonly to: string },
): Result<readonly AppliedStep[], ErrorFacts> {
  const downwards = applied.toSorted((a, b) => compareVersions(b.version, a.version));
  if ('count' in target) return ok(downwards.slice(0, target.count));
  if (target.to === 'base') return ok(downwards);
  if (!hasVersion(applied, target.to)) {
    const known = applied.map((step) => step.version);
    return err({ kind: 'unknown-version', version: target.to, known, of: 'applied' });
  }
  return ok(downwards.filter((step) => compareVersions(step.version, target.to) > 0));
}

/** The steps that count as applied after a stamp: all up to and with `target`. */
export function planStamp(
  candidates: readonly StepCandidate[],
  target: string,
): Result<readonly StepCandidate[], ErrorFacts> {
  if (target === 'base') return ok([]);
  if (target === 'head') return ok(candidates);
  if (!hasVersion(candidates, target)) {
    return err({ kind: 'unknown-version', version: target, known: candidates.map((step) => step.version) });
  }
  return ok(candidates.filter((step) => compareVersions(step.version, target) <= 0));
}

/** The highest applied version, or null. */
export const currentVersion = (applied: readonly { readonly version: string }[]): string | null =>
  applied.reduce<string | null>(
    (top, step) => (top === null || compareVersions(step.version, top) > 0 ? step.version : top),
    null,
  );

const hasVersion = (steps: readonly { readonly version: string }[], version: string): boolean =>
  /^\d+$/.test(version) && steps.some((step) => versionKey(step.version) === versionKey(version));
