// Makes a database of an archive on the same server: filled under another name, which it changes when all of it is there.
import { randomBytes } from 'node:crypto';
import { err, errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import type { StaleJournal } from '../../../../../core/ports/refusals.js';
import type { MakeDatabase, NameRefusal, NewDatabases } from '../../../../../core/ports/new-database.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { RestoredContent, WholeRestoreError } from '../../../../../core/ports/whole-restore.js';
import type { KnownContents } from '../../backup/archive-content.js';
import { openArchive, type OpenArchive } from '../../backup/archive-tools.js';
import { isNote } from '../../backup/clone/note.js';
import type { PostgresServer } from '../../backup/server.js';
import type { PostgresConnection } from '../../connection.js';
import { quoted } from '../../name.js';
import { journalRights } from '../journal-rights.js';
import { NONE_KEPT } from '../kept-extensions.js';
import { meetsNeedsOf } from '../needs.js';
import { fillFromClone } from './from-clone.js';
import { growth } from './growth.js';
import { withMaintenance } from './maintenance.js';
import { MOST_NAME_BYTES, newName } from './names.js';
import { dropped, fill, finish, hastened } from './new-database.js';
import { clearRemainsOf } from './remains.js';
import { asDamaged } from './swap-restore.js';
import { creationOf } from './traits.js';

type Failure = SqlError | StaleJournal | WholeRestoreError;

export class PostgresNewDatabases implements NewDatabases {
  readonly #server: PostgresServer;
  readonly #location: string;
  readonly #contents: KnownContents;

  /** `location`: of the database that `server` leads to. */
  constructor(server: PostgresServer, location: string, contents: KnownContents) {
    this.#server = server;
    this.#location = location;
    this.#contents = contents;
  }

  labelOf(name: string): string {
    const url = new URL(this.#location);
    url.pathname = `/${encodeURIComponent(name)}`;
    return url.href;
  }

  refusal(name: string): ResultAsync<NameRefusal | undefined, SqlError> {
    if (name === '') return okAsync({ reason: 'a database needs a name', fix: ANOTHER });
    if (Buffer.byteLength(name) > MOST_NAME_BYTES)
      return okAsync({
        reason: `the server cuts names after ${MOST_NAME_BYTES} bytes, and ${name} is longer`,
        fix: ANOTHER,
      });
    return withMaintenance(this.#server, name, (acting) =>
      acting
        .query<{ taken: boolean; may: boolean; role: string }>(STATE, [name])
        .map(({ rows: [row] }) => (row === undefined ? undefined : refusalIn(name, row))),
    );
  }

  make(request: MakeDatabase): ResultAsync<{ readonly rows: number }, Failure> {
    const { name, file } = request;
    const server = this.#server;
    const making = (
      place: Place,
      filling: Filling,
      rights: readonly string[] = [],
    ): ResultAsync<{ readonly rows: number }, Failure> =>
      clearRemainsOf(place.acting, name).andThen(() => this.#makeIn(place, request, { filling, rights }));
    if (isNote(file))
      return withMaintenance(server, name, (acting, watching) =>
        making({ acting, watching }, (half) => fillFromClone({ connection: acting, server, file, name: half })),
      );
    return openArchive(file)
      .mapErr(asDamaged)
      .andThen((archive) =>
        withMaintenance(server, name, (acting, watching) =>
          meetsNeedsOf(acting, archive, NONE_KEPT, acting.server.version).andThen(() =>
            making(
              { acting, watching },
              (half, inNew) => this.#restored({ acting, watching }, request, { archive, name: half, inNew }),
              journalRights(archive.entries),
            ),
          ),
        ),
      );
  }

  #restored(
    { acting, watching }: Place,
    { file, onProgress, signal }: MakeDatabase,
    { archive, name, inNew }: { readonly archive: OpenArchive; readonly name: string; readonly inNew: PostgresServer },
  ): ResultAsync<RestoredContent, Failure> {
    const contents = this.#contents;
    return safeTry<RestoredContent, Failure>(async function* () {
      const create = yield* creationOf(archive.entries);
      yield* acting.query(create(name, acting.server.version));
      const known = yield* contents.of(file);
      const onLook = yield* growth(watching, { name, file, likely: known?.textBytes ?? 0 }, onProgress);
      return inNew.withTools((toolbox) => {
        const into = hastened(toolbox, acting.isPooled);
        return fill({ server: inNew, into, archive, contents, hadPublic: true, signal, onLook });
      });
    });
  }

  /** All of it under a name of its own, which changes as the last act. */
  #makeIn(
    { acting, watching }: Place,
    request: MakeDatabase,
    { filling, rights }: { readonly filling: Filling; readonly rights: readonly string[] },
  ): ResultAsync<{ readonly rows: number }, Failure> {
    const name = newName(request.name, randomBytes(6).toString('hex'));
    const server = this.#server;
    const work = safeTry<{ readonly rows: number }, Failure>(async function* () {
      const inNew = yield* server.at(name);
      const content = yield* filling(name, inNew);
      yield* finish(inNew, request.record(content), rights);
      if (request.signal.aborted)
        return err<{ rows: number }, Failure>({ kind: 'interrupted', code: '', message: 'cancelled' });
      yield* acting.run(`ALTER DATABASE ${quoted(name)} RENAME TO ${quoted(request.name)}`);
      return ok<{ rows: number }, Failure>({ rows: content.rows });
    });
    return work.orElse((error: Failure) =>
      dropped(watching, name)
        .orElse(() => okAsync(undefined))
        .andThen(() => errAsync(error)),
    );
  }
}

interface Place {
  readonly acting: PostgresConnection;
  readonly watching: PostgresConnection;
}

/** Makes a database of this name, and fills it. */
type Filling = (name: string, inNew: PostgresServer) => ResultAsync<RestoredContent, Failure>;

const STATE = `
  SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1) AS taken, (rolsuper OR rolcreatedb) AS may, rolname AS role
  FROM pg_catalog.pg_roles WHERE rolname = current_user`;

const ANOTHER = 'Name another one with --as-copy.';

const refusalIn = (
  name: string,
  { taken, may, role }: { taken: boolean; may: boolean; role: string },
): NameRefusal | undefined =>
  taken
    ? { reason: `there is a database ${name} already`, fix: ANOTHER }
    : may
      ? undefined
      : {
          reason: `the role ${role} may not create databases`,
          fix: `As a superuser: ALTER ROLE ${quoted(role)} CREATEDB;   Then run the same command again.`,
        };
