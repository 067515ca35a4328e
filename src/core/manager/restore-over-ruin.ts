// A restore onto a database that cannot be opened, or is gone: from the backups folder alone.
import { err, ok, safeTry, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { RowsAtStake } from '../ports/backup-source.js';
import type { StoredBackup } from '../ports/backup-store.js';
import { fromOpen, fromSql, fromStore } from './as-error.js';
import { verified } from './load-history.js';
import type { ManagerPorts } from './ports.js';
import { Recorder } from './recorder.js';
import {
  catchUpMirror,
  originalOf,
  pastOf,
  recordStart,
  type RestoreContext,
  type RestoreReport,
} from './restore-context.js';
import { restoreCopy, tellingVerify } from './restore-copy.js';

/** The database cannot be read: the copy is built beside it and takes its place; what was there is kept aside. */
export function restoreOverRuin(context: RestoreContext): ResultAsync<RestoreReport, MigrateError> {
  const { ports, policy, options, backup, copies, runId } = context;
  const { path, label } = ports.database.info;
  const started = performance.now();
  return safeTry<RestoreReport, MigrateError>(async function* () {
    if (options.tables !== 'all')
      return err(
        migrateError({
          kind: 'restore-failed',
          reason: `${label} cannot be opened: single tables cannot be put back into it`,
        }),
      );
    if (path === undefined) return err(migrateError({ kind: 'restore-failed', reason: 'there is no file' }));
    yield* ports.store.verify(backup, copies, 'full', tellingVerify(ports)).mapErr(fromStore);
    const atStake = await stakesOfRuin(ports, backup);
    const present = ports.database.info.bytes !== undefined;
    if (
      !(await options.confirm({
        database: label,
        backup,
        ...originalOf(context, 'all'),
        tables: 'all',
        atStake,
        present,
        keeps: present ? 'file-aside' : 'nothing',
      }))
    )
      return err(migrateError({ kind: 'restore-declined' }));
    const inCopy = yield* copies.journalOf(backup.file).mapErr((error) => fromSql(error, label, 'reading the backup'));
    const past = (yield* pastOf(context, undefined)) ?? (yield* verified(inCopy, 'database'));
    yield* catchUpMirror(context, past);
    const recorder = new Recorder(runId, ports, policy.component, past.history, past.head);
    recordStart(context, recorder, past);
    recorder.record({ type: 'start-restore', backupId: backup.manifest.id, safetyBackupId: null, tables: 'all' });
    const stamp = ports.clock.now().toISOString().replace(/[-:.]/g, '');
    let movedAside: readonly string[] = [];
    const restored = yield* restoreCopy({
      ports,
      recorder,
      copies,
      backup,
      safetyBackupId: null,
      written: past.events,
      aside: `${path}.migrate-restore-${runId}`,
      switchIn: (aside) =>
        ports.database.replaceWith(aside, `before-restore-${stamp}`).map((done) => void (movedAside = done.movedAside)),
    }).mapErr(asFailed);
    const database = yield* ports.database.open('read').mapErr(fromOpen);
    recorder.record({
      type: 'complete-run',
      steps: 0,
      durationMs: Math.round(performance.now() - started),
      schema: recorder.history.schema ?? '',
    });
    yield* recorder.flush(database, 'ending the restore');
    yield* database.close().mapErr((error) => fromSql(error, label, 'closing it'));
    return ok<RestoreReport, MigrateError>({
      backup,
      restored,
      by: 'in-place',
      kept: null,
      safetyBackupId: null,
      journal: recorder.head,
      movedAside,
    });
  });
}

/** A file whose journal is broken may still be read: then what is at stake can be counted. */
async function stakesOfRuin(ports: ManagerPorts, backup: StoredBackup): Promise<readonly RowsAtStake[] | undefined> {
  const opened = await ports.database.open('read');
  if (opened.isErr()) return undefined;
  const stakes = await opened.value.backups.atStake(backup.file, 'all');
  await opened.value.close().match(
    () => undefined,
    () => undefined,
  );
  return stakes.unwrapOr(undefined);
}

/** A database that cannot be opened has nobody who writes to it. */
const asFailed = (error: MigrateError | 'others-wrote'): MigrateError =>
  error === 'others-wrote' ? migrateError({ kind: 'restore-failed', reason: 'somebody wrote to it meanwhile' }) : error;
