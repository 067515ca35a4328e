// Puts a whole database back from an archive, in one transaction that leaves the engine's own schemas as they are.
import type { NotKept, StaleJournal } from '../../../../core/ports/refusals.js';
import { err, errAsync, ok, okAsync, ResultAsync, safeTry, type Result } from 'neverthrow';
import type { ClientConfig } from 'pg';
import type { CheckError, CopyProgress } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { WholeRestore, WholeRestoreError, WholeRestorePort } from '../../../../core/ports/whole-restore.js';
import { inOrder } from '../../../in-order.js';
import { KnownContents } from '../backup/archive-content.js';
import { openArchive, type OpenArchive } from '../backup/archive-tools.js';
import { withToolEnvironment } from '../backup/environment.js';
import { classify } from '../classify.js';
import type { PostgresConnection } from '../connection.js';
import { inspectSchema } from '../inspect/inspector.js';
import { clearing, makePublic } from './clear.js';
import { namesPublic, restoredEntries } from './contents.js';
import { journalRights } from './journal-rights.js';
import { journalRoom, writeTail } from './journal-tail.js';
import { keptExtensions } from './kept-extensions.js';
import { TableLocks } from './lock-tables.js';
import { meetsNeeds } from './needs.js';
import { PsqlSession } from './psql-session.js';
import { replay } from './replay.js';
import { beginRestore, commit, endBackend, SETTINGS_AFTER, type Backend } from './restore-transaction.js';
import { giveTypesBack, sheltering, toShelter, type Sheltered } from './shelter.js';
import { verifyContent } from './verify.js';

type Failure<E> = SqlError | StaleJournal | WholeRestoreError | NotKept<E>;
type Done<K> = { readonly rows: number; readonly kept: K };

export class PostgresWholeRestore implements WholeRestorePort {
  readonly #connection: PostgresConnection;
  readonly #options: ClientConfig;
  readonly #reconnect: () => ResultAsync<void, SqlError>;
  readonly #contents: KnownContents;

  /** `options`: how `connection` got there; the programs go the same way. `reconnect`: a new one in its place. `contents`: what is known of archives. */
  constructor(
    connection: PostgresConnection,
    options: ClientConfig,
    reconnect: () => ResultAsync<void, SqlError> = () => connection.reconnect(),
    contents = new KnownContents(),
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#reconnect = reconnect;
    this.#contents = contents;
  }

  obstacleInPlace(file: string): ResultAsync<WholeRestoreError | undefined, SqlError> {
    const connection = this.#connection;
    return openArchive(file)
      .mapErr(asDamaged)
      .andThen((archive) => meetsNeeds(connection, archive, connection.server.version))
      .map((): WholeRestoreError | undefined => undefined)
      .orElse((error) => (isOfRestore(error) ? okAsync(error) : errAsync(error)));
  }

  restoreWhole<K, E>(restore: WholeRestore<K, E>): ResultAsync<Done<K>, Failure<E>> {
    const connection = this.#connection;
    return openArchive(restore.file)
      .mapErr((error): Failure<E> => asDamaged(error))
      .andThen((archive) =>
        (connection.isPooled ? BEHIND_POOLER : meetsNeeds(connection, archive, connection.server.version))
          .mapErr((error): Failure<E> => error)
          .andThen(() => this.#withPsql(archive, restore)),
      )
      .andThen((done) =>
        // Without fresh statistics the first queries would be slow; the server makes them by itself, only later.
        connection
          .run('ANALYZE')
          .orElse(() => ok(undefined))
          .map(() => done),
      );
  }

  #withPsql<K, E>(archive: OpenArchive, restore: WholeRestore<K, E>): ResultAsync<Done<K>, Failure<E>> {
    const work = withToolEnvironment(this.#options, async (env): Promise<Result<Done<K>, Failure<E>>> => {
      const psql = new PsqlSession(archive.tools.psql, env, restore.signal);
      const begun = await beginRestore(psql, this.#connection.server.version);
      if (begun.isErr()) {
        psql.kill();
        return err(begun.error);
      }
      const done = await this.#inTransaction(psql, begun.value, archive, restore);
      // It has committed: how the program ends says nothing more.
      if (done.isOk()) await psql.close().unwrapOr(undefined);
      else {
        psql.kill();
        await endBackend(this.#connection, begun.value);
      }
      return done;
    });
    return ResultAsync.fromPromise(work, (thrown): Failure<E> => classify(thrown)).andThen((result) => result);
  }

  #inTransaction<K, E>(
    psql: PsqlSession,
    backend: Backend,
    archive: OpenArchive,
    { journal, keep, record, signal, onProgress }: WholeRestore<K, E>,
  ): ResultAsync<Done<K>, Failure<E>> {
    const connection = this.#connection;
    const reconnect = this.#reconnect;
    const locks = new TableLocks(psql, connection, backend.processId);
    const contents = this.#contents;
    return safeTry<Done<K>, Failure<E>>(async function* () {
      yield* await locks.take('SHARE ROW EXCLUSIVE', () => okAsync([]));
      const extensions = yield* keptExtensions(psql, connection.server.version);
      const entries = restoredEntries(archive.entries, extensions);
      const mark = yield* locks.mark();
      const kept = yield* keep().mapErr((error): NotKept<E> => ({ kind: 'not-kept', error }));
      let sheltered: readonly Sheltered[] = [];
      let changed = false;
      const clear = (): ResultAsync<readonly string[], SqlError> =>
        ResultAsync.combine([locks.mark(), toShelter(psql), clearing(psql, extensions, connection.server.version)]).map(
          ([now, columns, statements]) => {
            changed = now !== mark;
            sheltered = columns;
            return changed ? [] : [...columns.map(sheltering), ...statements];
          },
        );
      yield* await locks.take('ACCESS EXCLUSIVE', clear);
      if (changed) return err<Done<K>, Failure<E>>({ kind: 'schema-changed-meanwhile' });
      if (!extensions.schemas.some(({ name }) => name === 'public'))
        yield* makeRoom(psql, backend, namesPublic(entries));
      yield* journalRoom(psql, journal);
      const taken = yield* replay(psql, archive, entries, signal, yield* telling(contents, archive.file, onProgress));
      yield* psql.run(SETTINGS_AFTER);
      yield* giveTypesBack(psql, sheltered);
      const rows = yield* verifyContent(psql, entries, taken);
      const snapshot = yield* inspectSchema(psql);
      const tail = record({ rows, snapshot }, kept);
      yield* writeTail(psql, tail);
      if (tail.after.position === 0) yield* inOrder(journalRights(archive.entries), (sql) => psql.run(sql));
      yield* commit(psql, { connection, reconnect, backend }, tail.events.at(-1));
      return ok<Done<K>, Failure<E>>({ rows, kept });
    });
  }
}

const EVERY_MS = 100;

/** How far the rows are that the archive is known to have, as bytes of it; of one that nobody has read nothing is told. */
const telling = (
  contents: KnownContents,
  file: string,
  onProgress: CopyProgress | undefined,
): ResultAsync<(bytes: number) => void, SqlError> =>
  contents.of(file).map((known) => {
    let [done, told] = [0, 0];
    return (bytes) => {
      done += bytes;
      const now = performance.now();
      if (known === undefined || now - told < EVERY_MS) return;
      told = now;
      onProgress?.(Math.round(known.fileBytes * Math.min(1, done / Math.max(1, known.textBytes))), known.fileBytes);
    };
  });

/** A database that never had a schema `public` gets none. */
const makeRoom = (
  psql: PsqlSession,
  { serverVersion, hadPublic }: Backend,
  named: boolean,
): ResultAsync<void, SqlError> =>
  hadPublic || named ? psql.run(makePublic(serverVersion).join('; ')).map(() => undefined) : okAsync(undefined);

const asDamaged = (error: CheckError): SqlError | WholeRestoreError =>
  error.kind === 'check-failed' ? { kind: 'archive-damaged', detail: `${error.check}: ${error.detail}` } : error;

const isOfRestore = (error: SqlError | WholeRestoreError): error is WholeRestoreError => !('code' in error);

/** Behind it the settings of the script would be another's, and nobody could be told who waits for whom. */
const BEHIND_POOLER = errAsync<void, WholeRestoreError>({ kind: 'pooled' });
