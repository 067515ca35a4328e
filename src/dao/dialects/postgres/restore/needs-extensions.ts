// What an archive needs of extensions that the one who restores cannot make: said before anything is locked, with who can mend it.
import { err, errAsync, ok, okAsync, type Result, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import type { WholeRestoreError } from '../../../../core/ports/whole-restore.js';
import { inOrder } from '../../../in-order.js';
import type { ArchiveEntry } from '../backup/archive.js';
import { readData, type OpenArchive } from '../backup/archive-tools.js';
import { readRows } from '../backup/copy-text.js';
import { quoted, sqlName } from '../name.js';
import { canCreate, type ConfigTable, type KeptExtensions } from './kept-extensions.js';

type Failure = SqlError | WholeRestoreError;

const ASK = (serverVersion: number): string => `
  SELECT e.value ->> 'name' AS name, quote_ident(n.nspname) AS schema, current_user AS role,
    ${canCreate(serverVersion, `e.value ->> 'name'`)} AS can
  FROM json_array_elements(?::json) AS e
  LEFT JOIN pg_extension AS x ON x.extname = e.value ->> 'name' LEFT JOIN pg_namespace AS n ON n.oid = x.extnamespace`;

interface Found {
  readonly name: string;
  /** Where it lives; null where it is not there. */
  readonly schema: string | null;
  readonly role: string;
  readonly can: boolean;
}

export function meetsExtensions(
  session: Session,
  archive: OpenArchive,
  kept: KeptExtensions,
  serverVersion: number,
): ResultAsync<void, Failure> {
  const wanted = archive.entries.filter(({ kind }) => kind === 'EXTENSION');
  return session
    .all<Found>(ASK(serverVersion), [JSON.stringify(wanted.map(({ name }) => ({ name })))])
    .andThen((found): Result<void, WholeRestoreError> => {
      const role = found[0]?.role ?? '';
      const byName = new Map(found.map((one) => [one.name, one]));
      const mends = wanted.flatMap((entry) => mendOf(entry, byName.get(entry.name), kept));
      if (mends.length === 0) return ok(undefined);
      const extensions = mends.map(({ name }) => name);
      return err({ kind: 'extensions-not-permitted', extensions, role, mend: mends.map(({ mend }) => mend).join(' ') });
    })
    .andThen(() => meetsSealed(session, archive, kept));
}

/** What somebody with the right has to do about one of them; nothing where all is well. */
function mendOf(
  { name, definition }: ArchiveEntry,
  found: Found | undefined,
  { names }: KeptExtensions,
): readonly { readonly name: string; readonly mend: string }[] {
  const [, schema = 'public'] = SCHEMA.exec(definition) ?? [];
  if (names.includes(name)) {
    // The archive names what is in it by where it lives.
    if (found?.schema === schema || schema === 'pg_catalog') return [];
    return [{ name, mend: `${makeSchema(schema)}ALTER EXTENSION ${quoted(name)} SET SCHEMA ${schema};` }];
  }
  if (found?.can !== false) return [];
  return [{ name, mend: `${makeSchema(schema)}CREATE EXTENSION ${quoted(name)} WITH SCHEMA ${schema};` }];
}
const SCHEMA = /\bWITH SCHEMA ("(?:[^"]|"")*"|[\w$]+)/;
const makeSchema = (schema: string): string =>
  schema === 'public' || schema === 'pg_catalog' ? '' : `CREATE SCHEMA IF NOT EXISTS ${schema}; `;

/** Rows of the user's in a table of an extension that this role may not write: then there must be none, on either side. */
function meetsSealed(session: Session, archive: OpenArchive, { config }: KeptExtensions): ResultAsync<void, Failure> {
  const sealed = config.filter(({ kind, writable }) => kind === 'TABLE' && !writable);
  return inOrder(sealed, (table) =>
    rowsIn(archive, table).andThen((stored) =>
      (stored > 0 ? okAsync(stored) : rowsThere(session, table)).map((rows) => ({ table, rows })),
    ),
  ).andThen((counted) => {
    const tables = counted.filter(({ rows }) => rows > 0).map(({ table }) => sqlName(table));
    if (tables.length === 0) return okAsync<void, Failure>(undefined);
    return session.all<{ role: string }>('SELECT quote_ident(current_user) AS role').andThen(([who]) =>
      errAsync<void, Failure>({
        kind: 'extension-rows-sealed',
        tables,
        role: who?.role ?? '',
        mend: tables.map((name) => `GRANT SELECT, INSERT, DELETE ON ${name} TO ${who?.role ?? ''};`).join(' '),
      }),
    );
  });
}

function rowsIn(archive: OpenArchive, { schema, name }: ConfigTable): ResultAsync<number, SqlError> {
  const isThere = archive.entries.some((entry) => entry.hasData && entry.schema === schema && entry.name === name);
  if (!isThere) return okAsync(0);
  let rows = 0;
  return readData(
    archive,
    async (script) => {
      await readRows(script, ({ table }) =>
        table.schema === schema && table.name === name ? (): void => void (rows += 1) : undefined,
      );
      return rows;
    },
    [`--schema=${schema}`, `--table=${name}`],
  );
}

/** A table that it may not even read has no rows that this role wrote, and none that pg_dump could have read. */
const rowsThere = (session: Session, table: ConfigTable): ResultAsync<number, SqlError> =>
  session
    .all<{ n: number }>(`SELECT count(*)::int AS n FROM (SELECT 1 FROM ONLY ${sqlName(table)} ${table.condition}) AS q`)
    .map(([row]) => row?.n ?? 0)
    .orElse((error) => (error.kind === 'not-permitted' ? okAsync(0) : errAsync(error)));
