// A database of a server is put back in its place, in one transaction: its journal stays in it, and the newer events are appended there.
import type { NotKept, StaleJournal } from '../ports/refusals.js';
import { err, ok, safeTry, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import { EMPTY_HEAD } from '../journal/chain.js';
import type { StoredBackup } from '../ports/backup-store.js';
import type { SqlError } from '../ports/session.js';
import {
  optionsUnread,
  rightsNotPermitted,
  type WholeRestoreError,
  type WholeRestorePort,
} from '../ports/whole-restore.js';
import { fingerprint } from '../schema/fingerprint.js';
import { fromSql, fromStore } from './as-error.js';
import type { LoadedHistory } from './load-history.js';
import type { SoundDatabase } from './open-sound.js';
import type { Recorder } from './recorder.js';
import type { RestoreContext, RestoreReport } from './restore-context.js';
import { fitsJournal } from './restore-copy.js';
import { takeBackup } from './step-backup.js';

type Done = Pick<RestoreReport, 'restored' | 'safetyBackupId'>;
type Failure = SqlError | StaleJournal | WholeRestoreError | NotKept<MigrateError>;

/** `past`: the whole journal, of which the database may have only the beginning. */
export function replaceWhole(
  context: RestoreContext,
  { database, loaded, journal }: SoundDatabase,
  restoreWhole: WholeRestorePort['restoreWhole'],
  recorder: Recorder,
  past: LoadedHistory,
): ResultAsync<Done, MigrateError> {
  const { ports, copies, backup, policy, runId, options } = context;
  const { id } = backup.manifest;
  const { label } = database.info;
  return safeTry<Done, MigrateError>(async function* () {
    const inCopy = yield* copies.journalOf(backup.file).mapErr((error) => fromSql(error, label, 'reading the backup'));
    yield* fitsJournal(inCopy, past.events, id);
    const goesOn = journal === 'sound' && isBeginning(loaded, past);
    const after = goesOn ? loaded.head : EMPTY_HEAD;
    let safety: StoredBackup | undefined;
    const keep = (): ResultAsync<string, MigrateError> =>
      takeBackup(
        { ports, database, recorder, signal: options.signal },
        { kind: 'before-restore', runId, component: policy.component },
        'quick',
        loaded.head,
      ).map((taken) => {
        safety = taken;
        const safetyBackupId = taken.manifest.id;
        recorder.record({ type: 'start-restore', backupId: id, safetyBackupId, tables: 'all' });
        return safetyBackupId;
      });
    const done = await restoreWhole({
      file: backup.file,
      journal: goesOn ? 'goes-on' : 'anew',
      signal: options.signal,
      keep,
      onProgress: (doneBytes, totalBytes) =>
        ports.observer.progress({ kind: 'restore-progress', doneBytes, totalBytes }),
      record: ({ rows, snapshot }, safetyBackupId) => {
        const schema = fingerprint(snapshot, sha256);
        const rewoundTo = inCopy.length;
        recorder.record({
          type: 'finish-restore',
          backupId: id,
          safetyBackupId,
          tables: 'all',
          rows,
          rewoundTo,
          schema,
        });
        const { events, steps } = recorder.buffered();
        return { after, events: [...past.events.slice(after.position), ...events], steps };
      },
    });
    if (done.isErr()) {
      // The copy of a state that is still the present one keeps nothing.
      if (safety !== undefined && done.error.kind !== 'connection-lost')
        yield* ports.store.remove(safety).mapErr(fromStore);
      return err(restoreFailure(done.error, id, label));
    }
    yield* recorder.written();
    const { tables } = backup.manifest.copy;
    return ok({ restored: { tables, rows: done.value.rows }, safetyBackupId: done.value.kept });
  });
}

/** What the database has is what the whole journal begins with. */
const isBeginning = ({ head }: LoadedHistory, past: LoadedHistory): boolean =>
  head.position === 0 || past.events[head.position - 1]?.hash === head.hash;

/** The words for what kept a whole restore from happening. */
export function restoreFailure(error: Failure, backupId: string, database: string): MigrateError {
  const refused = (reason: string): MigrateError => migrateError({ kind: 'restore-failed', reason });
  switch (error.kind) {
    case 'not-kept':
      return error.error;
    case 'pooled':
      return refused(
        `${database} is behind a pooler in transaction mode, which gives a restore no session of its own; name the address of the server itself with --database, or a pool in session mode`,
      );
    case 'archive-damaged':
      return migrateError({ kind: 'backup-corrupt', backupId, check: 'archive', detail: error.detail });
    case 'roles-missing':
      return refused(
        `the server does not have the roles ${error.roles.join(', ')}, which own or may use something in the backup; make them first: ${error.create}`,
      );
    case 'extensions-missing':
      return refused(`the server does not have the extensions ${error.extensions.join(', ')}; install them first`);
    case 'extensions-not-permitted':
      return refused(
        `the role ${error.role} may not make the extensions ${error.extensions.join(', ')}; somebody who may (a superuser) has to do it in ${database} first: ${error.mend}`,
      );
    case 'rights-not-permitted':
      return refused(rightsNotPermitted(error));
    case 'options-unread':
      return refused(optionsUnread(error));
    case 'extension-rows-sealed':
      return refused(
        `the role ${error.role} may not write ${error.tables.join(', ')}, where an extension keeps rows that go with the backup; their owner has to allow it first: ${error.mend}`,
      );
    case 'too-few-locks':
      return refused(
        `in one transaction it takes about ${error.needed} locks, more than the server has room for (max_locks_per_transaction is ${error.setting}); give it more and start it again: ALTER SYSTEM SET max_locks_per_transaction = ${error.enough};`,
      );
    case 'schema-changed-meanwhile':
      return refused(`somebody changed the schema of ${database} while a copy of it was kept`);
    case 'content-differs':
      return refused(`what came out of the backup is not what was in it: ${error.detail}`);
    case 'busy':
      return refused(`${error.message}${error.fix === undefined ? '' : `; to end it: ${error.fix}`}`);
    case 'constraint':
      return refused(`rows of the backup do not fit its own constraints: ${error.message}`);
    case 'connection-lost':
      return fromSql(error, database, 'restoring', 'needs-attention');
    default:
      return fromSql(error, database, 'restoring');
  }
}
