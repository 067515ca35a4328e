// What is in a clone, read from a copy of it: its rows as digests, how many there are, and its schema.
import type { ResultAsync } from 'neverthrow';
import { sha256 } from '../../../../../core/brands.js';
import type { ContentFingerprint, CopyContent } from '../../../../../core/ports/backup-source.js';
import type { Session, SqlError } from '../../../../../core/ports/session.js';
import { fingerprint } from '../../../../../core/schema/fingerprint.js';
import { compareText } from '../../../../../core/schema/names.js';
import { inOrder } from '../../../../in-order.js';
import { inspectSchema } from '../../inspect/inspector.js';
import { sqlName, type QualifiedName } from '../../name.js';
import { liveRows } from '../live-rows.js';
import type { PostgresServer } from '../server.js';
import { digestTables } from '../table-digests.js';
import { withCopyOf } from './create.js';

export const contentOfClone = (server: PostgresServer, file: string): ResultAsync<CopyContent, SqlError> =>
  withCopyOf(server, file, (there) =>
    there.withConnection((connection) =>
      countRows(connection).andThen((rows) => inspectSchema(connection).map((snapshot) => ({ rows, snapshot }))),
    ),
  );

export const fingerprintClone = (server: PostgresServer, file: string): ResultAsync<ContentFingerprint, SqlError> =>
  withCopyOf(server, file, (there) =>
    there
      .withTools((toolbox) => liveRows({ toolbox }, digestTables))
      .andThen((tables) =>
        there
          .withConnection((connection) => inspectSchema(connection))
          .map((snapshot): ContentFingerprint => ({
            schema: fingerprint(snapshot, sha256),
            foreignKeyViolations: 0,
            tables: Object.fromEntries(
              [...tables]
                .toSorted(([a], [b]) => compareText(a, b))
                .map(([name, { rows, digest }]) => [name, { rows, digest }]),
            ),
          })),
      ),
  );

const TABLES = (kinds: string): string => `
  SELECT n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN (${kinds}) AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'migrate_safe', 'migrate_safe_backup')
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY 1, 2`;

/** The application's, foreign ones among them. */
export const tablesIn = (session: Session): ResultAsync<QualifiedName[], SqlError> =>
  session.all<QualifiedName & Record<string, string>>(TABLES(`'r', 'p', 'f'`));

const TABLES_PER_STATEMENT = 100;

/** Of all tables that have rows of their own here. */
export const countRows = (session: Session): ResultAsync<number, SqlError> =>
  session.all<QualifiedName & Record<string, string>>(TABLES(`'r'`)).andThen((tables) => {
    const batches = Array.from({ length: Math.ceil(tables.length / TABLES_PER_STATEMENT) }, (_, at) =>
      tables.slice(at * TABLES_PER_STATEMENT, (at + 1) * TABLES_PER_STATEMENT),
    );
    return inOrder(batches, (batch) =>
      session.all<{ n: number }>(
        batch.map((table) => `SELECT count(*) AS n FROM ONLY ${sqlName(table)}`).join(' UNION ALL '),
      ),
    ).map((found) => found.flat().reduce((all, { n }) => all + n, 0));
  });
