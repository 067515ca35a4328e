// Looking only: status, plan and history read, and write nothing.
import { errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { StoredEvent } from '../events/envelope.js';
import { EMPTY_HISTORY, stepsOf, type History, type OpenRun } from '../history/history.js';
import type { JournalHead } from '../journal/chain.js';
import type { DatabaseInfo, OpenDatabase } from '../ports/database.js';
import type { SqlError } from '../ports/session.js';
import type { StepCandidate } from '../ports/step-source.js';
import { compareSteps, currentVersion, planUp, type StepStatus } from '../steps/planner.js';
import { fromOpen, fromSource, fromSql } from './as-error.js';
import { backupsAtHand, type BackupsAtHand } from './backups-at-hand.js';
import { RUN_ENDINGS } from './glance.js';
import { loadHistory } from './load-history.js';
import type { ManagerPorts, Policy } from './ports.js';
import { refuseForeign, refuseLost, refuseMissing } from './preflight.js';
import { ofComponent } from './plan-up.js';

/** What is in the database and what is there to do, of one component; `current` is null where nothing is applied. */
export interface StatusReport extends BackupsAtHand {
  readonly database: DatabaseInfo;
  readonly current: string | null;
  /** The highest version that there is. */
  readonly head: string | null;
  readonly pending: number;
  readonly steps: readonly StepStatus[];
  /** A run that has not ended: under way now, or interrupted. */
  readonly openRun: OpenRun | undefined;
  /** Whether a run is at work now; `openRun` was interrupted where none is. */
  readonly isUnderWay: boolean;
  readonly journal: JournalHead | undefined;
  /** What `up` would refuse to begin over; undefined where nothing stands in the way. */
  readonly obstacle: MigrateError | undefined;
}

/** Opens the database for reading, and closes it whatever comes of it. */
function reading<T>(
  ports: ManagerPorts,
  work: (database: OpenDatabase) => ResultAsync<T, MigrateError>,
): ResultAsync<T, MigrateError> {
  return ports.database
    .open('read')
    .mapErr(fromOpen)
    .andThen((database) => {
      const close = (): ResultAsync<void, MigrateError> =>
        database.close().mapErr((error) => fromSql(error, database.info.label, 'closing it'));
      return work(database)
        .andThen((value) => close().map(() => value))
        .orElse((error) =>
          close()
            .orElse(() => okAsync(undefined))
            .andThen(() => errAsync(error)),
        );
    });
}

export function readStatus(ports: ManagerPorts, policy: Policy): ResultAsync<StatusReport, MigrateError> {
  return safeTry(async function* () {
    const candidates = ofComponent(yield* ports.source.candidates().mapErr(fromSource), policy.component);
    const whole = reading(ports, (database) =>
      safeTry(async function* () {
        const glance = yield* database
          .glance()
          .mapErr((error) => fromSql(error, database.info.label, 'reading the journal'));
        const unfinished = glance !== undefined && !RUN_ENDINGS.has(glance.headType) && glance.head.position > 0;
        const openRun = unfinished ? (yield* loadHistory(database)).history.run : undefined;
        const applied = (glance?.steps ?? []).filter((step) => step.component === policy.component);
        const under = openRun?.plan.find((version) => !applied.some((step) => step.version === version));
        const isUnderWay = yield* isAtWork(database, openRun);
        const steps = compareSteps(candidates, applied, under);
        const obstacle = applied.length > 0 ? undefined : yield* obstacleTo(ports, database);
        return ok<StatusReport>({
          database: database.info,
          current: currentVersion(applied),
          head: currentVersion(candidates),
          pending: steps.filter(({ state }) => state === 'pending' || state === 'interrupted').length,
          steps,
          openRun,
          isUnderWay,
          obstacle,
          journal: glance?.head,
          ...(yield* backupsAtHand(ports, glance?.databaseId, obstacle)),
        });
      }),
    );
    return ok(
      yield* whole.orElse((error) =>
        error.kind === 'database-missing'
          ? lostOrNot(ports).andThen((obstacle) =>
              backupsAtHand(ports, undefined, obstacle).map((found) =>
                beforeFirstUp(ports, candidates, obstacle, found),
              ),
            )
          : errAsync(error),
      ),
    );
  });
}

/** Why `up` would refuse to begin on a database that has no step yet, as a value. */
function obstacleTo(ports: ManagerPorts, database: OpenDatabase): ResultAsync<MigrateError | undefined, MigrateError> {
  return loadHistory(database).andThen(({ history }) =>
    refuseForeign(database, history)
      .map((): MigrateError | undefined => undefined)
      .orElse((error) => (error.kind === 'no-journal' ? ok(error) : errAsync(error)))
      .andThen((foreign) =>
        history.databaseId === undefined ? lostOrNot(ports).map((lost) => lost ?? foreign) : ok(foreign),
      ),
  );
}

const lostOrNot = (ports: ManagerPorts): ResultAsync<MigrateError | undefined, MigrateError> =>
  refuseLost(ports)
    .map((): MigrateError | undefined => undefined)
    .orElse((error) => (error.kind === 'database-gone' ? ok(error) : errAsync(error)));

/** A database that is not there yet: everything is pending, and `up` will make it. */
function beforeFirstUp(
  ports: ManagerPorts,
  candidates: readonly StepCandidate[],
  obstacle: MigrateError | undefined,
  found: BackupsAtHand,
): StatusReport {
  const steps = compareSteps(candidates, []);
  const { info } = ports.database;
  return {
    database: info,
    current: null,
    head: currentVersion(candidates),
    pending: steps.length,
    steps,
    openRun: undefined,
    isUnderWay: false,
    obstacle,
    journal: undefined,
    ...found,
  };
}

/** One step of a plan, with what it would run. */
export interface PlannedStep {
  readonly component: string;
  readonly version: string;
  readonly description: string;
  readonly file: string | null;
  readonly transactional: boolean;
  /** The statements of a script; null for code. */
  readonly statements: readonly string[] | null;
}
/** What `up` would do, in its order; `ahead`: applied versions above the highest that this program has. */
export interface PlanReport {
  readonly database: DatabaseInfo;
  readonly current: string | null;
  readonly steps: readonly PlannedStep[];
  readonly ahead: readonly string[];
  /** A run that has not ended: `up` goes on from it, or refuses until somebody has looked. */
  readonly openRun: OpenRun | undefined;
  /** Whether a run is at work now. */
  readonly isUnderWay: boolean;
}

/** What `up` would do; the bodies of the steps are loaded, so that what cannot be loaded shows now. */
export function readPlan(
  ports: ManagerPorts,
  policy: Policy,
  to: string | undefined,
): ResultAsync<PlanReport, MigrateError> {
  return safeTry(async function* () {
    const candidates = ofComponent(yield* ports.source.candidates().mapErr(fromSource), policy.component);
    const { history, isUnderWay } = yield* begunOrNone(ports);
    const applied = stepsOf(history, policy.component);
    const plan = yield* planUp(candidates, applied, {
      to,
      outOfOrder: policy.outOfOrder,
      onAhead: policy.onAhead,
    }).mapErr((facts) => migrateError(facts));
    // What `up` would refuse to begin over is no plan.
    const obstacle = plan.steps.length === 0 || applied.length > 0 ? undefined : yield* obstacleOf(ports);
    if (obstacle !== undefined) return errAsync(obstacle);
    const steps: PlannedStep[] = [];
    for (const candidate of plan.steps) {
      const step = yield* candidate.load().mapErr(fromSource);
      const { apply } = step.definition;
      steps.push({
        component: candidate.component,
        version: candidate.version,
        description: candidate.description,
        file: candidate.file ?? null,
        transactional: step.isTransactional('apply'),
        statements: typeof apply === 'function' ? null : apply.map(({ sql }) => sql),
      });
    }
    return ok({
      database: ports.database.info,
      current: currentVersion(applied),
      steps,
      ahead: plan.ahead,
      openRun: history.run,
      isUnderWay,
    });
  });
}

const obstacleOf = (ports: ManagerPorts): ResultAsync<MigrateError | undefined, MigrateError> =>
  reading(ports, (database) => obstacleTo(ports, database)).orElse((error) =>
    error.kind === 'database-missing' ? lostOrNot(ports) : errAsync(error),
  );

/** A database that is not there yet has no steps: a plan for it is what `up` will do. */
const begunOrNone = (ports: ManagerPorts): ResultAsync<Begun, MigrateError> =>
  reading(ports, (database) =>
    loadHistory(database).andThen(({ history }) =>
      isAtWork(database, history.run).map((isUnderWay): Begun => ({ history, isUnderWay })),
    ),
  ).orElse((error) =>
    error.kind === 'database-missing' ? okAsync({ history: EMPTY_HISTORY, isUnderWay: false }) : errAsync(error),
  );

interface Begun {
  readonly history: History;
  readonly isUnderWay: boolean;
}

/** Who may not look at the lock is told what the journal says. */
const isAtWork = (database: OpenDatabase, run: OpenRun | undefined): ResultAsync<boolean, never> =>
  (run === undefined
    ? okAsync<boolean, SqlError>(false)
    : (database.isLocked?.() ?? okAsync<boolean, SqlError>(false))
  ).orElse(() => okAsync(false));

/** The same, of a database that has to be there. */
export const readingWhatIs: typeof reading = (ports, work) =>
  reading(ports, work).orElse((error) => (error.kind === 'database-missing' ? refuseMissing(ports) : errAsync(error)));

/** Every event, as it is stored. */
export const readEvents = (ports: ManagerPorts): ResultAsync<readonly StoredEvent[], MigrateError> =>
  readingWhatIs(ports, (database) =>
    database
      .glance()
      .andThen((glance) => (glance === undefined ? okAsync([]) : database.readJournal()))
      .mapErr((error) => fromSql(error, database.info.label, 'reading the journal')),
  );
