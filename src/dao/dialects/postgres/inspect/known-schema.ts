// The schema of a database as it was read last, for as long as nobody has changed it.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { PostgresConnection } from '../connection.js';
import type { Relation } from '../step/relations.js';
import { inspectAgain } from './inspector.js';
import { isSameBut, momentOf, type Moment } from './moment.js';
import { probeSchema } from './probe.js';

interface Known {
  readonly schema: SchemaSnapshot;
  /** When it was that. */
  readonly at: Moment;
  /** Undefined where the moment alone has to tell. */
  readonly probe?: string | undefined;
  readonly relations?: ReadonlyMap<number, Relation>;
}

/** How a transaction has left a database to others. */
export interface Left {
  readonly schema: SchemaSnapshot;
  readonly relations: ReadonlyMap<number, Relation>;
  /** When that was read in it. */
  readonly at: Moment;
  /** The transaction, and its savepoints. */
  readonly own: ReadonlySet<number>;
}

export class KnownSchema {
  readonly #connection: PostgresConnection;
  #known: Known | undefined;
  /** What is known as soon as the transaction is committed. */
  #next: { readonly known: Known; readonly own: ReadonlySet<number> } | undefined;
  /** Transactions since that have changed nothing of it, or are known with all that they changed. */
  #own = new Set<number>();
  /** Not every server lets everybody read all catalogs. */
  #canProbe: boolean;
  /** Others' transactions end all the time. */
  #isBusy = false;
  /** An own one has been rolled back since, which changes nothing and cannot be told from others'. */
  #wasUndone = false;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
    this.#canProbe = connection.server.product === 'postgresql';
  }

  /** Outside of a transaction. */
  read(): ResultAsync<SchemaSnapshot, SqlError> {
    if (!this.#canProbe) return inspectAgain(this.#connection);
    return this.#connection
      .prepared<{ at: string }>('moment', MOMENT)
      .map(({ rows: [row] }) => momentOf(row?.at ?? ''))
      .andThen((at) => {
        const schema = this.asOf(at);
        return schema === undefined ? this.#probed(at) : okAsync(schema);
      });
  }

  /** It is worth the while to begin with what is known, and to ask for the moment along with that. */
  get isLikely(): boolean {
    return this.#canProbe && this.#known !== undefined && !this.#isBusy;
  }

  /** What is known, where nobody has changed it until that moment; outside of a transaction, or before it does anything. */
  asOf(at: Moment): SchemaSnapshot | undefined {
    return this.#known && this.isUntil(at) ? this.#knows({ ...this.#known, at }) : undefined;
  }

  /** Nobody has changed what is known until that moment; what is known is as of before still. */
  isUntil(at: Moment): boolean {
    return this.#known !== undefined && isSameBut(this.#own, this.#known.at, at);
  }

  #probed(at: Moment): ResultAsync<SchemaSnapshot, SqlError> {
    const known = this.#known;
    this.#isBusy ||= known !== undefined && known.probe === undefined && !this.#wasUndone;
    return probeSchema(this.#connection)
      .orElse((error): ResultAsync<string | undefined, SqlError> => {
        this.#canProbe = error.kind === 'connection-lost';
        return okAsync(undefined);
      })
      .andThen((probe) => {
        if (known && probe !== undefined && probe === known.probe) return okAsync(this.#knows({ ...known, at }));
        // What comes in between comes after the moment, and makes another probe the next time.
        return inspectAgain(this.#connection).map((schema) => {
          if (probe !== undefined) return this.#knows({ schema, at, probe });
          this.#known = undefined;
          return schema;
        });
      });
  }

  #knows(known: Known): SchemaSnapshot {
    this.#known = known;
    this.#own.clear();
    this.#wasUndone = false;
    return known.schema;
  }

  /** A transaction of the engine's own that changes nothing of the schema. */
  owns(transaction: number): void {
    this.#own.add(transaction);
  }

  /** The relations in a transaction that has done nothing yet, where they are known and nobody has changed any. */
  relationsAt(at: Moment): ReadonlyMap<number, Relation> | undefined {
    return this.isUntil(at) ? this.#known?.relations : undefined;
  }

  /**
   * The last thing in a transaction: what it has left of what was known is that where nobody else has changed anything.
   * Where others are at work all the time, what they see, by `second`, has to be what it was when the transaction began;
   * without one that is not asked: it takes its time, in which the transaction holds its locks.
   */
  leave(
    { schema, relations, at, own }: Left,
    second: (() => ResultAsync<PostgresConnection, SqlError>) | undefined,
  ): ResultAsync<void, SqlError> {
    const before = this.#known;
    this.#next = undefined;
    if (before === undefined) return okAsync(undefined);
    const left = { schema, relations, at };
    const all = new Set([...this.#own, ...own]);
    if (!this.#isBusy && isSameBut(all, before.at, at)) {
      this.#next = { known: left, own };
      return okAsync(undefined);
    }
    if (before.probe === undefined || second === undefined) return okAsync(undefined);
    return probeSchema(this.#connection).andThen((probe) =>
      second()
        .andThen(probeSchema)
        .map((others) => void (this.#next = others === before.probe ? { known: { ...left, probe }, own } : undefined))
        .orElse(() => okAsync(undefined)),
    );
  }

  /** A transaction has ended; one that was rolled back has left everything as it was. */
  ended(ending: 'committed' | 'rolled-back'): void {
    if (ending === 'committed') {
      this.#known = this.#next?.known;
      this.#own = new Set(this.#next?.own);
    } else this.#wasUndone = true;
    this.#next = undefined;
  }
}

export const MOMENT = 'SELECT pg_catalog.pg_current_snapshot()::text AS at';
