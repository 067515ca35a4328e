// A backup becomes a database of its own, under another name, with a journal that begins there; nothing that is there is touched.
import { err, errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { compareVersions, sha256 } from '../brands.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { RecordedEvent, StoredEvent } from '../events/envelope.js';
import { EMPTY_HISTORY, stepsOf, type History } from '../history/history.js';
import { EMPTY_HEAD, type JournalHead } from '../journal/chain.js';
import type { CopyFiles } from '../ports/backup-source.js';
import type { StoredBackup } from '../ports/backup-store.js';
import type { RestoredContent } from '../ports/whole-restore.js';
import { fingerprint } from '../schema/fingerprint.js';
import { fromOpen, fromSql, fromStore } from './as-error.js';
import { chooseBackup, describeChoice, plansOf, type BackupChoice } from './choose-backup.js';
import { verified } from './load-history.js';
import type { ManagerPorts, Policy } from './ports.js';
import { Recorder } from './recorder.js';
import { tellingVerify } from './restore-copy.js';
import { pointMeant } from './restore-points.js';
import { restoreFailure } from './restore-whole.js';
import { databaseIdOf } from './run-backup.js';

export interface CopyOptions {
  readonly choice: BackupChoice;
  /** Of the new database. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/** The database that was made of a backup, and where its journal ends. */
export interface CopyReport {
  readonly backup: StoredBackup;
  readonly restored: { readonly tables: readonly string[]; readonly rows: number };
  /** `database`: where it is, without user and secrets. Its own id: it shares neither backups nor a mirror with the original. */
  readonly copy: { readonly name: string; readonly database: string; readonly databaseId: string };
  readonly journal: { readonly position: number; readonly hash: string };
}

/** No lock is taken: runs on the original go on meanwhile. */
export function restoreAsCopy(
  ports: ManagerPorts,
  policy: Policy,
  { choice, name, signal }: CopyOptions,
): ResultAsync<CopyReport, MigrateError> {
  const { label } = ports.database.info;
  const started = performance.now();
  return safeTry<CopyReport, MigrateError>(async function* () {
    const copies = yield* ports.database.copies().mapErr(fromOpen);
    const { databases } = copies;
    const backup = yield* chosenBackup(ports, policy, choice);
    if (databases === undefined) return err(onlyFiles(backup));
    const refusal = yield* databases.refusal(name).mapErr((error) => fromSql(error, label, 'looking at the server'));
    if (refusal !== undefined)
      return err(
        migrateError({
          kind: 'usage',
          reason: refusal.reason,
          suggestion: `Nothing was changed. ${refusal.fix}`,
        }),
      );
    yield* ports.store.verify(backup, copies, 'full', tellingVerify(ports)).mapErr(fromStore);
    const past = yield* pastIn(copies, backup, label);
    const databaseId = ports.ids.hex(16);
    let last: JournalHead = EMPTY_HEAD;
    const made = await databases.make({
      file: backup.file,
      name,
      signal,
      onProgress: (doneBytes, totalBytes) =>
        ports.observer.progress({ kind: 'restore-progress', doneBytes, totalBytes }),
      record: (content) => {
        const durationMs = Math.round(performance.now() - started);
        const begun = begunJournal(ports, policy, { backup, past, databaseId, content, durationMs });
        last = begun.head;
        return { after: EMPTY_HEAD, ...begun };
      },
    });
    if (made.isErr()) return err(restoreFailure(made.error, backup.manifest.id, label));
    return ok<CopyReport, MigrateError>({
      backup,
      restored: { tables: backup.manifest.copy.tables, rows: made.value.rows },
      copy: { name, database: databases.labelOf(name), databaseId },
      journal: last,
    });
  });
}

const onlyFiles = ({ file }: StoredBackup): MigrateError =>
  migrateError({
    kind: 'usage',
    reason: 'only of a PostgreSQL backup a database has to be made',
    suggestion: `This one is a whole database as it is: copy ${file} to where you want it.`,
  });

function chosenBackup(
  ports: ManagerPorts,
  { component }: Policy,
  choice: BackupChoice,
): ResultAsync<StoredBackup, MigrateError> {
  return safeTry<StoredBackup, MigrateError>(async function* () {
    const databaseId = yield* databaseIdOf(ports).orElse((error) =>
      // The server may be reached and the database be lost: its backups are known by where it was.
      error.kind === 'database-absent' ? idByPlace(ports) : errAsync(error),
    );
    if (databaseId === undefined)
      return err(
        migrateError({ kind: 'backup-not-found', wanted: describeChoice(choice), directory: ports.store.label }),
      );
    const listing = yield* ports.store.list(databaseId).mapErr(fromStore);
    const mirrored = yield* ports.mirror.read(databaseId).orElse(() => okAsync<StoredEvent[]>([]));
    const chosen = chooseBackup(choice, component, listing, ports.store.label, plansOf(mirrored));
    const point = chosen.isErr() ? yield* pointMeant(ports, databaseId, choice, component) : undefined;
    return point === undefined ? chosen : err(point);
  });
}

const idByPlace = (ports: ManagerPorts): ResultAsync<string | undefined, MigrateError> =>
  ports.store
    .databases(ports.database.info.location)
    .mapErr(fromStore)
    .map((known) => known.find(({ matches }) => matches)?.databaseId);

const pastIn = (copies: CopyFiles, { file }: StoredBackup, label: string): ResultAsync<History, MigrateError> =>
  copies
    .journalOf(file)
    .mapErr((error) => fromSql(error, label, 'reading the backup'))
    .andThen((events) => verified(events, 'database'))
    .map(({ history }) => history);

interface Beginning {
  readonly backup: StoredBackup;
  readonly past: History;
  readonly databaseId: string;
  readonly content: RestoredContent;
  readonly durationMs: number;
}

interface BegunJournal {
  readonly events: readonly RecordedEvent[];
  readonly steps: History['steps'];
  readonly head: JournalHead;
}

/** Where it comes from, and what it has: the steps of each component that were applied then count as stamped. */
function begunJournal(
  ports: ManagerPorts,
  policy: Policy,
  { backup, past, databaseId, content, durationMs }: Beginning,
): BegunJournal {
  const schema = fingerprint(content.snapshot, sha256);
  const components = [...new Set([policy.component, ...past.steps.map(({ component }) => component)])];
  let [history, head, events]: [History, JournalHead, readonly RecordedEvent[]] = [EMPTY_HISTORY, EMPTY_HEAD, []];
  for (const component of components) {
    const recorder = new Recorder(ports.ids.hex(16), ports, component, history, head);
    const steps = stepsOf(past, component)
      .map(({ version, description, checksum }) => ({ version, description, checksum }))
      .toSorted((a, b) => compareVersions(a.version, b.version));
    recorder.record({
      type: 'start-run',
      databaseId,
      kind: 'restore',
      plan: [],
      fileBackup: 'never',
      guard: policy.guard,
    });
    if (head.position === 0) {
      const what = { backupId: backup.manifest.id, safetyBackupId: null, tables: 'all' } as const;
      recorder.record({ type: 'start-restore', ...what });
      recorder.record({ type: 'finish-restore', ...what, rows: content.rows, rewoundTo: null, schema });
    }
    recorder.record({ type: 'stamp', target: steps.at(-1)?.version ?? 'base', steps, schema });
    recorder.record({ type: 'complete-run', steps: 0, durationMs, schema });
    events = [...events, ...recorder.buffered().events];
    ({ history, head } = recorder);
  }
  return { events, steps: history.steps, head };
}
