// `up`: the fast path that reads and leaves. What it takes to apply something is loaded only where there is something.
import { ok, safeTry, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import { currentVersion } from '../steps/planner.js';
import { fromSource } from './as-error.js';
import { glanceAt, RUN_ENDINGS } from './glance.js';
import { elapsed, ofComponent, planFor, warnAhead, type UpOptions, type UpReport } from './plan-up.js';
import type { ManagerPorts, Policy } from './ports.js';

/** Applies the pending steps. With nothing to do it has read two rows and written nothing. */
export function runUp(ports: ManagerPorts, policy: Policy, options: UpOptions): ResultAsync<UpReport, MigrateError> {
  const started = performance.now();
  return safeTry(async function* () {
    // The database is read while the files are hashed.
    const glanced = glanceAt(ports);
    const candidates = ofComponent(yield* ports.source.candidates().mapErr(fromSource), policy.component);
    const glance = yield* glanced;
    if (glance !== undefined && RUN_ENDINGS.has(glance.headType)) {
      const applied = glance.steps.filter((step) => step.component === policy.component);
      const planned = await planFor(candidates, applied, policy, options);
      // What speaks against it may be the table of applied steps only: the run asks the journal itself.
      if (planned.isOk() && planned.value.steps.length === 0) {
        warnAhead(ports, planned.value);
        return ok({
          runId: null,
          applied: [],
          current: currentVersion(applied),
          ahead: planned.value.ahead,
          durationMs: elapsed(started),
        });
      }
    }
    // Without a step there is nothing to make a database for.
    if (glance === undefined && candidates.length === 0)
      return ok({ runId: null, applied: [], current: null, ahead: [], durationMs: elapsed(started) });
    const { runPending } = await import('./verbs.js');
    return ok(yield* runPending(ports, policy, { ...options, candidates, isNew: glance === undefined, started }));
  });
}
