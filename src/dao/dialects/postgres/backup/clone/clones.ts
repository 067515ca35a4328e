// Clones of a PostgreSQL database: made from the run's own session, found again and dropped by what they say of themselves.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { BackupSource } from '../../../../../core/ports/backup-source.js';
import type { CloneIdentity, CloneObstacle, Clones } from '../../../../../core/ports/clones.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import { compareText } from '../../../../../core/schema/names.js';
import { inOrder } from '../../../../in-order.js';
import type { PostgresConnection } from '../../connection.js';
import { dropped } from '../../restore/swap/new-database.js';
import type { PostgresBackupSource } from '../backup-source.js';
import type { PostgresServer } from '../server.js';
import { cloneName, identityIn, LABELLED, type Labelled } from './label.js';
import { makeClone } from './make.js';
import { CLONE_FORM } from './note.js';
import { obstacleTo } from './obstacle.js';

export interface ClonesOptions {
  /** Connected to the live database, and the holder of the run lock. */
  readonly connection: PostgresConnection;
  readonly server: PostgresServer;
  readonly backups: PostgresBackupSource;
  /** Ends every other connection of the run to the live database. */
  readonly alone: () => ResultAsync<void, SqlError>;
}

export class PostgresClones implements Clones {
  readonly #options: ClonesOptions;

  constructor(options: ClonesOptions) {
    this.#options = options;
  }

  obstacle(clones: number): ResultAsync<CloneObstacle | undefined, SqlError> {
    const { alone, connection } = this.#options;
    return alone().andThen(() => obstacleTo(connection, clones));
  }

  sourceOf(identity: CloneIdentity): BackupSource {
    const { alone, backups, connection, server } = this.#options;
    return {
      supported: true,
      form: CLONE_FORM,
      size: () => backups.effort().map(({ databaseBytes }) => databaseBytes),
      copyTo: (file, _onProgress, signal) =>
        alone().andThen(() => makeClone({ connection, server, identity, file, signal })),
      check: (file, level) => backups.check(file, level),
      fingerprint: (file) => backups.fingerprint(file),
      atStake: (file, tables) => backups.atStake(file, tables),
    };
  }

  list(databaseId: string): ResultAsync<readonly CloneIdentity[], SqlError> {
    return this.#labelled().map((found) =>
      found
        .map(({ identity }) => identity)
        .filter((identity) => identity.databaseId === databaseId)
        .toSorted((a, b) => compareText(a.id, b.id)),
    );
  }

  discard(ids: readonly string[]): ResultAsync<void, SqlError> {
    const wanted = new Set(ids);
    return this.#labelled()
      .map((found) => found.filter(({ identity }) => wanted.has(identity.id)))
      .andThen((found) => inOrder(found, ({ name }) => dropped(this.#options.connection, name)))
      .map(() => undefined);
  }

  /** Those that are this role's to drop; one that was given another name is somebody's by now. */
  #labelled(): ResultAsync<readonly { readonly name: string; readonly identity: CloneIdentity }[], SqlError> {
    const { connection } = this.#options;
    if (connection.server.product !== 'postgresql') return okAsync([]);
    return connection.query<Labelled>(LABELLED).map(({ rows }) =>
      rows.flatMap(({ name, comment, owns }) => {
        const identity = identityIn(comment);
        return owns && identity !== undefined && name === cloneName(identity.id) ? [{ name, identity }] : [];
      }),
    );
  }
}
