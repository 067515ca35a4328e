// Work on archives and clones that lie aside: checking them, and reading the journal and the content inside.
import { err, ok, type ResultAsync } from 'neverthrow';
import type { StoredEvent } from '../../../../core/events/envelope.js';
import type {
  CheckError,
  ContentFingerprint,
  CopyContent,
  CopyFacts,
  CopyFiles,
  CopyForm,
  CopyProgress,
} from '../../../../core/ports/backup-source.js';
import type { NewDatabases } from '../../../../core/ports/new-database.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { eventOf, type EventRow } from '../../../system/journal-dao.js';
import type { QualifiedName } from '../name.js';
import { PostgresNewDatabases } from '../restore/swap/new-databases.js';
import { asDamage, openArchive, readData } from './archive-tools.js';
import { KnownContents } from './archive-content.js';
import { contentOfClone, fingerprintClone } from './clone/content.js';
import { CLONE_FORM, isNote, readNote } from './clone/note.js';
import { checkClone } from './clone/proof.js';
import { checkArchive, COPY_FORM, fingerprintArchive } from './copy-check.js';
import { fieldsOf, LARGE_OBJECTS, readRows } from './copy-text.js';
import { snapshotOfArchive } from './scratch-schema.js';
import type { PostgresServer } from './server.js';
import { digestTables } from './table-digests.js';

/** Without `extend`: a restore leaves the journal in its place. */
export class PostgresCopyFiles implements CopyFiles {
  readonly form = COPY_FORM;
  readonly databases: NewDatabases;
  readonly #server: PostgresServer;
  readonly #contents = new KnownContents();

  /** `location`: of the database that `server` leads to. */
  constructor(server: PostgresServer, location: string) {
    this.#server = server;
    this.databases = new PostgresNewDatabases(server, location, this.#contents);
  }

  formOf(copy: CopyFacts): CopyForm {
    return 'clone' in copy ? CLONE_FORM : COPY_FORM;
  }

  check(file: string, level: 'quick' | 'full', onProgress?: CopyProgress): ResultAsync<CopyFacts, CheckError> {
    if (isNote(file)) return checkClone(this.#server, file);
    return checkArchive(file, level, this.#contents, onProgress);
  }

  fingerprint(file: string): ResultAsync<ContentFingerprint, SqlError> {
    return isNote(file) ? fingerprintClone(this.#server, file) : fingerprintArchive(file, this.#contents);
  }

  journalOf(file: string): ResultAsync<StoredEvent[], SqlError> {
    if (isNote(file)) return readNote(file).map(({ journal }) => journal);
    const only = ['--schema=migrate_safe', '--table=events'];
    return openArchive(file)
      .mapErr(asDamage)
      .andThen((archive) =>
        readData(
          archive,
          async (script) => {
            const rows: Record<string, string>[] = [];
            await readRows(script, ({ table, columns }, decode) =>
              table.schema !== 'migrate_safe' || table.name !== 'events'
                ? undefined
                : (bytes, start, end) => {
                    const fields = fieldsOf(decode(bytes, start, end));
                    rows.push(Object.fromEntries(columns.map((column, at) => [column, fields[at] ?? ''])));
                  },
            );
            return rows;
          },
          only,
        ),
      )
      .andThen((rows) => {
        const events = rows.map(rowOf);
        return events.every((row) => Number.isSafeInteger(row.position))
          ? ok(events.toSorted((a, b) => a.position - b.position).map(eventOf))
          : err<never, SqlError>({ kind: 'corrupt', code: '', message: 'its journal is not one' });
      });
  }

  contentOf(file: string): ResultAsync<CopyContent, SqlError> {
    if (isNote(file)) return contentOfClone(this.#server, file);
    return openArchive(file)
      .mapErr(asDamage)
      .andThen((archive) => readData(archive, digestTables))
      .andThen((tables) =>
        snapshotOfArchive(this.#server, file).map((snapshot) => ({
          rows: [...tables.values()].reduce((all, { table, rows }) => all + (isLargeObjects(table) ? 0 : rows), 0),
          snapshot,
        })),
      );
  }
}

/** They are no rows that anybody would count. */
const isLargeObjects = ({ schema, name }: QualifiedName): boolean =>
  schema === LARGE_OBJECTS.table.schema && name === LARGE_OBJECTS.table.name;

const rowOf = (row: Readonly<Record<string, string>>): EventRow => ({
  position: Number(row['position'] ?? Number.NaN),
  run_id: row['run_id'] ?? '',
  component: row['component'] ?? '',
  type: row['type'] ?? '',
  schema_version: Number(row['schema_version'] ?? 0),
  recorded_at: row['recorded_at'] ?? '',
  actor: row['actor'] ?? '',
  data: row['data'] ?? '',
  previous_hash: row['previous_hash'] ?? '',
  hash: row['hash'] ?? '',
});
