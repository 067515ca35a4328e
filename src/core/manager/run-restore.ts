// `restore`: puts a backup back by a person's word, whole or by table, also onto a database that cannot be opened or is gone.
import { err, errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { StoredEvent } from '../events/envelope.js';
import type { OpenDatabase } from '../ports/database.js';
import type { Lease } from '../ports/run-lock.js';
import { fingerprint } from '../schema/fingerprint.js';
import { chooseBackup, describeChoice } from './choose-backup.js';
import { fromLock, fromOpen, fromSql, fromStore } from './as-error.js';
import type { LoadedHistory } from './load-history.js';
import { openSound } from './open-sound.js';
import type { ManagerPorts, Policy } from './ports.js';
import { Recorder } from './recorder.js';
import {
  pastOf,
  recordStart,
  type RestoreContext,
  type RestoreOptions,
  type RestoreReport,
} from './restore-context.js';
import { restoreOverRuin } from './restore-over-ruin.js';
import { provenBackup, restoreCopy, switchInto, type Restored } from './restore-copy.js';
import { databaseIdOf } from './run-backup.js';
import { takeBackup } from './step-backup.js';

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
    const outcome = await withLock(ports, policy, options, runId, () =>
      safeTry(async function* () {
        const listing = yield* ports.store.list(databaseId).mapErr(fromStore);
        const backup = yield* chooseBackup(options.choice, listing, ports.store.label);
        const context: RestoreContext = { ports, policy, options, databaseId, copies, backup, runId };
        const opened = yield* await openSound(ports);
        if (opened === undefined) return ok(yield* restoreOverRuin(context));
        const done = await restoreLive(context, opened.database, opened.loaded);
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
  work: () => ResultAsync<T, MigrateError>,
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
      work()
        .andThen((value) => lease.release().map(() => value))
        .orElse((error) => lease.release().andThen(() => errAsync(error))),
    );
}

function restoreLive(
  context: RestoreContext,
  database: OpenDatabase,
  loaded: LoadedHistory,
): ResultAsync<RestoreReport, MigrateError> {
  const { ports, policy, options, backup, databaseId, runId } = context;
  const { tables, confirm } = options;
  const failed = (error: Parameters<typeof fromSql>[0]): MigrateError =>
    fromSql(error, database.info.label, 'restoring');
  return safeTry(async function* () {
    yield* provenBackup(ports, backup, database.backups);
    const atStake = yield* database.backups.atStake(backup.file, tables).mapErr(failed);
    if (!(await confirm({ database: database.info.label, backup, tables, atStake })))
      return err(migrateError({ kind: 'restore-declined' }));
    const past = (yield* pastOf(context, loaded)) ?? loaded;
    const rewoundByHand = past.head.hash !== loaded.head.hash;
    const recorder = new Recorder(runId, ports, policy.component, past.history, past.head);
    if (!rewoundByHand) yield* catchUpMirror(context, loaded);
    recordStart(context, recorder, past);
    const done = yield* keepAndRestore(context, database, recorder, { past, live: loaded, rewoundByHand });
    const snapshot = yield* database.snapshot().mapErr(failed);
    recorder.record({ type: 'complete-run', steps: 0, durationMs: 0, schema: fingerprint(snapshot, sha256) });
    yield* recorder.flush(database, 'ending the restore');
    yield* ports.store.sweep(databaseId).mapErr(fromStore);
    return ok({ backup, ...done, journal: recorder.head, movedAside: [] });
  });
}

interface Pasts {
  readonly past: LoadedHistory;
  readonly live: LoadedHistory;
  readonly rewoundByHand: boolean;
}
const ATTEMPTS = 3;

/** The safety copy, then the restore; both again where somebody wrote in between, for those rows would be in no copy. */
function keepAndRestore(
  context: RestoreContext,
  database: OpenDatabase,
  recorder: Recorder,
  pasts: Pasts,
  attempt = 1,
): ResultAsync<Pick<RestoreReport, 'restored' | 'safetyBackupId'>, MigrateError> {
  const { ports, policy, options, backup, runId } = context;
  const { past, live, rewoundByHand } = pasts;
  const { tables } = options;
  const failed = (error: Parameters<typeof fromSql>[0]): MigrateError =>
    fromSql(error, database.info.label, 'restoring');
  return safeTry(async function* () {
    const mark = yield* database.foreignWrites().mapErr(failed);
    const safety = yield* takeBackup(
      { ports, database, recorder },
      { kind: 'before-restore', runId, component: policy.component },
      'full',
      rewoundByHand ? live.head : recorder.writtenHead,
    );
    const safetyBackupId = safety.manifest.id;
    recorder.record({ type: 'start-restore', backupId: backup.manifest.id, safetyBackupId, tables });
    // Events that do not follow on the database's own journal can only be written into the copy that replaces it.
    if (!rewoundByHand) yield* recorder.flush(database, 'starting the restore');
    if (tables !== 'all')
      return ok({ restored: yield* restoreSome(context, database, recorder, tables, safetyBackupId), safetyBackupId });
    const written = [...past.events, ...(yield* afterHead(database, past, rewoundByHand).mapErr(failed))];
    const before = recorder.mark();
    const restored = await restoreWhole(context, database, recorder, {
      written,
      safetyBackupId,
      unlessMovedFrom: mark,
    });
    if (restored.isOk()) return ok({ restored: restored.value, safetyBackupId });
    if (restored.error !== 'others-wrote') return err(restored.error);
    if (attempt === ATTEMPTS) {
      return err(
        migrateError({
          kind: 'restore-failed',
          reason: `others kept writing to ${database.info.label}, and what they write would be lost; stop the application first`,
        }),
      );
    }
    recorder.rewind(before);
    return ok(yield* keepAndRestore(context, database, recorder, pasts, attempt + 1));
  });
}

const catchUpMirror = ({ ports, databaseId }: RestoreContext, loaded: LoadedHistory): ResultAsync<void, MigrateError> =>
  ports.mirror
    .read(databaseId)
    .andThen((mirrored) =>
      mirrored.length >= loaded.events.length
        ? okAsync(undefined)
        : ports.mirror.append(databaseId, loaded.events.slice(mirrored.length)),
    )
    .mapErr(fromStore);

const afterHead = (
  database: OpenDatabase,
  past: LoadedHistory,
  rewoundByHand: boolean,
): ReturnType<OpenDatabase['readJournal']> => (rewoundByHand ? okAsync([]) : database.readJournal(past.head.position));

function restoreWhole(
  context: RestoreContext,
  database: OpenDatabase,
  recorder: Recorder,
  what: { readonly written: readonly StoredEvent[]; readonly safetyBackupId: string; readonly unlessMovedFrom: number },
): ResultAsync<Restored, MigrateError | 'others-wrote'> {
  const { ports, copies, backup, databaseId, runId } = context;
  return ports.store
    .scratch(databaseId, `${runId}.sqlite`)
    .mapErr(fromStore)
    .andThen((aside) =>
      restoreCopy({ ports, recorder, copies, backup, ...what, aside, switchIn: switchInto(ports, database) }),
    );
}

function restoreSome(
  context: RestoreContext,
  database: OpenDatabase,
  recorder: Recorder,
  tables: readonly string[],
  safetyBackupId: string,
): ResultAsync<Restored, MigrateError> {
  const { backup } = context;
  const schema = recorder.history.schema ?? '';
  return database.restore
    .restoreTables(backup.file, tables, (rows) => {
      recorder.record({
        type: 'finish-restore',
        backupId: backup.manifest.id,
        safetyBackupId,
        tables,
        rows,
        rewoundTo: null,
        schema,
      });
      return recorder.buffered();
    })
    .mapErr((error) => {
      switch (error.kind) {
        case 'table-not-in-backup':
          return migrateError({
            kind: 'restore-failed',
            reason: `backup ${backup.manifest.id} has no table ${error.table}`,
          });
        case 'table-derived':
          return migrateError({
            kind: 'restore-failed',
            reason: `${error.table} is an index over content that it does not hold: restore the table behind it and fill the index anew, or restore the whole`,
          });
        case 'table-differs':
          return migrateError({
            kind: 'restore-failed',
            reason: `the columns of ${error.table} are not those of the backup: ${error.detail}; restore the whole, or revert the step that changed it`,
          });
        case 'foreign-keys-broken':
          return migrateError({
            kind: 'restore-failed',
            reason: `${error.rows} rows of ${error.table} would point at rows that are not there; name the other tables too`,
          });
        default:
          return fromSql(error, database.info.label, 'restoring tables');
      }
    })
    .andThen(({ rows }) => recorder.written().map(() => ({ tables, rows })));
}
