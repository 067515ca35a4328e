// A PostgreSQL database that may or may not be reachable: connects when asked, and works on the connection that holds the lock.
import { errAsync, ok, okAsync, ResultAsync, type Result } from 'neverthrow';
import type { CopyFiles } from '../../../core/ports/backup-source.js';
import type { Database, DatabaseInfo, OpenDatabase, OpenError } from '../../../core/ports/database.js';
import type { Lease, LockError, RunLock } from '../../../core/ports/run-lock.js';
import type { SqlError } from '../../../core/ports/session.js';
import type { PostgresServer } from './backup/server.js';
import type { PostgresConnection } from './connection.js';
import type { EngineLock } from './engine-lock.js';
import { createCommand } from './create-command.js';
import type { PostgresTarget } from './target.js';
import { tlsReason } from './tls-reason.js';

interface Work {
  readonly connection: PostgresConnection;
  readonly lock?: EngineLock;
}

type Room = typeof import('./engine-room.js');
const engineRoom = (): ResultAsync<Room, never> => ResultAsync.fromSafePromise(import('./engine-room.js'));

export class PostgresDatabase implements Database {
  readonly info: DatabaseInfo;
  readonly #target: PostgresTarget;
  /** What holds a lock, and works under it. */
  readonly #holding = new WeakMap<Lease, Work>();

  constructor(target: PostgresTarget) {
    this.#target = target;
    const { location } = target;
    this.info = { label: location, location, dialect: 'postgres', driver: 'pg' };
  }

  open(_mode: 'read' | 'create', under?: Lease): ResultAsync<OpenDatabase, OpenError> {
    const held = under && this.#holding.get(under);
    return engineRoom().andThen((room) =>
      this.#server(room).asyncAndThen((server) =>
        (held ? okAsync<Work, OpenError>(held) : this.#connect(room).map((connection): Work => ({ connection }))).map(
          (work): OpenDatabase =>
            new room.OpenPostgresDatabase({ info: this.info, target: this.#target, server, ...work }),
        ),
      ),
    );
  }

  copies(): ResultAsync<CopyFiles, OpenError> {
    return engineRoom().andThen((room) =>
      this.#server(room).map((server): CopyFiles => new room.PostgresCopyFiles(server, this.#target.location)),
    );
  }

  lock(): Result<RunLock, OpenError> {
    return ok({ acquire: (owner, options) => this.#acquire(owner, options) });
  }

  replaceWith(): ResultAsync<{ readonly movedAside: readonly string[] }, SqlError> {
    return errAsync({ kind: 'other', code: '', message: 'the database of a server is not replaced by a file' });
  }

  #acquire(...asked: Parameters<RunLock['acquire']>): ResultAsync<Lease, LockError> {
    const { label } = this.info;
    return engineRoom().andThen((room) =>
      this.#connect(room)
        .mapErr((error): LockError => ({
          kind: 'lock-failed',
          path: label,
          cause: error.kind === 'database-unusable' ? error.error : error,
        }))
        .andThen((connection) => {
          const closed = (): ResultAsync<void, never> => connection.close().orElse(() => okAsync(undefined));
          const lock = room.lockFor(connection, label);
          return lock
            .acquire(...asked)
            .map((lease): Lease => {
              const held: Lease = {
                announce: (doing) => lease.announce(doing),
                release: () => lease.release().andThen(closed),
              };
              this.#holding.set(held, { connection, lock });
              return held;
            })
            .orElse((error) => closed().andThen(() => errAsync(error)));
        }),
    );
  }

  #server({ loadDriver, PostgresServer }: Room): Result<PostgresServer, OpenError> {
    return loadDriver().map((driver) => new PostgresServer(driver, this.#target.options));
  }

  #connect({ loadDriver, PostgresConnection }: Room): ResultAsync<PostgresConnection, OpenError> {
    const { options, location } = this.#target;
    return loadDriver().asyncAndThen((driver) =>
      PostgresConnection.connect(driver, options).mapErr((error): OpenError =>
        error.code === NO_SUCH_DATABASE
          ? { kind: 'database-absent', database: location, create: createCommand(location, options) }
          : { kind: 'database-unusable', path: location, error: withTlsAdvice(error) },
      ),
    );
  }
}

function withTlsAdvice(error: SqlError): SqlError {
  const [detail, fix] = tlsReason(error) ?? [];
  return detail === undefined || fix === undefined ? error : { ...error, message: detail, fix };
}

/** invalid_catalog_name */
const NO_SUCH_DATABASE = '3D000';
