// Rows of an archive as tables that last as long as the transaction that is open: a crash at any time leaves none of them.
import type { Readable } from 'node:stream';
import { err, errAsync, ok, ResultAsync, safeTry, type Result } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { inOrder } from '../../../in-order.js';
import { hadColumn, rowsEntry, sequenceValue } from '../backup/archived-tables.js';
import { readData, type OpenArchive } from '../backup/archive-tools.js';
import { encodingOf, type ArchiveEntry } from '../backup/archive.js';
import { parseHead, readRows } from '../backup/copy-text.js';
import { listOf, withList } from '../backup/entry-list.js';
import type { PostgresConnection } from '../connection.js';
import type { Feed, Send } from '../copy-in.js';
import { nameOf, quoted, sqlName, type QualifiedName } from '../name.js';
import type { KeptTable } from '../tables/catalogue.js';
import { readFacts, type ColumnFacts, type SequenceFacts, type TableFacts } from '../tables/table-facts.js';
import type { RestoreError } from '../tables/transaction.js';

/** Each of the tables as the archive has it; one that the archive has not has no rows. */
export function stageRows(
  connection: PostgresConnection,
  archive: OpenArchive,
  tables: readonly QualifiedName[],
): ResultAsync<readonly KeptTable[], RestoreError> {
  return safeTry<readonly KeptTable[], RestoreError>(async function* () {
    const present = yield* fitting(connection, archive, tables);
    if (present.length === 0) return ok([]);
    // From here on their columns stay what they are.
    yield* connection.run(
      `LOCK TABLE ${present.map((table) => `ONLY ${sqlName(table)}`).join(', ')} IN ACCESS SHARE MODE`,
    );
    const locked = yield* fitting(connection, archive, present);
    return ok(yield* inOrder(locked, (table, at) => stage(connection, archive, table, at + 1)));
  });
}

/** The tables as they are; an error where one is not there, or is not the one of the archive. */
export function fitting(
  connection: PostgresConnection,
  archive: OpenArchive,
  tables: readonly QualifiedName[],
): ResultAsync<readonly TableFacts[], RestoreError> {
  return readFacts(connection, tables).andThen((present): Result<readonly TableFacts[], RestoreError> => {
    const absent = tables.find((table) => !present.some((live) => sqlName(live) === sqlName(table)));
    if (absent !== undefined) return err(differs(absent, 'the table is not there'));
    for (const table of present) {
      const detail = differenceFrom(archive, table);
      if (detail !== undefined) return err(differs(table, detail));
    }
    return ok(present);
  });
}

const differs = (table: QualifiedName, detail: string): RestoreError => ({
  kind: 'table-differs',
  table: nameOf(table),
  detail,
});

/** In what the archive's table is not the one that is there; its rows would mean something else in it. */
function differenceFrom({ entries }: OpenArchive, table: TableFacts): string | undefined {
  const entry = rowsEntry(entries, table);
  if (entry === undefined) return undefined;
  const own = table.columns.filter(({ generated }) => !generated);
  const [then, now] = [parseHead(entry.copy.trimEnd()).columns, own.map(({ name }) => name)].map(listed);
  if (then !== now) return `the backup has (${then}), the database (${now})`;
  const other = own.find((column) => !hadColumn(entries, table, column));
  return other && `${quoted(other.name)} is ${other.type} now, and was of another type`;
}

const listed = (names: readonly string[]): string => names.map(quoted).toSorted().join(', ');

function stage(
  connection: PostgresConnection,
  archive: OpenArchive,
  table: TableFacts,
  number: number,
): ResultAsync<KeptTable, RestoreError> {
  const name = `migrate_safe_staged_${number}`;
  const copy = `pg_temp.${name}`;
  const entry = rowsEntry(archive.entries, table);
  return safeTry<KeptTable, RestoreError>(async function* () {
    yield* connection.run(`CREATE TEMPORARY TABLE ${name} (LIKE ${sqlName(table)} INCLUDING GENERATED) ON COMMIT DROP`);
    const rows = entry === undefined ? 0 : yield* load(connection, archive, entry, copy);
    yield* connection.run(`ANALYZE ${copy}`);
    const columns = table.columns.map((column): ColumnFacts => ({ ...column, kept: 'native' }));
    const { schema, key } = table;
    return ok({ schema, name: table.name, copy, rows, columns, key, sequences: sequencesOf(archive, table) });
  });
}

const sequencesOf = ({ entries }: OpenArchive, { sequences }: TableFacts): readonly SequenceFacts[] =>
  sequences.flatMap((sequence) => {
    const value = sequenceValue(entries, sequence);
    return value === undefined ? [] : [{ ...sequence, ...value }];
  });

/** The rows as pg_restore prints them go to the server as they are. */
function load(
  connection: PostgresConnection,
  archive: OpenArchive,
  entry: ArchiveEntry,
  copy: string,
): ResultAsync<number, RestoreError> {
  const { columns } = parseHead(entry.copy.trimEnd());
  const list = columns.length === 0 ? '' : `(${columns.map(quoted).join(', ')}) `;
  const sql = `COPY ${copy} ${list}FROM STDIN WITH (ENCODING '${encodingOf(archive.entries)}')`;
  // By its number: a name on a command line is UTF-8, and in the archive it need not be.
  const feed: Feed = (send) =>
    withList(listOf([entry]), (list) =>
      readData(archive, (script) => pour(script, entry, send), [`--use-list=${list}`]),
    );
  // Defaults and checks of types may call functions that rely on the path that their database gives them.
  return connection
    .run('SET LOCAL search_path TO DEFAULT')
    .andThen(() => connection.copyIn(sql, feed))
    .andThrough(() => connection.run(`SELECT pg_catalog.set_config('search_path', '', true)`))
    .orElse((error: SqlError) =>
      errAsync(doesNotFit(error) ? differs(entry, `it does not take the rows of the backup: ${error.message}`) : error),
    );
}

/** Class 22 is of values that a type does not take. */
const doesNotFit = ({ kind, code }: SqlError): boolean => kind === 'constraint' || code.startsWith('22');

const LINE_BREAK = Buffer.from('\n');

async function pour(script: Readable, entry: ArchiveEntry, send: Send): Promise<void> {
  let lines: Buffer[] = [];
  let found = false;
  await readRows(
    script,
    ({ table: { schema, name } }) => {
      if (schema !== entry.schema || name !== entry.name) return undefined;
      found = true;
      return (bytes, start, end) => lines.push(bytes.subarray(start, end), LINE_BREAK);
    },
    async () => {
      if (lines.length === 0) return;
      const all = Buffer.concat(lines);
      lines = [];
      await send(all);
    },
  );
  if (!found) throw new Error(`the archive has no rows of ${nameOf(entry)} where its contents say so`);
}
