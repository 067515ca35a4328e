// Fills a database of its own with an archive: nobody else is in it, so that several processes can work at once.
import { availableParallelism } from 'node:os';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { StaleJournal } from '../../../../../core/ports/refusals.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { JournalTail, RestoredContent, WholeRestoreError } from '../../../../../core/ports/whole-restore.js';
import { inOrder } from '../../../../in-order.js';
import type { KnownContents } from '../../backup/archive-content.js';
import type { OpenArchive } from '../../backup/archive-tools.js';
import { listOf, withList } from '../../backup/entry-list.js';
import { runQuietly } from '../../backup/run-tool.js';
import type { PostgresServer, Toolbox } from '../../backup/server.js';
import type { PostgresConnection } from '../../connection.js';
import { inspectSchema } from '../../inspect/inspector.js';
import { nameOf } from '../../name.js';
import { namesPublic, restoredEntries, tablesWithRows } from '../contents.js';
import { journalRoom, writeTail } from '../journal-tail.js';
import { verifyContent } from '../verify.js';

type Failure = SqlError | WholeRestoreError;

/** More than the processors of most servers would only wait for one another. */
const MOST_JOBS = 4;
const LOOK_EVERY_MS = 300;

export interface Filling {
  /** Leads to the new database. */
  readonly server: PostgresServer;
  readonly into: Toolbox;
  readonly archive: OpenArchive;
  readonly contents: KnownContents;
  /** Whether the live database has a schema `public`. */
  readonly hadPublic: boolean;
  readonly signal: AbortSignal;
  /** Called again and again while it grows. */
  readonly onLook: () => void;
}

/**
 * Without waiting for the disk after each statement: what is committed later, as the names are, is not on it before these.
 * A pooler can refuse options.
 */
export const hastened = (toolbox: Toolbox, isPooled = false): Toolbox =>
  isPooled
    ? toolbox
    : {
        ...toolbox,
        env: { ...toolbox.env, PGOPTIONS: `${toolbox.env['PGOPTIONS'] ?? ''} -c synchronous_commit=off`.trim() },
      };

/** The rows are compared with those of the archive, which was proven. */
export function fill(filling: Filling): ResultAsync<RestoredContent, Failure> {
  const { server, archive, hadPublic } = filling;
  const entries = restoredEntries(archive.entries);
  const emptied =
    hadPublic || namesPublic(entries)
      ? okAsync<unknown, SqlError>(undefined)
      : server.withConnection((connection) => connection.run('DROP SCHEMA public'));
  return emptied
    .andThen(() => {
      const looking = setInterval(filling.onLook, LOOK_EVERY_MS);
      const stop = (): void => clearInterval(looking);
      return restored(filling).andTee(stop).orTee(stop);
    })
    .andThen(() => rowsOf(filling))
    .andThen((taken) =>
      server.withConnection((connection) =>
        verifyContent(connection, entries, taken).andThen((rows) =>
          inspectSchema(connection).map((snapshot): RestoredContent => ({ rows, snapshot })),
        ),
      ),
    );
}

const restored = ({ into, archive, signal }: Filling): ResultAsync<void, SqlError> =>
  withList(listOf(restoredEntries(archive.entries)), (list) =>
    runQuietly({
      program: archive.tools.pgRestore,
      args: [
        '--exit-on-error',
        `--jobs=${Math.min(MOST_JOBS, availableParallelism())}`,
        '--no-password',
        `--use-list=${list}`,
        `--dbname=${into.env['PGDATABASE'] ?? ''}`,
        '--',
        archive.file,
      ],
      env: into.env,
      signal,
    }),
  );

/** The rows that the archive has of each of its tables, in its order. */
const rowsOf = ({ archive, contents }: Filling): ResultAsync<readonly number[], SqlError> =>
  contents
    .of(archive.file)
    .andThen((known) => (known === undefined ? contents.read(archive) : okAsync(known)))
    .map(({ digests }) =>
      tablesWithRows(restoredEntries(archive.entries)).map((table) => digests.get(nameOf(table))?.rows ?? 0),
    );

/** The journal goes along whole, with `rights` as statements, and the planner is told what there is. */
export const finish = (
  server: PostgresServer,
  tail: JournalTail,
  rights: readonly string[],
): ResultAsync<void, SqlError | StaleJournal> =>
  server.withConnection((connection) =>
    connection
      .run('BEGIN')
      .andThen(() => journalRoom(connection, 'anew'))
      .andThen(() => writeTail(connection, tail))
      .andThen(() =>
        inOrder([...rights, 'COMMIT', 'SET synchronous_commit = off', 'ANALYZE'], (sql) => connection.run(sql)),
      )
      .map(() => undefined),
  );

/** Also where somebody, or a program whose parent was killed, is still at work in it. */
export const dropped = (connection: PostgresConnection, name: string): ResultAsync<void, SqlError> =>
  connection
    .run(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
    .map(() => undefined)
    .orElse((error) => (error.kind === 'missing-object' ? okAsync(undefined) : errAsync(error)));
