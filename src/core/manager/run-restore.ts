// `restore`: puts a backup back by a person's word, whole or by table, also onto a database that cannot be opened or is gone.
import { err, errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { StoredBackup } from '../ports/backup-store.js';
import type { Lease } from '../ports/run-lock.js';
import { chooseBackup, describeChoice } from './choose-backup.js';
import { fromLock, fromOpen, fromSql, fromStore } from './as-error.js';
import { openSound } from './open-sound.js';
import type { ManagerPorts, Policy } from './ports.js';
import type { RestoreOptions, RestoreReport } from './restore-context.js';
import { restoreLive } from './restore-live.js';
import { restoreOverRuin } from './restore-over-ruin.js';
import { pointMeant } from './restore-points.js';
import { databaseIdOf } from './run-backup.js';
import { chooseTables, tableBackupsOf } from './table-backup.js';

export function runRestore(
  ports: ManagerPorts,
  policy: Policy,
  options: RestoreOptions,
): ResultAsync<RestoreReport, MigrateError> {
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
        const chosen = chooseBackup(options.choice, policy.component, listing, ports.store.label);
        if (chosen.isErr() && chosen.error.kind !== 'backup-not-found') return err(chosen.error);
        if (chosen.isErr() && point !== undefined && ('id' in options.choice || options.tables === 'all'))
          return err(point);
        const sound = await openSound(ports, lease);
        if (chosen.isErr() && (sound.isErr() || sound.value?.database.tables === undefined)) return err(chosen.error);
        const opened = yield* sound;
        const context = { ports, policy, options, databaseId, copies, runId };
        if (opened === undefined) return ok(yield* restoreOverRuin({ ...context, backup: yield* chosen }));
        const inDatabase = (): ResultAsync<StoredBackup, MigrateError> =>
          tableBackupsOf(opened.database, ports, databaseId).andThen((backups) => {
            const tables = chooseTables(options, policy.component, backups);
            return tables === undefined ? chosen : ok(tables);
          });
        const done = await (chosen.isOk() ? okAsync(chosen.value) : inDatabase()).andThen((backup) =>
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
