// The copies of the tables that a step can touch, taken when nobody else can write to them any more.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { newBackupId } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { BackupReason } from '../ports/backup-store.js';
import type { SqlError } from '../ports/session.js';
import type { KeepTables, TableBackup } from '../ports/table-backups.js';
import { fromSql } from './as-error.js';
import type { Attempt } from './step-attempt.js';
import type { BackupContext } from './step-backup.js';
import type { StepContext } from './step-context.js';

/**
 * `given`: the copies of a try that was given up, in whose place these come.
 * Undefined where the step touches none that is there, where the policy wants no copies, and where there can be none.
 */
export function keepTables(
  context: StepContext,
  { step, direction, work, declares }: Attempt,
  lock: KeepTables['lock'],
  given?: TableBackup,
): ResultAsync<TableBackup | undefined, MigrateError> {
  const { database, policy, recorder } = context;
  if (database.tables === undefined || policy.tableBackup === 'never') return okAsync(undefined);
  const reason: BackupReason = {
    kind: 'before-step',
    runId: recorder.runId,
    component: step.component,
    version: step.version,
    ...(direction === 'revert' ? { direction } : {}),
  };
  const { tables: port } = database;
  const failed = (error: SqlError): MigrateError =>
    fromSql(error, database.info.label, `reading what ${step.version} can touch`);
  const mark = recorder.mark();
  const keep = (tables: readonly string[], replaces?: string): ResultAsync<TableBackup, MigrateError> =>
    copyTables(context, {
      tables,
      lock,
      reason,
      signal: context.signal,
      ...(replaces === undefined ? {} : { replaces }),
    }).andThen((kept) => {
      if (lock === 'none') return okAsync(kept);
      return port
        .touchedSince(work, declares)
        .mapErr(failed)
        .andThen((now) => {
          if (now.every((table) => tables.includes(table))) return okAsync(kept);
          recorder.rewind(mark);
          return keep(now, kept.id);
        });
    });
  return port
    .touchedBy(work, declares)
    .mapErr(failed)
    .andThen((tables) =>
      tables.length === 0 ? okAsync<TableBackup | undefined, MigrateError>(undefined) : keep(tables, given?.id),
    )
    .mapErr((error) => {
      context.ports.observer.progress({ kind: 'step-failed', phase: 'backup', error });
      return error;
    });
}

/** Copies tables and buffers the event. */
export function copyTables(
  { database, ports, recorder }: BackupContext,
  request: Pick<KeepTables, 'tables' | 'lock' | 'reason' | 'signal' | 'replaces'>,
  journal = recorder.writtenHead,
): ResultAsync<TableBackup, MigrateError> {
  const { tables } = database;
  if (tables === undefined)
    return errAsync(migrateError({ kind: 'backups-unsupported', reason: 'it keeps no copies of single tables' }));
  const started = ports.clock.now();
  return tables
    .keep({
      ...request,
      id: newBackupId(started, ports.ids.hex(8)),
      databaseId: recorder.history.databaseId ?? '',
      createdAt: started.toISOString(),
      journal,
    })
    .mapErr((error) =>
      request.signal.aborted
        ? migrateError({ kind: 'cancelled' }, { cause: error.cause })
        : fromSql(error, database.info.label, `copying ${request.tables.join(', ')}`),
    )
    .map((backup) => {
      const bytes = backup.tables.reduce((all, table) => all + table.bytes, 0);
      recorder.record({
        type: 'record-backup',
        kind: 'tables',
        backupId: backup.id,
        bytes,
        sha256: '',
        reason: backup.reason.kind,
        ...(backup.reason.version === undefined ? {} : { version: backup.reason.version }),
        journalPosition: backup.journal.position,
        tables: backup.tables.map(({ table, rows }) => ({ table, rows })),
      });
      const ms = ports.clock.now().getTime() - started.getTime();
      // Told once, however often a lock has the step begin anew.
      if (request.replaces === undefined)
        ports.observer.progress({
          kind: 'backup-taken',
          backupId: backup.id,
          bytes,
          ms,
          directory: '',
          tables: backup.tables.length,
        });
      return backup;
    });
}
