// A whole database is put back beside the live one, with its journal, and takes that one's name.
import { err, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { sha256 } from '../brands.js';
import type { MigrateError } from '../errors/migrate-error.js';
import { EMPTY_HEAD } from '../journal/chain.js';
import type { OpenDatabase } from '../ports/database.js';
import { fingerprint } from '../schema/fingerprint.js';
import { fromSql } from './as-error.js';
import { loadHistory, reconcileMirror, type LoadedHistory } from './load-history.js';
import type { Recorder } from './recorder.js';
import type { RestoreContext, RestoreReport } from './restore-context.js';
import { fitsJournal } from './restore-copy.js';
import type { ChosenWay } from './restore-way.js';
import { restoreFailure } from './restore-whole.js';

type Done = Pick<RestoreReport, 'restored' | 'kept'>;

/** `past`: the whole journal. The run is ended in what the new database begins with: once it has the name, anybody may go on. */
export function replaceBySwap(
  context: RestoreContext,
  database: OpenDatabase,
  { port, outlook }: Extract<ChosenWay, { by: 'swap' }>,
  recorder: Recorder,
  past: LoadedHistory,
  elapsedMs: () => number,
): ResultAsync<Done, MigrateError> {
  const { ports, copies, backup, options } = context;
  const { id, copy } = backup.manifest;
  const { label } = database.info;
  const { keptAs } = outlook;
  return safeTry<Done, MigrateError>(async function* () {
    const inCopy = yield* copies.journalOf(backup.file).mapErr((error) => fromSql(error, label, 'reading the backup'));
    yield* fitsJournal(inCopy, past.events, id);
    const done = await port.restore({
      file: backup.file,
      keptAs,
      signal: options.signal,
      onProgress: (doneBytes, totalBytes) =>
        ports.observer.progress({ kind: 'restore-progress', doneBytes, totalBytes }),
      record: ({ rows, snapshot }) => {
        const schema = fingerprint(snapshot, sha256);
        const what = { backupId: id, safetyBackupId: null, tables: 'all' } as const;
        recorder.record({ type: 'start-restore', ...what });
        recorder.record({ type: 'finish-restore', ...what, rows, rewoundTo: inCopy.length, schema, keptAs });
        recorder.record({ type: 'complete-run', steps: 0, durationMs: elapsedMs(), schema });
        const { events, steps } = recorder.buffered();
        return { after: EMPTY_HEAD, events: [...past.events, ...events], steps };
      },
    });
    if (done.isErr()) return err(restoreFailure(done.error, id, label));
    const { rows, drop, lock } = done.value;
    recorder.told();
    // Without the lock it is another run's, which brings the mirror up to date by itself.
    if (lock === 'held') yield* mirrored(context, database);
    return ok({ restored: { tables: copy.tables, rows }, kept: { database: keptAs, drop } });
  });
}

const mirrored = ({ ports, databaseId }: RestoreContext, database: OpenDatabase): ResultAsync<void, MigrateError> =>
  loadHistory(database)
    .andThen((loaded) => reconcileMirror(ports.mirror, databaseId, loaded, 'repair'))
    .map(() => undefined)
    // It has happened: the mirror is brought up to date by the next run at the latest.
    .orElse(() => okAsync(undefined));
