// Work on copies that lie aside: reading their journal and content, and giving them the events that came after.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { RecordedEvent, StoredEvent } from '../../../../core/events/envelope.js';
import type { AppliedStep } from '../../../../core/history/history.js';
import type {
  CheckError,
  ContentFingerprint,
  CopyContent,
  CopyFacts,
  CopyFiles,
} from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { JournalDao } from '../../../system/journal-dao.js';
import { countRows } from '../compare/shape.js';
import type { SqliteDriver } from '../drivers/driver.js';
import { SqliteInspector } from '../inspect/inspector.js';
import { raiseLayout } from '../layout.js';
import { SQLITE_TABLES } from '../system-tables.js';
import { checkCopy, COPY_FORM, fingerprintCopy } from './copy-check.js';
import { withConnection } from './with-connection.js';

const WAIT_MS = 1000;

export class SqliteCopyFiles implements CopyFiles {
  readonly form = COPY_FORM;
  readonly #driver: SqliteDriver;

  constructor(driver: SqliteDriver) {
    this.#driver = driver;
  }

  check(file: string, level: 'quick' | 'full'): ResultAsync<CopyFacts, CheckError> {
    return checkCopy(this.#driver, file, level);
  }

  fingerprint(file: string): ResultAsync<ContentFingerprint, SqlError> {
    return fingerprintCopy(this.#driver, file);
  }

  journalOf(file: string): ResultAsync<StoredEvent[], SqlError> {
    return withConnection(this.#driver, file, 'read-only', WAIT_MS, (copy) =>
      new JournalDao(copy, SQLITE_TABLES)
        .read()
        .orElse((error) => (error.kind === 'missing-object' ? okAsync([]) : errAsync(error))),
    );
  }

  contentOf(file: string): ResultAsync<CopyContent, SqlError> {
    return withConnection(this.#driver, file, 'read-only', WAIT_MS, (copy) =>
      new SqliteInspector(copy).snapshot().andThen(({ snapshot }) =>
        inOrder(
          snapshot.tables.filter((table) => table.kind === 'table'),
          (table) => countRows(copy, table.name),
        ).map((counts) => ({
          rows: counts.reduce((all, count) => all + count, 0),
          snapshot,
        })),
      ),
    );
  }

  readonly extend = (
    file: string,
    events: readonly (RecordedEvent | StoredEvent)[],
    steps: readonly AppliedStep[],
  ): ResultAsync<void, SqlError> =>
    withConnection(this.#driver, file, 'read', WAIT_MS, (copy) => {
      const journal = new JournalDao(copy, SQLITE_TABLES);
      const first = events.find((event) => event.type === 'RunStarted')?.data as
        | { readonly databaseId?: string }
        | undefined;
      return copy
        .run('PRAGMA synchronous = FULL')
        .andThen(() => raiseLayout(copy))
        .andThen(() => copy.run('BEGIN IMMEDIATE'))
        .andThen(() => (first?.databaseId === undefined ? okAsync(undefined) : journal.identify(first.databaseId)))
        .andThen(() => journal.append(events))
        .andThen(() => journal.rewriteProjection(steps))
        .andThen(() => copy.run('COMMIT'))
        .map(() => undefined);
    });
}
