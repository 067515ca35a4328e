// Puts a whole database back beside the live one, and gives it that one's name: for more tables than the server has room for locks.
import { randomBytes } from 'node:crypto';
import { err, errAsync, ok, okAsync, ResultAsync, safeTry, type Result } from 'neverthrow';
import type { CheckError } from '../../../../../core/ports/backup-source.js';
import type { StaleJournal } from '../../../../../core/ports/refusals.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { Swapped, SwapOutlook, SwapRestore, SwapRestorePort } from '../../../../../core/ports/swap-restore.js';
import type { RestoredContent, WholeRestoreError } from '../../../../../core/ports/whole-restore.js';
import type { KnownContents } from '../../backup/archive-content.js';
import { asDamage, openArchive } from '../../backup/archive-tools.js';
import { isNote } from '../../backup/clone/note.js';
import type { PostgresServer, Toolbox } from '../../backup/server.js';
import type { PostgresConnection } from '../../connection.js';
import { quoted } from '../../name.js';
import { JOURNAL_SCHEMA, journalRights } from '../journal-rights.js';
import { NONE_KEPT } from '../kept-extensions.js';
import { meetsNeedsOf } from '../needs.js';
import { carryCopies } from './carry-copies.js';
import { fillFromClone } from './from-clone.js';
import { clearRemains } from './remains.js';
import { growth } from './growth.js';
import { newName } from './names.js';
import { dropped, fill, finish, hastened } from './new-database.js';
import { isLackOfRights, liveDatabase, swapOutlook, type LackOfRights, type LiveDatabase } from './outlook.js';
import { switchOver } from './switch-over.js';
import { dumpedEntries, traitsOf, type CreateDatabase } from './traits.js';

type Failure = SqlError | StaleJournal | WholeRestoreError;

export interface SwapSession {
  /** Connected to the live database, and the holder of the run lock. */
  readonly connection: PostgresConnection;
  readonly server: PostgresServer;
  readonly contents: KnownContents;
  /** Ends every connection of the run to the live database. */
  readonly leave: () => ResultAsync<void, SqlError>;
  /** A new connection in the place of the one that left, under the run lock. */
  readonly reconnect: () => ResultAsync<void, SqlError>;
}

export class PostgresSwapRestore implements SwapRestorePort {
  readonly #session: SwapSession;

  constructor(session: SwapSession) {
    this.#session = session;
  }

  outlook(file: string, now: Date): ResultAsync<SwapOutlook, SqlError> {
    const { connection, server } = this.#session;
    if (connection.isPooled || connection.server.product !== 'postgresql')
      return okAsync({ keptAs: '', sessions: [], obstacle: 'a pooler answers for it, or it is no PostgreSQL' });
    // What was once in a database of this server can be in one again.
    if (isNote(file)) return swapOutlook(connection, server, now, () => okAsync(undefined));
    return openArchive(file)
      .mapErr(asDamage)
      .andThen((archive) =>
        swapOutlook(connection, server, now, () =>
          meetsNeedsOf(connection, archive, NONE_KEPT, connection.server.version)
            .map((): LackOfRights | undefined => undefined)
            .orElse((error) => okAsync(isLackOfRights(error) ? error : undefined)),
        ),
      );
  }

  restore(restore: SwapRestore): ResultAsync<Swapped, Failure> {
    const { connection, server } = this.#session;
    return this.#fillingOf(restore).andThen((filling) =>
      liveDatabase(connection).andThen((live) =>
        clearRemains(connection).andThen(() =>
          server.withTools((toolbox) => this.#inNew({ live, toolbox, filling }, restore)),
        ),
      ),
    );
  }

  /** Makes the new database, and puts into it what the file has or leads to. */
  #fillingOf({ file, signal, onProgress }: SwapRestore): ResultAsync<Filling, Failure> {
    const { connection, server, contents } = this.#session;
    if (isNote(file))
      return okAsync(({ name, live: { owner } }) => fillFromClone({ connection, server, file, name, owner }));
    return openArchive(file)
      .mapErr(asDamaged)
      .andThen((archive) =>
        meetsNeedsOf(connection, archive, NONE_KEPT, connection.server.version).map(
          (): Filling =>
            ({ name, live, create, into, inNew }) =>
              connection
                .query(create(name, connection.server.version))
                .andThen(() => growth(connection, { name, file, likely: live.bytes }, onProgress))
                .andThen((onLook) =>
                  fill({ server: inNew, into, archive, contents, hadPublic: live.hadPublic, signal, onLook }),
                ),
        ),
      );
  }

  #inNew({ live, toolbox, filling }: Source, restore: SwapRestore): ResultAsync<Swapped, Failure> {
    const { connection, server, leave, reconnect } = this.#session;
    const name = newName(live.name, randomBytes(6).toString('hex'));
    const into = hastened({ ...toolbox, env: { ...toolbox.env, PGDATABASE: name } });
    const work = safeTry<Swapped, Failure>(async function* () {
      const head = yield* headOf(connection);
      const { create } = yield* traitsOf(toolbox);
      const inNew = yield* server.at(name);
      const { signal } = restore;
      const content = yield* filling({ name, live, create, into, inNew });
      yield* carryCopies(connection, toolbox, { server: inNew, into });
      yield* finish(inNew, restore.record(content), yield* journalRightsOf(connection, toolbox));
      const oid = yield* oidOf(connection, name);
      // What somebody set of the live database meanwhile goes along.
      const { statements } = yield* traitsOf(toolbox);
      if (signal.aborted) return err<Swapped, Failure>(CANCELLED);
      yield* switchOver(server, {
        live,
        fresh: { oid, name },
        keptAs: restore.keptAs,
        statements,
        work: {
          processId: connection.processId,
          leave: () => headOf(connection).andThen((now) => (now === head ? leave() : errAsync(OVERTAKEN))),
        },
      });
      const held = yield* ResultAsync.fromSafePromise(
        reconnect().match(
          () => true,
          () => false,
        ),
      );
      const drop = `DROP DATABASE ${quoted(restore.keptAs)};`;
      return ok<Swapped, Failure>({ rows: content.rows, drop, lock: held ? 'held' : 'gone' });
    });
    return work.orElse((error: Failure) => this.#undone(name, error));
  }

  /** The names are what they were: what was made beside goes, as far as the server can still be asked. */
  #undone(name: string, error: Failure): ResultAsync<Swapped, Failure> {
    const { connection, reconnect } = this.#session;
    const there: ResultAsync<unknown, SqlError> = connection.run('SELECT 1').orElse(() => reconnect());
    return there
      .andThen(() => dropped(connection, name))
      .orElse(() => okAsync(undefined))
      .andThen(() => errAsync(error));
  }
}

/** What is wrong with an archive, for those who restore the whole of it. */
export const asDamaged = (error: CheckError): SqlError | WholeRestoreError =>
  error.kind === 'check-failed' ? { kind: 'archive-damaged', detail: `${error.check}: ${error.detail}` } : error;

interface Source {
  readonly live: LiveDatabase;
  readonly toolbox: Toolbox;
  readonly filling: Filling;
}

type Filling = (place: {
  /** Of the new database. */
  readonly name: string;
  readonly live: LiveDatabase;
  /** Creates an empty one like the live one. */
  readonly create: CreateDatabase;
  readonly into: Toolbox;
  readonly inNew: PostgresServer;
}) => ResultAsync<RestoredContent, Failure>;

/** Another run had the lock, although this one never let go of it. */
const OVERTAKEN: SqlError = {
  kind: 'other',
  code: '',
  message: 'another run wrote to the journal meanwhile',
};
const CANCELLED: SqlError = { kind: 'interrupted', code: '', message: 'cancelled' };

/** Those of the live one; where it is gone, of nobody. */
const journalRightsOf = (live: PostgresConnection, toolbox: Toolbox): ResultAsync<readonly string[], SqlError> =>
  live
    .query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [JOURNAL_SCHEMA])
    .andThen(({ rows }) =>
      rows.length === 0 ? okAsync([]) : dumpedEntries(toolbox, [`--schema=${JOURNAL_SCHEMA}`]).map(journalRights),
    );

/** Where the journal ends; empty where there is none, whatever became of it. */
const headOf = (connection: PostgresConnection): ResultAsync<string, SqlError> =>
  connection
    .query<{ hash: string }>('SELECT hash FROM migrate_safe.events ORDER BY position DESC LIMIT 1')
    .map(({ rows: [row] }) => row?.hash ?? '')
    .orElse((error) => (error.kind === 'missing-object' ? okAsync('') : errAsync(error)));

const oidOf = (connection: PostgresConnection, name: string): ResultAsync<number, SqlError> =>
  connection
    .query<{ oid: number }>('SELECT oid::bigint AS oid FROM pg_catalog.pg_database WHERE datname = $1', [name])
    .andThen(({ rows: [row] }): Result<number, SqlError> =>
      row === undefined ? err({ kind: 'other', code: '', message: `${name} is not there any more` }) : ok(row.oid),
    );
