// CREATE DATABASE … TEMPLATE: the statement, and copies of clones for as long as one has to be looked into.
import { randomBytes } from 'node:crypto';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { PostgresConnection } from '../../connection.js';
import { quoted } from '../../name.js';
import { newName } from '../../restore/swap/names.js';
import { dropped } from '../../restore/swap/new-database.js';
import type { PostgresServer } from '../server.js';
import { readNote, type CloneNote } from './note.js';
import { provenClone } from './proof.js';

/** Version 15 would else write every page to its log, too: twice the time. https://www.postgresql.org/docs/current/sql-createdatabase.html */
const BY_FILES = 150_000;

/** `how`: options of the new database. */
export const cloning = (
  { server: { version } }: Pick<PostgresConnection, 'server'>,
  { from, to, how = '' }: { readonly from: string; readonly to: string; readonly how?: string },
): string =>
  `CREATE DATABASE ${quoted(to)} WITH ${how} TEMPLATE = ${quoted(from)}${version >= BY_FILES ? ' STRATEGY = FILE_COPY' : ''}`;

/** A copy of the clone, which itself stays closed; it is gone afterwards, and if this is killed, with the next run. */
export function withCopyOf<T, E>(
  server: PostgresServer,
  file: string,
  work: (there: PostgresServer, note: CloneNote) => ResultAsync<T, E>,
): ResultAsync<T, E | SqlError> {
  return readNote(file).andThen(({ note }) =>
    server.withConnection((connection) =>
      provenClone(connection, note)
        .andThen(() => copied(connection, note))
        .andThen((copy) => {
          const gone = (): ResultAsync<void, SqlError> => dropped(connection, copy);
          return server
            .at(copy)
            .andThen((there): ResultAsync<T, E | SqlError> => work(there, note))
            .andThen((value) => gone().map(() => value))
            .orElse((error) =>
              gone()
                .orElse(() => okAsync(undefined))
                .andThen(() => errAsync<T, E | SqlError>(error)),
            );
        }),
    ),
  );
}

/** The name of the copy. */
const copied = (connection: PostgresConnection, { clone }: CloneNote): ResultAsync<string, SqlError> =>
  connection
    .query<{ live: string; role: string }>('SELECT pg_catalog.current_database() AS live, current_user AS role')
    .andThen(({ rows: [row] }) => {
      const { live = '', role = '' } = row ?? {};
      const copy = newName(live, randomBytes(6).toString('hex'));
      return connection
        .run(cloning(connection, { from: clone.database, to: copy }))
        .map(() => copy)
        .mapErr((error) =>
          error.kind === 'not-permitted'
            ? { ...error, fix: `as a superuser: ALTER ROLE ${quoted(role)} CREATEDB;` }
            : error,
        );
    });
