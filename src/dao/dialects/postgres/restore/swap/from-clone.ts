// Fills a new database with a clone: it is a copy of that one, without what the engine itself had in it.
import { err, ok, safeTry, type Result, type ResultAsync } from 'neverthrow';
import { EMPTY_HEAD, type JournalHead } from '../../../../../core/journal/chain.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { RestoredContent, WholeRestoreError } from '../../../../../core/ports/whole-restore.js';
import { inOrder } from '../../../../in-order.js';
import { JournalDao } from '../../../../system/journal-dao.js';
import { countRows } from '../../backup/clone/content.js';
import { cloning } from '../../backup/clone/create.js';
import { readNote } from '../../backup/clone/note.js';
import { provenClone } from '../../backup/clone/proof.js';
import type { PostgresServer } from '../../backup/server.js';
import type { PostgresConnection } from '../../connection.js';
import { inspectSchema } from '../../inspect/inspector.js';
import { quoted } from '../../name.js';
import { POSTGRES_TABLES } from '../../system-tables.js';
import { copiesIn } from './carry-copies.js';
import { KEPT_SCHEMAS } from '../contents.js';

export interface CloneFilling {
  /** Another one than to the clone, or to what is made. */
  readonly connection: PostgresConnection;
  /** Of any database. */
  readonly server: PostgresServer;
  /** The note of the clone. */
  readonly file: string;
  readonly name: string;
  /** Of the new database; without one, who creates it. */
  readonly owner?: string;
}

/** The clone stays what it is. Its journal has to end where it was noted to end. */
export function fillFromClone({
  connection,
  server,
  file,
  name,
  owner,
}: CloneFilling): ResultAsync<RestoredContent, SqlError | WholeRestoreError> {
  return safeTry<RestoredContent, SqlError | WholeRestoreError>(async function* () {
    const { note, journal } = yield* readNote(file);
    yield* provenClone(connection, note);
    const how = owner === undefined ? '' : `OWNER = ${quoted(owner)}`;
    yield* connection.run(cloning(connection, { from: note.clone.database, to: name, how }));
    const there = yield* server.at(name);
    return ok(
      yield* there.withConnection((inNew) =>
        endsAs(inNew, journal.at(-1) ?? EMPTY_HEAD)
          // One by one: a table that is dropped takes several of the locks that a server has room for.
          .andThen(() => copiesIn(inNew))
          .andThen((copies) => inOrder(copies, (copy) => inNew.run(`DROP TABLE IF EXISTS ${copy} CASCADE`)))
          .andThen(() => inOrder(KEPT_SCHEMAS, (schema) => inNew.run(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)))
          .andThen(() => countRows(inNew))
          .andThen((rows) => inspectSchema(inNew).map((snapshot): RestoredContent => ({ rows, snapshot }))),
      ),
    );
  });
}

const endsAs = (
  inNew: PostgresConnection,
  { hash, position }: JournalHead,
): ResultAsync<void, SqlError | WholeRestoreError> =>
  new JournalDao(inNew, POSTGRES_TABLES).head().andThen((head): Result<void, WholeRestoreError> =>
    head.hash === hash
      ? ok(undefined)
      : err({
          kind: 'content-differs',
          detail: `its journal ends at ${head.position}, not as it did at ${position}`,
        }),
  );
