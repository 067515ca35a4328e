// Compares an archive with the live database: pg_dump prints the rows of one just as pg_restore prints those of the other.
import { errAsync, okAsync, ResultAsync } from 'neverthrow';
import type { Readable } from 'node:stream';
import type { RowsAtStake } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { compareText } from '../../../../core/schema/names.js';
import type { PostgresConnection } from '../connection.js';
import { nameOf, parseName, quoted, type QualifiedName } from '../name.js';
import type { KnownContents } from './archive-content.js';
import { asDamage, openArchive, readData, type OpenArchive } from './archive-tools.js';
import { tablesMeant } from './archived-tables.js';
import { LARGE_OBJECTS } from './copy-text.js';
import { listOf, withList } from './entry-list.js';
import { runTool } from './run-tool.js';
import type { PostgresServer, Toolbox } from './server.js';
import { digestTables, RowDifference, type TableDigest, type TableDigests } from './table-digests.js';

const LOCK_WAIT_MS = 60_000;
/** So many tables are named to pg_dump; a command line has an end, and behind it all tables are read. */
const MOST_NAMED = 100;

interface Sides {
  readonly archive: OpenArchive;
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
  return openArchive(file)
    .mapErr(asDamage)
    .andThen((archive) =>
      server.withConnection((connection) =>
        exported(connection).andThen((snapshot) =>
          wantedOf(connection, archive, names).andThen((wanted) =>
            server.withTools((toolbox) => differences({ archive, toolbox, snapshot }, wanted, contents)),
          ),
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
  contents: KnownContents,
): ResultAsync<readonly RowsAtStake[], SqlError> {
  const { archive } = sides;
  const stored = contents
    .of(archive.file)
    .andThen((known) => (known === undefined ? readData(archive, digestTables) : okAsync(known.digests)));
  return together(stored, readLive(sides, digestTables, [])).andThen(([then, now]) => {
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
  const live = names.flatMap((name) => now.get(name)?.table ?? []);
  return together(
    readSome(sides.archive, names, (script) => rows.read(script, -1)),
    readLive(sides, (script) => rows.read(script, 1), live),
  ).map(() =>
    names.map((table) => ({ table, ...rows.of(table) })).filter(({ written, deleted }) => written + deleted > 0),
  );
}

/** The rows of these tables of an archive: the program passes over the others. */
function readSome<T>(
  archive: OpenArchive,
  names: readonly string[],
  read: (script: Readable) => Promise<T>,
): ResultAsync<T, SqlError> {
  const wanted = new Set(names);
  const list = listOf(
    archive.entries.filter((entry) =>
      wanted.has(LARGE.test(entry.kind) ? LARGE_OBJECTS_NAME : entry.hasData ? nameOf(entry) : ''),
    ),
  );
  return withList(list, (file) => readData(archive, read, [`--use-list=${file}`]));
}
const LARGE_OBJECTS_NAME = nameOf(LARGE_OBJECTS.table);
const LARGE = /^(?:BLOB|BLOBS|BLOB METADATA)$/;

/** The rows of the live tables, as a data script; `only` may name those that are wanted. */
function readLive<T>(
  { toolbox, snapshot }: Sides,
  read: (script: Readable) => Promise<T>,
  only: readonly QualifiedName[],
): ResultAsync<T, SqlError> {
  const isNamed = only.length > 0 && only.length <= MOST_NAMED && only.every(({ schema }) => schema !== 'pg_catalog');
  const tables = isNamed ? only.map((table) => `--table=${patternOf(table)}`) : ['--blobs'];
  return runTool(
    {
      program: toolbox.tools.pgDump,
      args: [
        '--data-only',
        ...tables,
        '--exclude-schema=migrate_safe',
        '--exclude-schema=migrate_safe_backup',
        `--lock-wait-timeout=${LOCK_WAIT_MS}`,
        `--snapshot=${snapshot}`,
        '--no-password',
      ],
      env: toolbox.env,
    },
    read,
  );
}

/** A pattern that only this table fits: in quotes, nothing but a quote has a meaning. */
const patternOf = ({ schema, name }: QualifiedName): string => `${quoted(schema)}.${quoted(name)}`;

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
