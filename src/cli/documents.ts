// The documents of --json: the shapes that programs rely on; members are added, never taken away.
import type { MigrateError } from '../core/errors/migrate-error.js';
import type { OpenRun } from '../core/history/history.js';
import { bytesOf } from '../core/manager/clone-facts.js';
import type { StatusReport } from '../core/manager/inspect-state.js';
import type { StepReport } from '../core/manager/step-attempt.js';
import type { StoredBackup } from '../core/ports/backup-store.js';
import type { Finding } from './answer.js';

/** The facts of an error without what only this process understands. */
function errorDocument(error: MigrateError | Finding): Record<string, unknown> {
  const { code, kind, message, hint, exitCode: _exit, state: _state, ...facts } = error;
  return { code, kind, message, hint, ...facts };
}

export const failureDocument = (error: MigrateError | Finding): Record<string, unknown> => ({
  ok: false,
  error: errorDocument(error),
  state: error.state,
});

export function statusDocument({
  database,
  current,
  head,
  pending,
  steps,
  journal,
  lastBackup,
  openRun,
  isUnderWay,
}: StatusReport): Record<string, unknown> {
  return {
    database: database.label,
    dialect: database.dialect,
    driver: database.driver,
    path: database.path ?? null,
    bytes: database.bytes ?? null,
    current,
    head,
    pending,
    steps,
    journal: journal ?? null,
    lastBackup: lastBackup ?? null,
    openRun: openRunDocument(openRun, isUnderWay),
  };
}

export const openRunDocument = (openRun: OpenRun | undefined, isUnderWay: boolean): Record<string, unknown> | null =>
  openRun === undefined
    ? null
    : {
        runId: openRun.runId,
        kind: openRun.kind,
        startedAt: openRun.startedAt,
        isUnderWay,
        actor: openRun.actor,
        plan: openRun.plan,
        step:
          openRun.step === undefined
            ? null
            : {
                version: openRun.step.version,
                direction: openRun.step.direction,
                transactional: openRun.step.transactional,
                failed: openRun.step.failed,
                backupId: openRun.step.backupId ?? null,
              },
      };

/** An apply has no schema to come back to. */
export function appliedDocument({ schemaRestored: _restored, ...step }: StepReport): Record<string, unknown> {
  return step;
}

/** A backup as programs see it; `path` is the copied database itself, and null where that is on the server or in its log. */
export function backupDocument({ manifest, file }: StoredBackup): Record<string, unknown> {
  const { id, kind, copy, files, verified, createdAt, reason, journal, databaseId, tables, restorePoint } = manifest;
  const clone = 'clone' in copy ? copy.clone : undefined;
  return {
    id,
    kind,
    tables: copy.tables,
    bytes: bytesOf(manifest),
    sha256: tables || clone ? null : (files[0]?.sha256 ?? null),
    verified: true,
    checks: verified.checks,
    createdAt,
    path: file === '' || clone ? null : file,
    ...(tables ? { copies: tables } : {}),
    ...(restorePoint ? { restorePoint } : {}),
    ...(clone ? { clone } : {}),
    reason: reason.kind,
    version: reason.version ?? null,
    runId: reason.runId,
    journal,
    databaseId,
  };
}
