// What a copy of a database is worth: its structure, and its content as digests.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import { sha256 } from '../../../../core/brands.js';
import type { CheckError, ContentFingerprint, CopyFacts, CopyForm } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { fingerprint } from '../../../../core/schema/fingerprint.js';
import type { SqliteConnection, SqliteDriver } from '../drivers/driver.js';
import { SqliteInspector } from '../inspect/inspector.js';
import { isForeignObject } from '../inspect/neighbours.js';
import { digestTable } from './digest-table.js';
import { withConnection } from './with-connection.js';

const WAIT_MS = 1000;

export const COPY_FORM: CopyForm = {
  fileName: 'database.sqlite',
  header: 'SQLite format 3\0',
  checks: { quick: 'quick_check', full: 'integrity_check' },
};

export interface CopyFactsRow {
  readonly page_size: number;
  readonly page_count: number;
  readonly user_version: number;
  readonly application_id: number;
}

/** Structure check of a copy; opens it without the right to write. */
export function checkCopy(
  driver: SqliteDriver,
  file: string,
  level: 'quick' | 'full',
): ResultAsync<CopyFacts, CheckError> {
  return withConnection(driver, file, 'read-only', WAIT_MS, (copy) => {
    const check = COPY_FORM.checks[level];
    return copy
      .all<Record<string, string>>(`PRAGMA ${check}(10)`)
      .andThen((rows) => {
        const messages = rows.flatMap((row) => Object.values(row));
        return messages.length === 1 && messages[0] === 'ok'
          ? okAsync(rows)
          : errAsync<never, CheckError>(failed(check, messages.join('; ') || 'no answer'));
      })
      .andThen(() => copy.all<CopyFactsRow>(COPY_FACTS))
      .andThen(([facts]) => tablesOf(copy).map((tables) => ({ facts, tables })))
      .andThen(({ facts, tables }) =>
        facts === undefined || facts.page_count === 0
          ? errAsync<CopyFacts, CheckError>(failed('header', 'the copy is empty'))
          : okAsync<CopyFacts, CheckError>({
              pageSize: facts.page_size,
              pageCount: facts.page_count,
              userVersion: facts.user_version,
              applicationId: facts.application_id,
              journalMode: 'delete',
              tables,
            }),
      );
  });
}

/** Schema, rows and digests of a copy. */
export function fingerprintCopy(driver: SqliteDriver, file: string): ResultAsync<ContentFingerprint, SqlError> {
  return withConnection(driver, file, 'read-only', WAIT_MS, (copy) =>
    new SqliteInspector(copy).snapshot().andThen(({ snapshot }) =>
      inOrder(
        snapshot.tables.filter((table) => table.kind === 'table'),
        (table) => digestTable(copy, table.name).map((digest) => [table.name, digest] as const),
      ).andThen((tables) =>
        copy
          .all<{ n: number }>('SELECT count(*) AS n FROM pragma_foreign_key_check')
          .map(([violations]): ContentFingerprint => ({
            schema: fingerprint(snapshot, sha256),
            foreignKeyViolations: violations?.n ?? 0,
            tables: Object.fromEntries(tables),
          })),
      ),
    ),
  );
}

/** One row that says what a copy is. */
export const COPY_FACTS = `SELECT (SELECT page_size FROM pragma_page_size) AS page_size, (SELECT page_count FROM pragma_page_count) AS page_count,
  (SELECT user_version FROM pragma_user_version) AS user_version, (SELECT application_id FROM pragma_application_id) AS application_id`;

const tablesOf = (copy: SqliteConnection): ResultAsync<string[], SqlError> =>
  copy
    .all<{ name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
    .map((rows) => rows.map(({ name }) => name).filter((name) => !isForeignObject(name)));

const failed = (check: string, detail: string): CheckError => ({ kind: 'check-failed', check, detail });
