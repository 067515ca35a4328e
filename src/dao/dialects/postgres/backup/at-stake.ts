// Compares a backup with the live database: pg_dump prints the rows of one just as pg_restore prints those of the other.
import { errAsync, okAsync, ResultAsync } from 'neverthrow';
import type { Readable } from 'node:stream';
import type { RowsAtStake } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { compareText } from '../../../../core/schema/names.js';
import type { PostgresConnection } from '../connection.js';
import { nameOf, parseName } from '../name.js';
import type { KnownContents } from './archive-content.js';
import { asDamage, openArchive, readData, type OpenArchive } from './archive-tools.js';
import { tablesMeant } from './archived-tables.js';
import { LARGE_OBJECTS } from './copy-text.js';
import { withCopyOf } from './clone/create.js';
import { isNote } from './clone/note.js';
import { listOf, withList } from './entry-list.js';
import { liveRows } from './live-rows.js';
import type { PostgresServer, Toolbox } from './server.js';
import { digestTables, RowDifference, type TableDigest, type TableDigests } from './table-digests.js';

/** The rows as they were: all of them as digests, and those of some tables. */
interface Past {
  readonly digests: () => ResultAsync<TableDigests, SqlError>;
  readonly some: (tables: TableDigests, read: (script: Readable) => Promise<void>) => ResultAsync<void, SqlError>;
}

interface Sides {
  readonly past: Past;
  readonly toolbox: Toolbox;
  /** What the live side is read with, both times. */
  readonly snapshot: string;
}

/**
 * `names` as people give them; a partitioned table stands for its partitions. The tables are digested first, in constant memory; the rows of
 * those that differ are then counted one by one. The live side is one moment: both reads are of one snapshot.
 */
export function rowsAtStake(
  server: PostgresServer,
  file: string,
  names: readonly string[] | 'all',
  contents: KnownContents,
): ResultAsync<readonly RowsAtStake[], SqlError> {
  if (isNote(file)) return againstClone(server, file, names);
  return openArchive(file)
    .mapErr(asDamage)
    .andThen((archive) =>
      compared(server, inArchive(archive, contents), (connection) => wantedOf(connection, archive, names)),
    );
}

/** A clone is nobody's to enter: a copy of it is read. */
const againstClone = (
  server: PostgresServer,
  file: string,
  names: readonly string[] | 'all',
): ResultAsync<readonly RowsAtStake[], SqlError> =>
  withCopyOf(server, file, (there) =>
    there.withTools((toolbox) =>
      compared(
        server,
        {
          digests: () => liveRows({ toolbox }, digestTables),
          some: (tables, read) => {
            const named = [...tables.values()].map(({ table }) => table);
            return named.length === 0 ? okAsync(undefined) : liveRows({ toolbox }, read, named);
          },
        },
        () => okAsync(names === 'all' ? undefined : new Set(names.map((name) => nameOf(parseName(name))))),
      ),
    ),
  );

/** Both sides of the live database are one moment. */
function compared(
  server: PostgresServer,
  past: Past,
  wantedIn: (connection: PostgresConnection) => ResultAsync<ReadonlySet<string> | undefined, SqlError>,
): ResultAsync<readonly RowsAtStake[], SqlError> {
  return server.withConnection((connection) =>
    exported(connection).andThen((snapshot) =>
      wantedIn(connection).andThen((wanted) =>
        server.withTools((toolbox) => differences({ past, toolbox, snapshot }, wanted)),
      ),
    ),
  );
}

/** As reports name them; undefined for all. */
function wantedOf(
  connection: PostgresConnection,
  { entries }: OpenArchive,
  names: readonly string[] | 'all',
): ResultAsync<ReadonlySet<string> | undefined, SqlError> {
  if (names === 'all') return okAsync(undefined);
  return tablesMeant(connection, entries, names).map(
    (meant) => new Set(meant.flatMap(({ name, tables }) => (tables ?? [parseName(name)]).map(nameOf))),
  );
}

/** The name of a snapshot that holds as long as the connection. */
const exported = (connection: PostgresConnection): ResultAsync<string, SqlError> =>
  connection
    .run('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    .andThen(() => connection.all<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id'))
    .andThen(([row]) =>
      row === undefined
        ? errAsync<string, SqlError>({ kind: 'other', code: '', message: 'the server exports no snapshot' })
        : okAsync(row.id),
    );

function differences(
  sides: Sides,
  wanted: ReadonlySet<string> | undefined,
): ResultAsync<readonly RowsAtStake[], SqlError> {
  return together(sides.past.digests(), liveRows(sides, digestTables)).andThen(([then, now]) => {
    const names = [...new Set([...then.keys(), ...now.keys()])].toSorted(compareText);
    const differing = names.filter((name) => (wanted?.has(name) ?? true) && differs(then.get(name), now.get(name)));
    return differing.length === 0 ? okAsync([]) : counted(sides, differing, then, now);
  });
}

/** A table that is on one side only differs, also where it has no rows; then it is counted as having none. */
const differs = (then: TableDigest | undefined, now: TableDigest | undefined): boolean =>
  then === undefined || now === undefined || then.digest !== now.digest || !haveSameColumns(then, now);

const haveSameColumns = (then: TableDigest | undefined, now: TableDigest | undefined): boolean =>
  then === undefined || now === undefined || JSON.stringify(then.columns) === JSON.stringify(now.columns);

function counted(
  sides: Sides,
  names: readonly string[],
  then: TableDigests,
  now: TableDigests,
): ResultAsync<readonly RowsAtStake[], SqlError> {
  const byName = new Set(names.filter((name) => !haveSameColumns(then.get(name), now.get(name))));
  const rows = new RowDifference(names, byName);
  const wanted = new Set(names);
  const live = names.flatMap((name) => now.get(name)?.table ?? []);
  return together(
    sides.past.some(new Map([...then].filter(([name]) => wanted.has(name))), (script) => rows.read(script, -1)),
    liveRows(sides, (script) => rows.read(script, 1), live),
  ).map(() =>
    names.map((table) => ({ table, ...rows.of(table) })).filter(({ written, deleted }) => written + deleted > 0),
  );
}

const inArchive = (archive: OpenArchive, contents: KnownContents): Past => ({
  digests: () =>
    contents
      .of(archive.file)
      .andThen((known) => (known === undefined ? readData(archive, digestTables) : okAsync(known.digests))),
  some: (tables, read) => readSome(archive, tables, read),
});

/** The rows of these tables of an archive: the program passes over the others. */
function readSome<T>(
  archive: OpenArchive,
  wanted: TableDigests,
  read: (script: Readable) => Promise<T>,
): ResultAsync<T, SqlError> {
  const list = listOf(
    archive.entries.filter((entry) =>
      wanted.has(LARGE.test(entry.kind) ? LARGE_OBJECTS_NAME : entry.hasData ? nameOf(entry) : ''),
    ),
  );
  return withList(list, (file) => readData(archive, read, [`--use-list=${file}`]));
}
const LARGE_OBJECTS_NAME = nameOf(LARGE_OBJECTS.table);
const LARGE = /^(?:BLOB|BLOBS|BLOB METADATA)$/;

/** Both to their ends, also where one fails: no program goes on reading behind an answer. */
function together<A, B>(
  first: ResultAsync<A, SqlError>,
  second: ResultAsync<B, SqlError>,
): ResultAsync<readonly [A, B], SqlError> {
  return first
    .map((a) => a)
    .orElse((error) =>
      ResultAsync.fromSafePromise(
        second.match(
          () => undefined,
          () => undefined,
        ),
      ).andThen(() => errAsync(error)),
    )
    .andThen((a) => second.map((b) => [a, b] as const));
}
