// The steps that count as applied: rows of the projection, one per step of a component, lowest version first.
import { compareVersions, versionKey } from '../brands.js';

/** A step that counts as applied: a row of the projection. */
export interface AppliedStep {
  readonly component: string;
  readonly version: string;
  readonly description: string;
  readonly checksum: string;
  readonly state: 'applied' | 'stamped';
  /** UTC, ISO 8601. */
  readonly appliedAt: string;
  readonly durationMs: number;
  /** Position of the event that says so. */
  readonly position: number;
}

/** One key per step of one component. */
export const stepKey = (component: string, version: string): string => `${component}/${versionKey(version)}`;

/** The steps of one component, lowest version first. */
export const stepsOf = (
  history: { readonly steps: readonly AppliedStep[] },
  component: string,
): readonly AppliedStep[] => history.steps.filter((step) => step.component === component);

/** Adds steps, or puts them in the place of those with the same key. */
export function put(steps: readonly AppliedStep[], added: readonly AppliedStep[]): readonly AppliedStep[] {
  const [last, next] = [steps.at(-1), added[0]];
  // Mostly it is one more at the end.
  if (last !== undefined && next !== undefined && added.length === 1 && comparePlaces(last, next) < 0)
    return [...steps, next];
  const replaced = new Set(added.map((step) => stepKey(step.component, step.version)));
  return [...steps.filter((step) => !replaced.has(stepKey(step.component, step.version))), ...added].toSorted(
    comparePlaces,
  );
}

const comparePlaces = (a: AppliedStep, b: AppliedStep): number =>
  a.component < b.component ? -1 : a.component > b.component ? 1 : compareVersions(a.version, b.version);
