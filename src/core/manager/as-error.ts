// Turns what ports report into the error that leaves the engine.
import type { StaleJournal } from '../ports/refusals.js';
import { migrateError, reasonOf, type DatabaseState, type MigrateError } from '../errors/migrate-error.js';
import type { BackupError, MirrorError } from '../ports/backup-store.js';
import type { OpenError } from '../ports/database.js';
import type { LockError } from '../ports/run-lock.js';
import type { SqlError } from '../ports/session.js';
import type { StepSourceError } from '../ports/step-source.js';

const UNUSABLE: ReadonlySet<SqlError['kind']> = new Set([
  'not-a-database',
  'corrupt',
  'read-only',
  'cannot-open',
  'unreachable',
  'access-denied',
  'not-permitted',
]);

/** `doing` completes "… while": reading the journal, recording the run. */
export function fromSql(
  error: SqlError | StaleJournal,
  database: string,
  doing: string,
  state?: DatabaseState,
): MigrateError {
  const more = { cause: 'cause' in error ? error.cause : error, ...(state ? { state } : {}) };
  if (error.kind === 'stale-journal')
    return migrateError({ kind: 'stale-journal', expected: error.expected, actual: error.actual }, more);
  if (error.kind === 'interrupted') return migrateError({ kind: 'cancelled' }, more);
  if (error.kind === 'tools-missing') return missingTools(error, more);
  const { message: detail, fix } = error;
  const mended = fix === undefined ? {} : { fix };
  if (error.kind === 'busy') {
    const held = fix === undefined ? {} : { held: detail };
    return migrateError({ kind: 'database-busy', database, doing, ...held, ...mended }, more);
  }
  if (UNUSABLE.has(error.kind))
    return migrateError({ kind: 'database-unusable', database, reason: error.kind, detail, ...mended }, more);
  return migrateError({ kind: 'database-failed', doing, reason: error.kind, detail, ...mended }, more);
}

export function fromOpen(error: OpenError): MigrateError {
  switch (error.kind) {
    case 'database-missing':
    case 'database-is-directory':
      return migrateError({ kind: error.kind, database: error.path });
    case 'database-unusable':
      return fromSql(error.error, error.path, 'opening it');
    case 'driver-missing':
      return migrateError(
        {
          kind: 'driver-missing',
          driver: error.driver,
          alternative: error.alternative,
          installed: error.cause !== undefined,
        },
        { cause: error.cause },
      );
    case 'config-invalid':
    case 'database-absent':
    case 'driver-conflict':
    case 'driver-unsupported':
      return migrateError(error);
  }
}

type Absent = Extract<OpenError, { readonly kind: 'database-absent' }>;
/** A lock that lives in the database cannot be had where there is none. */
const isAbsent = (cause: unknown): cause is Absent =>
  cause !== null && typeof cause === 'object' && 'kind' in cause && cause.kind === 'database-absent';

export function fromLock(error: LockError): MigrateError {
  switch (error.kind) {
    case 'locked':
      return migrateError(error);
    case 'lock-failed':
      if (isAbsent(error.cause)) return migrateError(error.cause);
      return migrateError(
        { kind: 'lock-failed', path: error.path, reason: reasonOf(error.cause) },
        { cause: error.cause },
      );
    case 'cancelled':
      return migrateError({ kind: 'cancelled' }, { state: 'unchanged' });
  }
}

export function fromStore(error: BackupError | MirrorError): MigrateError {
  if (error.kind === 'backup-corrupt') return migrateError(error);
  if (error.kind === 'mirror-failed')
    return migrateError({ kind: 'mirror-failed', file: error.file, reason: error.reason }, { cause: error.cause });
  if (isOf('interrupted', error.cause)) return migrateError({ kind: 'cancelled' }, { state: 'unchanged' });
  if (isOf('tools-missing', error.cause)) return missingTools(error.cause, { cause: error.cause.cause });
  return migrateError(
    { kind: 'backup-failed', directory: error.directory, reason: error.reason },
    { cause: error.cause },
  );
}

const missingTools = (error: SqlError, more: Parameters<typeof migrateError>[1]): MigrateError =>
  migrateError({ kind: 'tools-missing', detail: error.message, fix: error.fix ?? '' }, more);

/** Whether the database itself was the reason, and this one. */
const isOf = (kind: SqlError['kind'], cause: unknown): cause is SqlError =>
  cause !== null && typeof cause === 'object' && 'kind' in cause && cause.kind === kind;

export function fromSource(error: StepSourceError): MigrateError {
  if (error.kind !== 'step-load') return migrateError(error);
  return migrateError({ kind: 'step-load', file: error.file, reason: reasonOf(error.cause) }, { cause: error.cause });
}
