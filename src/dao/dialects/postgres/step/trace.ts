// Follows a step's statements inside its transaction, and keeps the account of what they did to rows and tables.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { added, NOTHING, rowsBetween, Savepoints, type Account, type Counters, type Reading } from './account.js';
import { readImage } from './image.js';
import { countLosses, lossesIn, withLosses, withStatement, type Losses } from './losses.js';
import { look, type Look } from './look.js';
import { holdsRows, readChanges, readRelations, type Changes, type Relation } from './relations.js';
import type { StatementFacts, StatementResult } from './statement.js';

/** Marks the place that a statement is taken back to when it turns out to lose what was not counted yet. */
const PLACE = 'migrate_safe_statement';
const ROW_VERBS: ReadonlySet<string> = new Set([
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'WITH',
  'DO',
  'CALL',
  'EXECUTE',
]);
const EXCLUSIVE = 'AccessExclusive';
/** Their words do not say which tables they change. */
const REACHING: ReadonlySet<string> = new Set(['DELETE', 'DO', 'CALL', 'EXECUTE']);

/** A statement that ran, and what it changed. */
interface Done {
  readonly result: StatementResult;
  readonly seen: Changes;
}

/** How a transaction stood when the step began to work in it. */
interface Start {
  readonly relations: ReadonlyMap<number, Relation>;
  readonly look: Look;
}

export interface HeldLock {
  readonly mode: string;
  /** By `performance.now()`. */
  readonly since: number;
}

export class StepTrace {
  readonly #connection: PostgresConnection;
  #start: Start | undefined;
  #account: Account = NOTHING;
  #savepoints = new Savepoints();
  #last: ReadonlyMap<number, Counters> = new Map();
  #locks: ReadonlyMap<number, HeldLock> = new Map();
  /** Statements have run since the last look. */
  #unread = false;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  get account(): Account {
    return this.#account;
  }

  /** What the step holds against others. */
  get locks(): ReadonlyMap<number, HeldLock> {
    return this.#locks;
  }

  /** The relations as the step found them. */
  get relations(): ReadonlyMap<number, Relation> {
    return this.#start?.relations ?? new Map();
  }

  /** The transaction's number when the step began; undefined where nothing was run in it. */
  get transaction(): string | undefined {
    return this.#start?.look.transaction;
  }

  /** Another transaction takes the place of the one that was followed. */
  reset(): void {
    this.#start = undefined;
    this.#account = NOTHING;
    this.#savepoints = new Savepoints();
    this.#last = new Map();
    this.#locks = new Map();
    this.#unread = false;
  }

  /** Runs a statement by `send`, and learns what it did. A failed one has ended the transaction, or its savepoint. */
  follow(
    facts: StatementFacts,
    send: () => ResultAsync<StatementResult, SqlError>,
  ): ResultAsync<StatementResult, SqlError> {
    return this.#begin().andThen(() => {
      const { savepoint } = facts;
      if (savepoint.kind !== 'none') return this.#atSavepoint(savepoint, send);
      return this.#beforeRowsChange(facts).andThen(() =>
        facts.isPlain ? this.#plain(facts, send) : this.#deep(facts, send),
      );
    });
  }

  /** Brings the account up to now, with what deferred triggers did. */
  finish(): ResultAsync<Look, SqlError> {
    this.#unread = true;
    return this.#read();
  }

  #read(reading: Reading = { wiped: new Set() }): ResultAsync<Look, SqlError> {
    return this.#begin()
      .andThen(() => look(this.#connection))
      .map((now) => {
        const base = this.#start?.look.counters ?? new Map<number, Counters>();
        const rows = rowsBetween(base, this.#last, now.counters, reading);
        const strongest = [...now.locks].filter(
          ([oid, mode]) => mode === EXCLUSIVE && this.#locks.get(oid)?.mode !== mode,
        );
        // Changing rows takes no such lock: a function or a trigger did more than that.
        const schema = this.#unread && strongest.length > 0 ? 'unknown' : this.#account.schema;
        this.#account = { ...this.#account, schema, rows: added(this.#account.rows, rows) };
        this.#saw(now);
        return now;
      });
  }

  #begin(): ResultAsync<void, SqlError> {
    if (this.#start) return okAsync(undefined);
    return readRelations(this.#connection).andThen((relations) =>
      look(this.#connection).map((first) => {
        this.#start = { relations, look: first };
        this.#saw(first);
      }),
    );
  }

  #saw({ counters, locks }: Look): void {
    this.#last = counters;
    this.#unread = false;
    const now = performance.now();
    this.#locks = new Map([...locks].map(([oid, mode]) => [oid, { mode, since: this.#locks.get(oid)?.since ?? now }]));
  }

  #catchUp(): ResultAsync<unknown, SqlError> {
    return this.#unread ? this.#read() : okAsync(undefined);
  }

  #atSavepoint(
    { kind, name }: Exclude<StatementFacts['savepoint'], { kind: 'none' }>,
    send: () => ResultAsync<StatementResult, SqlError>,
  ): ResultAsync<StatementResult, SqlError> {
    // What was not read before a failure is undone by going back.
    const ready = kind === 'back' ? okAsync<unknown, SqlError>(undefined) : this.#catchUp();
    return ready.andThen(send).andThen((result): ResultAsync<StatementResult, SqlError> => {
      if (kind === 'set') this.#savepoints.set(name, this.#account);
      if (kind === 'release') this.#savepoints.release(name);
      if (kind !== 'back') return okAsync(result);
      this.#account = this.#savepoints.back(name) ?? this.#account;
      // The counters go on counting what was undone.
      return look(this.#connection).map((now) => {
        this.#saw(now);
        return result;
      });
    });
  }

  /** A table that only this transaction can look at any more is looked at before its rows change. */
  #beforeRowsChange({ verb, names, converts }: StatementFacts): ResultAsync<unknown, SqlError> {
    if (!converts && !ROW_VERBS.has(verb)) return okAsync(undefined);
    const concerned = [...this.relations.values()].filter(
      (relation) =>
        holdsRows(relation) &&
        relation.root === undefined &&
        !this.#account.images.has(relation.oid) &&
        !this.#account.dropped.has(relation.oid) &&
        (names.has(relation.bare) || (!converts && REACHING.has(verb))) &&
        (converts || this.#locks.get(relation.oid)?.mode === EXCLUSIVE),
    );
    return inOrder(concerned, (relation) =>
      readImage(this.#connection, relation).map((image) => {
        if (image) this.#account = { ...this.#account, images: new Map(this.#account.images).set(relation.oid, image) };
      }),
    );
  }

  /** By its words it changes rows at most: whatever it did is seen at the next look. */
  #plain(
    { onlyUpdates }: StatementFacts,
    send: () => ResultAsync<StatementResult, SqlError>,
  ): ResultAsync<StatementResult, SqlError> {
    const relations = this.relations;
    if (!onlyUpdates || ![...relations.values()].some(({ root }) => root !== undefined)) {
      this.#unread = true;
      return send();
    }
    const moves = (oid: number): number | undefined => relations.get(oid)?.root;
    return this.#catchUp()
      .andThen(send)
      .andThen((result) => this.#read({ wiped: new Set(), moves }).map(() => result));
  }

  /**
   * It may drop or empty tables, and whatever hangs on them. Where it turns out to lose rows or values, it is taken back,
   * they are counted with nobody else near them, and it runs again.
   */
  #deep(
    facts: StatementFacts,
    send: () => ResultAsync<StatementResult, SqlError>,
  ): ResultAsync<StatementResult, SqlError> {
    const connection = this.#connection;
    const changes = (): ResultAsync<Changes, SqlError> => readChanges(connection, this.#present());
    const again = (losses: Losses): ResultAsync<Done, SqlError> =>
      connection
        .query(`ROLLBACK TO SAVEPOINT ${PLACE}`)
        .andThen(() => countLosses(connection, losses))
        .andThen((counted) =>
          send().andThen((result) =>
            changes().map((seen) => {
              this.#account = withLosses(this.#account, counted);
              return { result, seen };
            }),
          ),
        );
    return this.#catchUp()
      .andThen(() => connection.query(`SAVEPOINT ${PLACE}`))
      .andThen(send)
      .andThen((result) => changes().map((seen): Done => ({ result, seen })))
      .andThen((done) => {
        const losses = lossesIn(done.seen, this.relations, this.#account, facts);
        return losses.relations.length === 0 ? okAsync<Done, SqlError>(done) : again(losses);
      })
      .andThen(({ result, seen }) =>
        connection
          .query(`RELEASE SAVEPOINT ${PLACE}`)
          .andThen(() => this.#read({ wiped: new Set([...seen.gone, ...seen.refiled.map(({ oid }) => oid)]) }))
          .map(() => {
            this.#account = withStatement(this.#account, seen, facts);
            return result;
          }),
      );
  }

  #present(): readonly Relation[] {
    const { dropped, filenodes } = this.#account;
    return [...this.relations.values()]
      .filter(({ oid }) => !dropped.has(oid))
      .map((relation) => ({ ...relation, filenode: filenodes.get(relation.oid) ?? relation.filenode }));
  }
}
