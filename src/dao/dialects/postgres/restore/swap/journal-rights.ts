// Whose the journal's tables are, and who may read them: a new database has them anew, made by who restores it.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import { inOrder } from '../../../../in-order.js';
import type { ArchiveEntry } from '../../backup/archive.js';
import type { PostgresServer, Toolbox } from '../../backup/server.js';
import type { PostgresConnection } from '../../connection.js';
import { quoted } from '../../name.js';
import { dumpedEntries } from './traits.js';

const SCHEMA = 'migrate_safe';
const IS_THERE = `SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = '${SCHEMA}'`;

/** `from` leads to the live database; `server` to the new one, which has its journal already. */
export function carryJournalRights(
  live: PostgresConnection,
  from: Toolbox,
  server: PostgresServer,
): ResultAsync<unknown, SqlError> {
  return live.query(IS_THERE).andThen(({ rows }): ResultAsync<unknown, SqlError> => {
    if (rows.length === 0) return okAsync(undefined);
    return dumpedEntries(from, [`--schema=${SCHEMA}`]).andThen((entries) =>
      server.withConnection((there) =>
        inOrder(entries.flatMap(ownedObject), (owned) => given(there, owned)).andThen(() =>
          inOrder(
            entries.filter(({ kind }) => kind === 'ACL'),
            ({ definition }) => ifThere(there, definition),
          ),
        ),
      ),
    );
  });
}

interface Owned {
  /** As statements name it. */
  readonly object: string;
  readonly owner: string;
}

function ownedObject({ kind, name, owner }: ArchiveEntry): readonly Owned[] {
  switch (kind) {
    case 'SCHEMA':
      return [{ object: `SCHEMA ${SCHEMA}`, owner: quoted(owner) }];
    case 'TABLE':
      return [{ object: `TABLE ${SCHEMA}.${quoted(name)}`, owner: quoted(owner) }];
    case 'FUNCTION':
      return [{ object: `FUNCTION ${SCHEMA}.${name}`, owner: quoted(owner) }];
    default:
      return [];
  }
}

/** Who may not give it away shares it: the owner goes on to write the journal. */
const given = (there: PostgresConnection, { object, owner }: Owned): ResultAsync<unknown, SqlError> =>
  ifThere(there, `ALTER ${object} OWNER TO ${owner}`).orElse((error) =>
    error.kind === 'not-permitted' ? ifThere(there, `GRANT ALL ON ${object} TO ${owner}`) : errAsync(error),
  );

/** What somebody put into the schema besides is not in the new one. */
const ifThere = (there: PostgresConnection, statement: string): ResultAsync<unknown, SqlError> =>
  there
    .query(statement)
    .orElse((error) => (error.kind === 'missing-object' ? okAsync<unknown, SqlError>(undefined) : errAsync(error)));
