// `restore`: puts a backup back by a person's word, whole or by table, also onto a database that cannot be opened or is gone.
import { err, errAsync, ok, okAsync, safeTry, type Result, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { StoredEvent } from '../events/envelope.js';
import type { StoredBackup } from '../ports/backup-store.js';
import type { OpenDatabase } from '../ports/database.js';
import type { Lease } from '../ports/run-lock.js';
import { chooseBackup, describeChoice, plansOf } from './choose-backup.js';
import { isClone } from './clone-facts.js';
import { fromLock, fromOpen, fromSql, fromStore } from './as-error.js';
import { openSound } from './open-sound.js';
import type { ManagerPorts, Policy } from './ports.js';
import type { RestoreContext, RestoreOptions, RestoreReport } from './restore-context.js';
import { restoreLive } from './restore-live.js';
import { restoreOverRuin } from './restore-over-ruin.js';
import { pointMeant } from './restore-points.js';
import { noSwap } from './restore-way.js';
import { databaseIdOf } from './run-backup.js';
import { chooseTables, tableBackupsOf } from './table-backup.js';

export function runRestore(
  ports: ManagerPorts,
  policy: Policy,
  options: RestoreOptions,
): ResultAsync<RestoreReport, MigrateError> {
  // Of what lies in a file the whole is switched, and single tables are always put back in their place.
  const isWhole = options.tables === 'all';
  if (options.by === 'swap' && (!isWhole || ports.database.info.path !== undefined)) return errAsync(noSwap(isWhole));
  return safeTry(async function* () {
    const copies = yield* ports.database.copies().mapErr(fromOpen);
    const databaseId = yield* databaseIdOf(ports);
    const wanted = describeChoice(options.choice);
    if (databaseId === undefined)
      return err(migrateError({ kind: 'backup-not-found', wanted, directory: ports.store.label }));
    const runId = ports.ids.hex(16);
    // A copy from before a step, if there is one as well, comes first.
    const point = yield* pointMeant(ports, databaseId, options.choice, policy.component);
    const outcome = await withLock(ports, policy, options, runId, (lease) =>
      safeTry(async function* () {
        const listing = yield* ports.store.list(databaseId).mapErr(fromStore);
        const mirrored = yield* ports.mirror.read(databaseId).orElse(() => okAsync<StoredEvent[]>([]));
        const choose = (events: readonly StoredEvent[]): Result<StoredBackup, MigrateError> =>
          chooseBackup(options.choice, policy.component, listing, ports.store.label, plansOf(events));
        const early = choose(mirrored);
        if (early.isErr() && early.error.kind !== 'backup-not-found') return err(early.error);
        if (early.isErr() && point !== undefined && ('id' in options.choice || options.tables === 'all'))
          return err(point);
        const sound = await openSound(ports, lease);
        const live = sound.unwrapOr(undefined)?.loaded.events ?? [];
        const chosen = early.isErr() && live.length > mirrored.length ? choose(live) : early;
        if (chosen.isErr() && sound.isErr()) return err(chosen.error);
        const opened = yield* sound;
        const context = { ports, policy, options, databaseId, copies, runId };
        if (opened === undefined) return ok(yield* restoreOverRuin({ ...context, backup: yield* chosen }));
        const done = await withCopies(context, opened.database, chosen).andThen((backup) =>
          restoreLive({ ...context, backup }, opened),
        );
        const closed = await opened.database
          .close()
          .mapErr((error) => fromSql(error, opened.database.info.label, 'closing it'));
        return done.andThen((report) => closed.map(() => report));
      }),
    );
    const closed = await ports.mirror.close().mapErr(fromStore);
    return outcome.andThen((report) => closed.map(() => report));
  });
}

/** Where no file is meant, copies of tables within the database may be; of single tables those are the closest to a step. */
function withCopies(
  { ports, policy, options, databaseId }: Pick<RestoreContext, 'ports' | 'policy' | 'options' | 'databaseId'>,
  database: OpenDatabase,
  chosen: Result<StoredBackup, MigrateError>,
): ResultAsync<StoredBackup, MigrateError> {
  const { choice } = options;
  const beforeStep = 'beforeStep' in choice ? choice.beforeStep : undefined;
  const isOnlyWhole = chosen.isOk() && isClone(chosen.value.manifest);
  const isExact =
    chosen.isOk() && !isOnlyWhole && (beforeStep === undefined || chosen.value.manifest.reason.kind === 'before-step');
  if (isExact || (chosen.isOk() && options.tables === 'all')) return okAsync(chosen.value);
  return tableBackupsOf(database, ports, databaseId).andThen((backups) => {
    const meant = chooseTables(options, policy.component, backups);
    if (meant !== undefined || chosen.isOk() || beforeStep === undefined || chosen.error.kind !== 'backup-not-found')
      return meant === undefined ? chosen : ok(meant);
    const copied = chooseTables({ ...options, tables: [] }, policy.component, backups)?.manifest.copy.tables ?? [];
    const { wanted, directory, instead } = chosen.error;
    return err(
      migrateError({
        kind: 'backup-not-found',
        wanted,
        directory,
        ...(instead === undefined ? {} : { instead }),
        ...(copied.length === 0 ? {} : { copies: { version: beforeStep, tables: copied } }),
      }),
    );
  });
}

function withLock<T>(
  ports: ManagerPorts,
  policy: Policy,
  { signal }: RestoreOptions,
  runId: string,
  work: (lease: Lease) => ResultAsync<T, MigrateError>,
): ResultAsync<T, MigrateError> {
  const lock = ports.database.lock().mapErr(fromOpen);
  if (lock.isErr()) return errAsync(lock.error);
  if (lock.value === undefined)
    return errAsync(migrateError({ kind: 'backups-unsupported', reason: 'a database in memory has no file backups' }));
  const owner = {
    pid: ports.actor.pid,
    host: ports.actor.host,
    since: ports.clock.now().toISOString(),
    runId,
    doing: 'restoring',
  };
  const onWaiting = (
    holder: Parameters<Parameters<typeof lock.value.acquire>[1]['onWaiting']>[0],
    waitedMs: number,
  ): void => ports.observer.progress({ kind: 'waiting', owner: holder, waitedMs });
  return lock.value
    .acquire(owner, { waitMs: policy.lockWaitMs, signal, onWaiting })
    .mapErr(fromLock)
    .andThen((lease: Lease) =>
      work(lease)
        .andThen((value) => lease.release().map(() => value))
        .orElse((error) => lease.release().andThen(() => errAsync(error))),
    );
}
