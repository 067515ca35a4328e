// The schema of a database as it was read last, for as long as nobody has changed it.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { PostgresConnection } from '../connection.js';
import { inspectAgain } from './inspector.js';
import { probeSchema } from './probe.js';

interface Known {
  readonly probe: string;
  readonly schema: SchemaSnapshot;
}

export class KnownSchema {
  readonly #connection: PostgresConnection;
  #known: Known | undefined;
  /** What is known as soon as the transaction is committed. */
  #next: Known | undefined;
  /** Not every server lets everybody read all catalogs. */
  #canProbe: boolean;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
    this.#canProbe = connection.server.product === 'postgresql';
  }

  /** Outside of a transaction. */
  read(): ResultAsync<SchemaSnapshot, SqlError> {
    const read = (): ResultAsync<SchemaSnapshot, SqlError> => inspectAgain(this.#connection);
    if (!this.#canProbe) return read();
    return probeSchema(this.#connection)
      .orElse((error): ResultAsync<string | undefined, SqlError> => {
        this.#canProbe = error.kind === 'connection-lost';
        return okAsync(undefined);
      })
      .andThen((probe) => {
        if (probe !== undefined && probe === this.#known?.probe) return okAsync(this.#known.schema);
        // What comes in between makes another probe the next time.
        return read().map((schema) => {
          this.#known = probe === undefined ? undefined : { probe, schema };
          return schema;
        });
      });
  }

  /**
   * The last thing in a transaction that has made `schema` of what was known: what others see, by `second`, has to be
   * what it was when the transaction began.
   */
  leave(schema: SchemaSnapshot, second: () => ResultAsync<PostgresConnection, SqlError>): ResultAsync<void, SqlError> {
    const before = this.#known?.probe;
    this.#next = undefined;
    if (before === undefined) return okAsync(undefined);
    return probeSchema(this.#connection).andThen((probe) =>
      second()
        .andThen(probeSchema)
        .map((others) => void (this.#next = others === before ? { probe, schema } : undefined))
        .orElse(() => okAsync(undefined)),
    );
  }

  /** A transaction has ended; one that was rolled back has left everything as it was. */
  ended(ending: 'committed' | 'rolled-back'): void {
    if (ending === 'committed') this.#known = this.#next;
    this.#next = undefined;
  }
}
