// A restore into a database that is open: the present state is kept first, and nobody writes between the two.
import { err, ok, okAsync, safeTry, type Result, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { OpenDatabase } from '../ports/database.js';
import { fingerprint } from '../schema/fingerprint.js';
import { fromSql, fromStore } from './as-error.js';
import { restoresWhole } from './clones.js';
import { verified, type LoadedHistory } from './load-history.js';
import type { SoundDatabase } from './open-sound.js';
import { Recorder } from './recorder.js';
import {
  catchUpMirror,
  originalOf,
  pastOf,
  recordStart,
  type RestoreContext,
  type RestorePreview,
  type RestoreReport,
} from './restore-context.js';
import { restoreCopy, switchInto } from './restore-copy.js';
import { sourceOf, wantedTables, type RestoreSource } from './restore-source.js';
import { refillFailure } from './refill-failure.js';
import { replaceBySwap } from './restore-swap.js';
import { chooseWay, type ChosenWay } from './restore-way.js';
import { replaceWhole } from './restore-whole.js';
import { takeBackup } from './step-backup.js';

type Done = Pick<RestoreReport, 'restored' | 'safetyBackupId'>;
const ATTEMPTS = 8;

/** Verifies, counts, asks; then keeps the present state and puts the backup back. */
export function restoreLive(context: RestoreContext, sound: SoundDatabase): ResultAsync<RestoreReport, MigrateError> {
  const { database, loaded } = sound;
  const { ports, policy, options, backup, databaseId, runId } = context;
  const { confirm } = options;
  const tables = wantedTables(context);
  const source = sourceOf(context, database);
  const started = performance.now();
  const failed = (error: Parameters<typeof fromSql>[0]): MigrateError =>
    fromSql(error, database.info.label, 'restoring');
  return safeTry<RestoreReport, MigrateError>(async function* () {
    yield* restoresWhole(context);
    yield* source.prove();
    const unknown = source.tables && tables !== 'all' ? tables.find((table) => !holds(source, table)) : undefined;
    if (unknown !== undefined) return err(noSuchTable(context, unknown));
    if (tables !== 'all')
      yield* (source.port.fits?.(source.name, tables) ?? okAsync(undefined)).mapErr((error) =>
        refillFailure(error, { context, tables, history: loaded.history }),
      );
    const atStake = yield* source.atStake(tables).mapErr(failed);
    const way = yield* chooseWay(context, database, tables === 'all');
    const { label } = database.info;
    const original = originalOf(context, tables);
    if (!(await confirm({ database: label, backup, ...original, tables, atStake, present: true, ...keeping(way) })))
      return err(migrateError({ kind: 'restore-declined' }));
    const past = yield* wholePast(context, loaded);
    const recorder = new Recorder(runId, ports, policy.component, past.history, past.head);
    yield* catchUpMirror(context, past);
    recordStart(context, recorder, past);
    const elapsedMs = (): number => Math.round(performance.now() - started);
    if (way.by === 'swap') {
      const swapped = yield* replaceBySwap(context, database, way, recorder, past, elapsedMs);
      return ok<RestoreReport, MigrateError>({
        backup,
        ...swapped,
        by: 'swap',
        safetyBackupId: null,
        journal: recorder.head,
        movedAside: [],
      });
    }
    const done = yield* await putBack(context, sound, recorder, past);
    const snapshot = yield* database.snapshot().mapErr(failed);
    recorder.record({
      type: 'complete-run',
      steps: 0,
      durationMs: elapsedMs(),
      schema: fingerprint(snapshot, sha256),
    });
    yield* recorder.flush(database, 'ending the restore');
    yield* ports.store.sweep(databaseId).mapErr(fromStore);
    return ok<RestoreReport, MigrateError>({
      backup,
      ...done,
      by: 'in-place',
      kept: null,
      journal: recorder.head,
      movedAside: [],
    });
  });
}

const keeping = (way: ChosenWay): Pick<RestorePreview, 'keeps' | 'swap'> =>
  way.by === 'in-place'
    ? { keeps: 'safety-copy' }
    : { keeps: 'old-database', swap: { keptAs: way.outlook.keptAs, sessions: way.outlook.sessions } };

/** Of a server's database the journal stays in it; a file is switched over to one with the newer events in it. */
function putBack(
  context: RestoreContext,
  sound: SoundDatabase,
  recorder: Recorder,
  past: LoadedHistory,
): PromiseLike<Result<Done, MigrateError>> {
  const { database, loaded } = sound;
  const tables = wantedTables(context);
  if (tables !== 'all') return keepAndRefill(context, database, recorder, tables, loaded);
  const { restoreWhole } = database.restore;
  if (restoreWhole !== undefined) return replaceWhole(context, sound, restoreWhole, recorder, past);
  return keepAndSwitch(context, database, recorder, past, loaded);
}

/** Where neither the database nor the mirror has a journal, that of the backup is the longest there is. */
const wholePast = (context: RestoreContext, loaded: LoadedHistory): ResultAsync<LoadedHistory, MigrateError> =>
  pastOf(context, loaded).andThen((found) => {
    const past = found ?? loaded;
    if (past.events.length > 0) return okAsync(past);
    return context.copies
      .journalOf(context.backup.file)
      .mapErr((error) => fromSql(error, context.ports.database.info.label, 'reading the backup'))
      .andThen((events) => verified(events, 'database'));
  });

const holds = ({ tables }: RestoreSource, wanted: string): boolean =>
  (tables ?? []).some((table) => table.toLowerCase() === wanted.toLowerCase());

const noSuchTable = ({ backup }: RestoreContext, table: string): MigrateError =>
  migrateError({
    kind: 'restore-failed',
    reason: `backup ${backup.manifest.id} has no table ${table}; it has ${backup.manifest.copy.tables.join(', ') || 'none'}`,
    fix: 'See which one has it: migrate-safe backup list, and migrate-safe backup show ID.',
  });

/**
 * The safety copy is taken while the write lock is held, so that it has every row; between letting go and the switch
 * somebody who waited may still write: then all of it is done again.
 */
async function keepAndSwitch(
  context: RestoreContext,
  database: OpenDatabase,
  recorder: Recorder,
  past: LoadedHistory,
  live: LoadedHistory,
): Promise<Result<Done, MigrateError>> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const before = recorder.mark();
    const done = await switchOnce(context, database, recorder, past, live);
    if (done.isOk()) return ok(done.value);
    if (done.error !== 'others-wrote') return err(done.error);
    recorder.rewind(before);
  }
  const { label } = database.info;
  const reason = `others kept writing to ${label} faster than a copy could be kept; stop the application, then type the same again`;
  return err(migrateError({ kind: 'restore-failed', reason }));
}

const notSwitched = ({ info }: OpenDatabase): MigrateError =>
  migrateError({ kind: 'restore-failed', reason: `nothing puts ${info.label} back as a whole` });

async function switchOnce(
  context: RestoreContext,
  database: OpenDatabase,
  recorder: Recorder,
  past: LoadedHistory,
  live: LoadedHistory,
): Promise<Result<Done, MigrateError | 'others-wrote'>> {
  const { ports, copies, backup, databaseId, policy, runId } = context;
  const failed = (error: Parameters<typeof fromSql>[0]): MigrateError =>
    fromSql(error, database.info.label, 'restoring');
  const held = await database.hold?.();
  if (held === undefined) return err(notSwitched(database));
  if (held.isErr()) return err(failed(held.error));
  const hold = held.value;
  const done = await safeTry<Done, MigrateError | 'others-wrote'>(async function* () {
    const reason = { kind: 'before-restore', runId, component: policy.component } as const;
    const safety = yield* takeBackup({ ports, database, recorder }, reason, 'quick', live.head);
    const safetyBackupId = safety.manifest.id;
    recorder.record({ type: 'start-restore', backupId: backup.manifest.id, safetyBackupId, tables: 'all' });
    const aside = yield* ports.store.scratch(databaseId, `${runId}.sqlite`).mapErr(fromStore);
    const restored = await restoreCopy({
      ports,
      recorder,
      copies,
      backup,
      safetyBackupId,
      written: past.events,
      aside,
      switchIn: switchInto(ports, hold),
    });
    if (restored.isOk()) return ok({ restored: restored.value, safetyBackupId });
    // The copy of a state that is no longer the present one keeps nothing that the next one does not.
    if (restored.error === 'others-wrote') yield* ports.store.remove(safety).mapErr(fromStore);
    return err(restored.error);
  });
  const released = await hold.release();
  return done.andThen((value) => released.map(() => value).mapErr(failed));
}

/** Single tables: kept, emptied and filled in one transaction, which has the run's events too. */
async function keepAndRefill(
  context: RestoreContext,
  database: OpenDatabase,
  recorder: Recorder,
  tables: readonly string[],
  live: LoadedHistory,
): Promise<Result<Done, MigrateError>> {
  const { backup, runId } = context;
  const keep = (): ResultAsync<string, MigrateError> =>
    sourceOf(context, database)
      .keep(recorder, tables, live.head)
      .map((safetyBackupId) => {
        recorder.record({ type: 'start-restore', backupId: backup.manifest.id, safetyBackupId, tables });
        return safetyBackupId;
      });
  const done = await restoreSome(context, database, recorder, tables, keep);
  if (done.isErr() && recorder.history.run?.runId === runId) {
    const { code, kind, message } = done.error;
    recorder.record({ type: 'fail-run', error: { code, kind, message } });
    // The failure itself is what is told: one to record it besides would hide it.
    await recorder.flush(database, 'recording the failure').unwrapOr(undefined);
  }
  return done;
}

function restoreSome(
  context: RestoreContext,
  database: OpenDatabase,
  recorder: Recorder,
  tables: readonly string[],
  keep: () => ResultAsync<string, MigrateError>,
): ResultAsync<Done, MigrateError> {
  const { backup } = context;
  const schema = recorder.history.schema ?? '';
  const { port, name } = sourceOf(context, database);
  return port
    .restoreTables(name, tables, keep, (rows, safetyBackupId) => {
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
    .mapErr((error) => refillFailure(error, { context, tables, history: recorder.history }))
    .andThen(({ rows, kept }) => recorder.written().map(() => ({ restored: { tables, rows }, safetyBackupId: kept })));
}
