// Preflight: everything that can be known to stand in the way, before the first change.
import { errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { History } from '../history/history.js';
import type { StoredDatabase } from '../ports/backup-store.js';
import type { OpenDatabase } from '../ports/database.js';
import type { StepCandidate } from '../ports/step-source.js';
import type { MigrationStep } from '../steps/migration-step.js';
import { fromSource, fromSql, fromStore } from './as-error.js';
import { namesakes } from './namesakes.js';
import type { ManagerPorts } from './ports.js';
import type { Direction } from './progress.js';
import type { RunSession } from './session.js';

/** What a disk keeps free beside the backups: the database itself grows too. */
const RESERVE_BYTES = 16 * 1024 * 1024;
const GROWTH = 1.1;

/** A database with tables of its own, of which no journal says what is in it, is nobody's to change yet. */
export function refuseForeign(
  database: OpenDatabase,
  { adopted }: Pick<History, 'adopted'>,
): ResultAsync<void, MigrateError> {
  if (adopted) return okAsync(undefined);
  return database
    .snapshot()
    .mapErr((error) => fromSql(error, database.info.label, 'reading the schema'))
    .andThen(({ tables }) => {
      const own = tables.filter((table) => table.kind !== 'shadow');
      if (own.length === 0) return okAsync(undefined);
      const tool = own
        .map((table) => ({ name: database.historyTool(table.name), table: table.name }))
        .find(({ name }) => name !== undefined);
      const facts = { kind: 'no-journal', database: database.info.label, tables: own.length } as const;
      return errAsync(
        migrateError(tool?.name === undefined ? facts : { ...facts, tool: { name: tool.name, table: tool.table } }),
      );
    });
}

/** A start must not make an empty database where one was lost: its backups show that it was there. */
export function refuseLost(ports: Pick<ManagerPorts, 'database' | 'store'>): ResultAsync<void, MigrateError> {
  const { info } = ports.database;
  if (info.location === undefined) return okAsync(undefined);
  return ports.store
    .databases(info.location)
    .mapErr(fromStore)
    .andThen(([known]) =>
      known?.matches === true
        ? errAsync(
            migrateError({
              kind: 'database-gone',
              database: info.label,
              directory: ports.store.label,
              // A server's database was opened before anybody asked.
              present: info.bytes !== undefined || info.path === undefined,
            }),
          )
        : okAsync(undefined),
    );
}

/** Where there is no database yet that would be put back, the backups that it would be put back from are named. */
export const withKnownBackups = (
  { database, store }: Pick<ManagerPorts, 'database' | 'store'>,
  absent: Extract<MigrateError, { readonly kind: 'database-absent' }>,
): ResultAsync<never, MigrateError> =>
  store
    .databases(database.info.location)
    .orElse(() => okAsync<readonly StoredDatabase[]>([]))
    .andThen(([known]) => {
      const { kind, database: name, create } = absent;
      return errAsync<never, MigrateError>(
        known?.matches === true ? migrateError({ kind, database: name, create, backups: store.label }) : absent,
      );
    });

/** A database that begins anew where one of its name is known from another server may be the one that was lost. */
export function warnOfNamesake({
  database: { info },
  store,
  observer,
}: Pick<ManagerPorts, 'database' | 'store' | 'observer'>): ResultAsync<void, MigrateError> {
  const { location, path, label } = info;
  if (location === undefined || path !== undefined) return okAsync(undefined);
  return store
    .databases(location)
    .mapErr(fromStore)
    .map((known) => {
      const [namesake] = known.some(({ matches }) => matches) ? [] : namesakes(known, location);
      if (namesake === undefined) return;
      const message = `${label} has no journal, but ${store.label} has backups of ${namesake.path}: if that is this database, lost or moved, stop and put it back before it has a journal of its own: migrate-safe restore --latest. Going on with it as a new one`;
      observer.progress({ kind: 'warning', message });
    });
}

/** What is to be said where there is no database: that it was lost, or that it was never made. */
export const refuseMissing = (ports: Pick<ManagerPorts, 'database' | 'store'>): ResultAsync<never, MigrateError> =>
  refuseLost(ports).andThen(() =>
    errAsync(migrateError({ kind: 'database-missing', database: ports.database.info.label })),
  );

/** Loads the bodies of all steps: what cannot be loaded stops the run before its first step. */
export function loadSteps(candidates: readonly StepCandidate[]): ResultAsync<readonly MigrationStep[], MigrateError> {
  return safeTry(async function* () {
    const steps: MigrationStep[] = [];
    for (const candidate of candidates) steps.push(yield* candidate.load().mapErr(fromSource));
    return ok(steps);
  });
}

/** Room for every copy that the run will take into the store. */
export function checkDisk(session: RunSession, steps: number): ResultAsync<void, MigrateError> {
  const { database, policy, ports } = session;
  const backups = policy.fileBackup === 'each-run' ? 1 : steps;
  if (!database.backups.supported) return okAsync(undefined);
  return safeTry(async function* () {
    const size = yield* database.backups
      .size()
      .mapErr((error) => fromSql(error, database.info.label, 'reading its size'));
    const freeBytes = yield* ports.store.freeBytes().mapErr(fromStore);
    const neededBytes = Math.ceil(size * GROWTH) * backups + RESERVE_BYTES;
    return neededBytes <= freeBytes
      ? ok(undefined)
      : errAsync(migrateError({ kind: 'disk-space', directory: ports.store.label, neededBytes, freeBytes }));
  });
}

/**
 * A step without a transaction has no way back but its backup, and nothing else to be compared with. One that cannot take
 * a row away (an index built concurrently, VACUUM) has no need of either.
 */
export function refuseWithoutBackup(
  session: RunSession,
  steps: readonly MigrationStep[],
  direction: Direction,
): ResultAsync<void, MigrateError> {
  const bare = steps.find((step) => !step.isTransactional(direction) && !step.losesNothing(direction));
  if (bare === undefined || session.policy.fileBackup !== 'never' || session.policy.guard === 'off')
    return okAsync(undefined);
  return errAsync(
    migrateError({
      kind: 'usage',
      reason: `step ${bare.version} runs without a transaction: its only way back is a file backup, and fileBackup is 'never'`,
      suggestion: "Set fileBackup to 'each-step' or 'each-run', or take responsibility with --guard off.",
    }),
  );
}
