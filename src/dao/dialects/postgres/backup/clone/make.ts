// Makes a clone: under the name of what is half-made, until all of it is there and closed, so that what is killed is cleared away.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { err, errAsync, ok, okAsync, ResultAsync, safeTry } from 'neverthrow';
import type { CloneIdentity } from '../../../../../core/ports/clones.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import { inOrder } from '../../../../in-order.js';
import { JournalDao } from '../../../../system/journal-dao.js';
import { classify } from '../../classify.js';
import type { PostgresConnection } from '../../connection.js';
import { nameOf, quoted } from '../../name.js';
import { textLiteral } from '../../restore/literal.js';
import { newName } from '../../restore/swap/names.js';
import { dropped } from '../../restore/swap/new-database.js';
import { liveDatabase } from '../../restore/swap/outlook.js';
import { withMaintenance } from '../../restore/swap/maintenance.js';
import { INTERRUPTED } from '../../step/refusals.js';
import { POSTGRES_TABLES } from '../../system-tables.js';
import type { PostgresServer } from '../server.js';
import { tablesIn } from './content.js';
import { cloning } from './create.js';
import { cloneName, labelOf } from './label.js';
import { noteText } from './note.js';

export interface Cloning {
  /** The only one of the run that is connected to the database; it keeps the run lock meanwhile. */
  readonly connection: PostgresConnection;
  readonly server: PostgresServer;
  readonly identity: CloneIdentity;
  /** Where the note goes. */
  readonly file: string;
  readonly signal: AbortSignal | undefined;
}

export function makeClone({ connection, server, identity, file, signal }: Cloning): ResultAsync<void, SqlError> {
  return liveDatabase(connection).andThen((live) => {
    const from = live.name;
    const name = newName(from, randomBytes(6).toString('hex'));
    const database = cloneName(identity.id);
    let called = name;
    const made = safeTry<void, SqlError>(async function* () {
      const tables = yield* tablesIn(connection);
      const journal = yield* new JournalDao(connection, POSTGRES_TABLES)
        .read()
        .orElse((error) => (error.kind === 'missing-object' ? okAsync([]) : errAsync(error)));
      const stop = cancelling(server, connection, from, signal);
      yield* connection
        .run(cloning(connection, { from, to: name, how: 'ALLOW_CONNECTIONS = false' }))
        .andTee(stop)
        .orTee(stop);
      // A cancel comes by another connection: a small database can be there before it.
      if (signal?.aborted === true) return err(INTERRUPTED);
      yield* inOrder(
        [
          'BEGIN',
          `ALTER DATABASE ${quoted(name)} RENAME TO ${quoted(database)}`,
          `COMMENT ON DATABASE ${quoted(database)} IS ${textLiteral(labelOf(identity))}`,
          'COMMIT',
        ],
        (sql) => connection.run(sql),
      );
      called = database;
      const [row] = yield* connection.query<Stated>(STATED, [database]).map(({ rows }) => rows);
      const { oid = 0, bytes = 0, serverVersion = '' } = row ?? {};
      const note = {
        id: identity.id,
        tables: tables.map(nameOf),
        clone: { database, oid, bytes, serverVersion },
      };
      yield* ResultAsync.fromPromise(writeFile(file, noteText(note, journal)), (thrown) => classify(thrown));
      return ok(undefined);
    });
    return made.orElse((error) =>
      connection
        .run('ROLLBACK')
        .andThen(() => dropped(connection, called))
        .orElse(() => okAsync(undefined))
        .andThen(() => errAsync(error)),
    );
  });
}

interface Stated {
  readonly oid: number;
  readonly bytes: number;
  readonly serverVersion: string;
}
const STATED = `
  SELECT oid::bigint AS oid, pg_catalog.pg_database_size(oid) AS bytes, pg_catalog.current_setting('server_version') AS "serverVersion"
  FROM pg_catalog.pg_database WHERE datname = $1`;

/** Ends the statement where the run is to end: from another database, as nobody else comes into this one. Gives what lets go of it. */
function cancelling(
  server: PostgresServer,
  { processId }: PostgresConnection,
  live: string,
  signal: AbortSignal | undefined,
): () => void {
  const cancel = (): void =>
    void withMaintenance(server, live, (acting) => acting.query(`SELECT pg_catalog.pg_cancel_backend(${processId})`));
  if (signal?.aborted === true) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  return () => signal?.removeEventListener('abort', cancel);
}
