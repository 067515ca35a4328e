// `stamp`: records what a database already has, without running anything.
import { ok, safeTry, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import { fingerprint } from '../schema/fingerprint.js';
import { currentVersion, planStamp } from '../steps/planner.js';
import { fromSource, fromSql } from './as-error.js';
import type { ManagerPorts, Policy } from './ports.js';
import { appliedSteps, endRun, startRun, withSession } from './run-session.js';
import { elapsed, ofComponent } from './plan-up.js';

/** The versions that count as applied now without having been run, and the highest of all; null where none is. */
export interface StampReport {
  readonly runId: string;
  readonly stamped: readonly string[];
  readonly current: string | null;
}

/** `target`: a version, `head`, or `base`. Afterwards exactly the steps up to it count as applied. */
export function runStamp(
  ports: ManagerPorts,
  policy: Policy,
  target: string,
  signal: AbortSignal,
): ResultAsync<StampReport, MigrateError> {
  const started = performance.now();
  return safeTry(async function* () {
    const candidates = ofComponent(yield* ports.source.candidates().mapErr(fromSource), policy.component);
    const chosen = yield* planStamp(candidates, target).mapErr((facts) => migrateError(facts));
    const versions = chosen.map((step) => step.version);
    const report = yield* withSession({ kind: 'stamp', ports, policy, signal, candidates, open: 'read' }, (session) =>
      startRun(session, 'stamp', versions).andThen(() => {
        const { database, recorder } = session;
        const stamped = database
          .snapshot()
          .mapErr((error) => fromSql(error, database.info.label, 'reading the schema'))
          .map((snapshot) => {
            const steps = chosen.map(({ version, description, checksum }) => ({ version, description, checksum }));
            recorder.record({ type: 'stamp', target, steps, schema: fingerprint(snapshot, sha256) });
            return versions;
          });
        return endRun(session, stamped, (done) => ({ steps: done.length, durationMs: elapsed(started) })).map(
          (done): StampReport => ({
            runId: recorder.runId,
            stamped: done,
            current: currentVersion(appliedSteps(session)),
          }),
        );
      }),
    );
    return ok(report);
  });
}
