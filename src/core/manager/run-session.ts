// The frame of every run: take the lock, open, read again, prove the chain and the mirror, recover what an earlier run left.
import { errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import type { MigrateError } from '../errors/migrate-error.js';
import type { RunKind } from '../events/event.js';
import { stepsOf, type AppliedStep } from '../history/history.js';
import type { Lease } from '../ports/run-lock.js';
import type { JournalGlance, OpenDatabase } from '../ports/database.js';
import type { StepCandidate } from '../ports/step-source.js';
import { fingerprint } from '../schema/fingerprint.js';
import { fromLock, fromOpen, fromSql, fromStore } from './as-error.js';
import { idOf, loadHistory, reconcileMirror, type LoadedHistory } from './load-history.js';
import type { ManagerPorts, Policy } from './ports.js';
import { refuseMissing } from './preflight.js';
import { Recorder } from './recorder.js';
import type { RunSession } from './session.js';
import { recoverInterrupted } from './recovery.js';

export interface SessionRequest {
  readonly kind: RunKind;
  readonly ports: ManagerPorts;
  readonly policy: Policy;
  readonly signal: AbortSignal;
  readonly candidates: readonly StepCandidate[];
  /** Whether a missing database is made. */
  readonly open: 'read' | 'create';
}

/** Runs `work` with the lock held and the history read under it; the lock goes whatever comes of it. */
export function withSession<T>(
  request: SessionRequest,
  work: (session: RunSession) => ResultAsync<T, MigrateError>,
): ResultAsync<T, MigrateError> {
  const { ports, policy, signal } = request;
  const { info } = ports.database;
  // Asked before the lock, which would leave its files beside a database that is not there.
  if (request.open === 'read' && info.path !== undefined && info.bytes === undefined) {
    return refuseMissing(ports);
  }
  const runId = ports.ids.hex(16);
  return withLease(request, runId, (lease) =>
    ports.database
      .open(request.open, lease)
      .mapErr(fromOpen)
      .andThen((database) =>
        begin(request, database)
          .andThen((loaded) => {
            const recorder = new Recorder(runId, ports, policy.component, loaded.history, loaded.head);
            const session: RunSession = { runId, ports, policy, database, lease, loaded, recorder, signal };
            return settle(session, request).andThen(() => work(session));
          })
          .andThen((value) => closing(database, ports).map(() => value))
          .orElse((error) =>
            closing(database, ports)
              .orElse(() => okAsync(undefined))
              .andThen(() => errAsync(error)),
          ),
      ),
  );
}

function withLease<T>(
  request: SessionRequest,
  runId: string,
  work: (lease: Lease | undefined) => ResultAsync<T, MigrateError>,
): ResultAsync<T, MigrateError> {
  const { ports, policy, signal, kind } = request;
  const lock = ports.database.lock().mapErr(fromOpen);
  if (lock.isErr()) return errAsync(lock.error);
  if (lock.value === undefined) return work(undefined);
  const { host, pid } = ports.actor;
  const owner = { pid, host, since: ports.clock.now().toISOString(), runId, doing: kind };
  return lock.value
    .acquire(owner, {
      waitMs: policy.lockWaitMs,
      signal,
      onWaiting: (holder, waitedMs) => ports.observer.progress({ kind: 'waiting', owner: holder, waitedMs }),
    })
    .mapErr(fromLock)
    .andThen((lease) =>
      work(lease)
        .andThen((value) => lease.release().map(() => value))
        .orElse((error) => lease.release().andThen(() => errAsync(error))),
    );
}

const closing = (database: OpenDatabase, ports: ManagerPorts): ResultAsync<void, MigrateError> =>
  database
    .close()
    .mapErr((error) => fromSql(error, database.info.label, 'closing it'))
    .andThen(() => ports.mirror.close().mapErr(fromStore));

/** Reads the history under the lock, proves it, and brings tables, projection and mirror up to it. */
function begin(request: SessionRequest, database: OpenDatabase): ResultAsync<LoadedHistory, MigrateError> {
  const { ports } = request;
  const failed = (error: Parameters<typeof fromSql>[0]): MigrateError =>
    fromSql(error, database.info.label, 'reading the journal');
  return safeTry(async function* () {
    const glance = yield* database.glance().mapErr(failed);
    const loaded = yield* loadHistory(database);
    const databaseId = idOf(loaded.history, glance);
    if (databaseId !== undefined) {
      yield* reconcileMirror(ports.mirror, databaseId, loaded, 'repair');
      yield* ports.store.sweep(databaseId).mapErr(fromStore);
    }
    if (glance !== undefined) {
      yield* (database.clearRemains?.() ?? okAsync(undefined)).mapErr(failed);
      yield* database.prepareJournal().mapErr(failed);
      if (!sameSteps(glance, loaded.history.steps))
        yield* database.append(loaded.head, [], loaded.history.steps).mapErr(failed);
    }
    return ok(loaded);
  });
}

const sameSteps = ({ steps }: JournalGlance, folded: readonly AppliedStep[]): boolean => {
  const text = (all: readonly AppliedStep[]): string =>
    JSON.stringify(
      all
        .map((s) => JSON.stringify([s.component, s.version, s.checksum, s.state, s.position]))
        .toSorted((a, b) => (a < b ? -1 : 1)),
    );
  return text(steps) === text(folded);
};

const settle = (session: RunSession, request: SessionRequest): ResultAsync<void, MigrateError> =>
  request.kind === 'restore' ? okAsync(undefined) : recoverInterrupted(session, request.candidates);

/** Starts the run in the journal: its tables are made now, if there are none, and drift is noted. */
export function startRun(
  session: RunSession,
  kind: RunKind,
  plan: readonly string[],
  options: { readonly outOfOrder?: boolean } = {},
): ResultAsync<void, MigrateError> {
  const { database, recorder, policy, ports } = session;
  const failed = (error: Parameters<typeof fromSql>[0]): MigrateError =>
    fromSql(error, database.info.label, 'starting the run');
  return safeTry(async function* () {
    const snapshot = yield* database.snapshot().mapErr(failed);
    const actual = fingerprint(snapshot, sha256);
    const expected = recorder.history.schema;
    const drifted = recorder.history.adopted && expected !== undefined && expected !== actual;
    if (drifted) {
      ports.observer.progress({
        kind: 'warning',
        message: 'the schema is not what the last run left: somebody changed it by hand (recorded as drift)',
      });
    }
    yield* database.prepareJournal().mapErr(failed);
    recorder.record({
      type: 'start-run',
      databaseId: recorder.history.databaseId ?? ports.ids.hex(16),
      kind,
      plan,
      fileBackup: policy.fileBackup,
      guard: policy.guard,
      ...(options.outOfOrder ? { outOfOrder: true } : {}),
      ...(drifted ? { drift: { expected, actual, changes: [] } } : {}),
    });
    return ok(yield* recorder.flush(database, 'starting the run'));
  });
}

/** Ends the run in the journal as it came out, and passes the outcome on. */
export function endRun<T>(
  session: RunSession,
  outcome: ResultAsync<T, MigrateError>,
  summary: (value: T) => { readonly steps: number; readonly durationMs: number },
): ResultAsync<T, MigrateError> {
  const { recorder, database } = session;
  return outcome
    .andThen((value) =>
      database
        .snapshot()
        .mapErr((error) => fromSql(error, database.info.label, 'ending the run'))
        .andThen((snapshot) => {
          recorder.record({ type: 'complete-run', ...summary(value), schema: fingerprint(snapshot, sha256) });
          return recorder.flush(database, 'ending the run').map(() => value);
        }),
    )
    .orElse((error) => {
      // What a person must look at stays open in the journal, so that no later run goes on over it.
      if (error.kind !== 'needs-person' && recorder.history.run?.runId === session.runId) {
        const { code, kind, message } = error;
        const version = 'version' in error && typeof error.version === 'string' ? { version: error.version } : {};
        recorder.record({ type: 'fail-run', ...version, error: { code, kind, message } });
      }
      return recorder
        .flush(database, 'recording the failure')
        .orElse(() => okAsync(undefined))
        .andThen(() => errAsync(error));
    });
}

/** The applied steps of the run's component. */
export const appliedSteps = (session: RunSession): readonly AppliedStep[] =>
  stepsOf(session.recorder.history, session.policy.component);
