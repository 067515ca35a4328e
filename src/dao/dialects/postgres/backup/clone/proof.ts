// That a clone is there, is the one that was made, and was closed to everybody: then nothing in it can have changed.
import { err, errAsync, ok, okAsync, type Result, type ResultAsync } from 'neverthrow';
import type { CheckError, CloneCopyFacts } from '../../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { PostgresConnection } from '../../connection.js';
import { quoted } from '../../name.js';
import type { PostgresServer } from '../server.js';
import { identityIn } from './label.js';
import { CLONE_FORM, readNote, type CloneNote } from './note.js';

interface Found {
  readonly oid: number;
  readonly closed: boolean;
  readonly comment: string | null;
}

const FOUND = `
  SELECT d.oid::bigint AS oid, NOT d.datallowconn AS closed, pg_catalog.shobj_description(d.oid, 'pg_database') AS comment
  FROM pg_catalog.pg_database AS d WHERE d.datname = $1`;

/** What is wrong with it, in words; undefined where nothing is. */
const faultOf = (connection: PostgresConnection, note: CloneNote): ResultAsync<string | undefined, SqlError> =>
  connection.query<Found>(FOUND, [note.clone.database]).map(({ rows: [found] }) => faultIn(found, note));

function faultIn(found: Found | undefined, { id, clone: { database, oid } }: CloneNote): string | undefined {
  if (found === undefined)
    return `the server has no database ${database}: the clone was dropped, or is on another server`;
  if (identityIn(found.comment)?.id !== id) return `the database ${database} does not say that it is this clone`;
  if (found.oid !== oid) return `the database ${database} is not the one that was made: it was made anew since`;
  return found.closed
    ? undefined
    : `connections to ${database} were allowed: somebody may have changed it. Who knows that nobody did, closes it again: ALTER DATABASE ${quoted(database)} ALLOW_CONNECTIONS false;`;
}

/** For whoever is about to work with it. */
export const provenClone = (connection: PostgresConnection, note: CloneNote): ResultAsync<void, SqlError> =>
  faultOf(connection, note).andThen((message): Result<void, SqlError> =>
    message === undefined ? ok(undefined) : err({ kind: 'corrupt', code: '', message }),
  );

export const checkClone = (server: PostgresServer, file: string): ResultAsync<CloneCopyFacts, CheckError> =>
  readNote(file).andThen(({ note }) =>
    server
      .withConnection((connection) => faultOf(connection, note))
      .andThen((detail): ResultAsync<CloneCopyFacts, CheckError> => {
        const { tables, clone } = note;
        return detail === undefined
          ? okAsync({ tables, clone })
          : errAsync({ kind: 'check-failed', check: CLONE_FORM.checks.full, detail });
      }),
  );
