// Makes a database of an archive on the same server: filled under another name, which it changes when all of it is there.
import { randomBytes } from 'node:crypto';
import { err, errAsync, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import type { StaleJournal } from '../../../../../core/ports/refusals.js';
import type { MakeDatabase, NewDatabases } from '../../../../../core/ports/new-database.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { WholeRestoreError } from '../../../../../core/ports/whole-restore.js';
import type { KnownContents } from '../../backup/archive-content.js';
import { openArchive, type OpenArchive } from '../../backup/archive-tools.js';
import type { PostgresServer } from '../../backup/server.js';
import type { PostgresConnection } from '../../connection.js';
import { quoted } from '../../name.js';
import { NONE_KEPT } from '../kept-extensions.js';
import { meetsNeedsOf } from '../needs.js';
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

  refusal(name: string): ResultAsync<string | undefined, SqlError> {
    if (name === '') return okAsync('a database needs a name');
    if (Buffer.byteLength(name) > MOST_NAME_BYTES)
      return okAsync(`the server cuts names after ${MOST_NAME_BYTES} bytes, and ${name} is longer`);
    return withMaintenance(this.#server, name, (acting) =>
      acting
        .query<{ taken: boolean; may: boolean; role: string }>(STATE, [name])
        .map(({ rows: [row] }) => (row === undefined ? undefined : refusalIn(name, row))),
    );
  }

  make(request: MakeDatabase): ResultAsync<{ readonly rows: number }, Failure> {
    return openArchive(request.file)
      .mapErr(asDamaged)
      .andThen((archive) =>
        withMaintenance(this.#server, request.name, (acting, watching) =>
          meetsNeedsOf(acting, archive, NONE_KEPT, acting.server.version)
            .andThen(() => clearRemainsOf(acting, request.name))
            .andThen(() => this.#makeIn({ acting, watching, archive }, request)),
        ),
      );
  }

  #makeIn(place: Place, request: MakeDatabase): ResultAsync<{ readonly rows: number }, Failure> {
    const { acting, watching, archive } = place;
    const name = newName(request.name, randomBytes(6).toString('hex'));
    const [server, contents] = [this.#server, this.#contents];
    const work = safeTry<{ readonly rows: number }, Failure>(async function* () {
      const create = yield* creationOf(archive.entries);
      yield* acting.query(create(name));
      const inNew = yield* server.at(name);
      const { signal, file, onProgress } = request;
      const known = yield* contents.of(file);
      const onLook = yield* growth(watching, { name, file, likely: known?.textBytes ?? 0 }, onProgress);
      const content = yield* inNew.withTools((toolbox) => {
        const into = hastened(toolbox, acting.isPooled);
        return fill({ server: inNew, into, archive, contents, hadPublic: true, signal, onLook });
      });
      yield* finish(inNew, request.record(content));
      if (signal.aborted)
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
  readonly archive: OpenArchive;
}

const STATE = `
  SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1) AS taken, (rolsuper OR rolcreatedb) AS may, rolname AS role
  FROM pg_catalog.pg_roles WHERE rolname = current_user`;

const refusalIn = (
  name: string,
  { taken, may, role }: { taken: boolean; may: boolean; role: string },
): string | undefined =>
  taken
    ? `there is a database ${name} already`
    : may
      ? undefined
      : `the role ${role} may not create databases; as a superuser: ALTER ROLE ${quoted(role)} CREATEDB;`;
