// Follows a step's statements inside its transaction, and keeps the account of what they did to rows and tables.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { RowFinding } from '../../../../core/ports/step-transaction.js';
import type { PostgresConnection } from '../connection.js';
import { Savepoints, withAddition, type Account } from './account.js';
import { lookedAtFirst, reachesFurther, withCommittedImages, withOwnImages } from './before-images.js';
import { NOT_COUNTING } from './first-look.js';
import { AS_IT_IS, Ledger, type HeldLock, type Start } from './ledger.js';
import { addedBy, leavesSession, mustBeFollowed, NOT_QUIET, type Beginning, type Quiet } from './quiet.js';
import { look, type Look } from './look.js';
import type { Relation } from './relations.js';
import type { StatementFacts, StatementResult } from './statement.js';
import { runCounted, type Send } from './take-back.js';

export class StepTrace {
  readonly #connection: PostgresConnection;
  readonly #second: () => ResultAsync<PostgresConnection, SqlError>;
  #ledger: Ledger;
  #savepoints = new Savepoints();
  #quiet: Quiet;

  /** `second`: sees what was committed. */
  constructor(
    connection: PostgresConnection,
    second: () => ResultAsync<PostgresConnection, SqlError>,
    { quiet = NOT_QUIET, ...found }: Beginning = {},
  ) {
    this.#connection = connection;
    this.#second = second;
    this.#quiet = quiet;
    this.#ledger = new Ledger(connection, found);
  }

  /** How the transaction stood when the step began. */
  get start(): Start | undefined {
    return this.#ledger.start;
  }

  /** How it stands at the last look. */
  left(now: Look, there: Omit<Start, 'look'>): Start {
    return this.#ledger.end(now, there);
  }

  get counted(): ReadonlySet<number> | undefined {
    return this.#ledger.counted;
  }

  get account(): Account {
    return this.#ledger.account;
  }

  /** Something can have run behind the words of a statement. */
  get isLoud(): boolean {
    return this.#ledger.isLoud;
  }

  get locks(): ReadonlyMap<number, HeldLock> {
    return this.#ledger.locks;
  }

  get relations(): ReadonlyMap<number, Relation> {
    return this.#ledger.relations;
  }

  /** Rows that are gone from the server's own tables: large objects, values of enums that somebody deleted by hand. */
  catalogRows(now: Look): readonly RowFinding[] {
    return this.#ledger.goneFromCatalogs(now).map(([table, rows]) => ({ table, rows, keys: [] }));
  }

  /** Another transaction takes the place of the one that was followed. */
  reset(quiet: Quiet): void {
    this.#quiet = quiet;
    this.#ledger = new Ledger(this.#connection);
    this.#savepoints = new Savepoints();
  }

  /** Runs a statement by `send`, and learns what it did. A failed one has ended the transaction, or its savepoint. */
  follow(facts: StatementFacts, send: Send): ResultAsync<StatementResult, SqlError> {
    return this.#ledger.begin().andThen(() => {
      if (facts.uncounts) return errAsync(NOT_COUNTING);
      if (facts.unchecks) this.#ledger.account = { ...this.#ledger.account, unchecked: true };
      if ('name' in facts.savepoint) return this.#atSavepoint(facts.savepoint, send);
      if (!mustBeFollowed(facts, this.#ledger, this.#quiet)) return this.#adding(facts, send);
      return this.#withoutAdditions()
        .andThen(() => this.#lookFirst(facts))
        .andThen((isPlain) =>
          isPlain
            ? this.#plain(facts, send)
            : runCounted({ connection: this.#connection, ledger: this.#ledger, send }, facts),
        );
    });
  }

  /** It only adds, or fills what was added: whatever it did is seen at the next look. */
  #adding({ adds = 'rows', sets }: StatementFacts, send: Send): ResultAsync<StatementResult, SqlError> {
    const ledger = this.#ledger;
    return (ledger.onlyAdded ? okAsync<unknown, SqlError>(undefined) : ledger.catchUp()).andThen(send).map((result) => {
      this.#connection.statements.trust();
      ledger.unread = true;
      ledger.onlyAdded = true;
      const schema = ledger.isLoud ? 'grown' : 'added';
      if (adds !== 'rows') ledger.account = withAddition(ledger.account, { sets }, schema);
      return result;
    });
  }

  /** What only added is not mixed with what else is to be read. */
  #withoutAdditions(): ResultAsync<unknown, SqlError> {
    const ledger = this.#ledger;
    const ready = ledger.onlyAdded ? ledger.catchUp() : okAsync<unknown, SqlError>(undefined);
    return ready.map(() => {
      ledger.isLoud ||= !this.#quiet.rows;
      if (ledger.isLoud && ledger.account.schema === 'added') ledger.account = { ...ledger.account, schema: 'grown' };
    });
  }

  /** What was added since the last look, where the step has done nothing else. */
  get added(): 'rows' | 'relations' | undefined {
    return addedBy(this.#ledger);
  }

  /** Brings the account up to now, with what deferred triggers did; `seen`: where that was looked at. */
  finish(seen?: Look): ResultAsync<Look, SqlError> {
    const ledger = this.#ledger;
    ledger.unread = true;
    // What was put off until now ran behind the words of an earlier statement.
    if (ledger.isLoud) ledger.onlyAdded = false;
    return ledger.read(AS_IT_IS, seen);
  }

  #atSavepoint(
    { kind, name }: Extract<StatementFacts['savepoint'], { name: string }>,
    send: Send,
  ): ResultAsync<StatementResult, SqlError> {
    const ledger = this.#ledger;
    // What was not read before a failure is undone by going back.
    const ready = kind === 'back' ? okAsync<unknown, SqlError>(undefined) : ledger.catchUp();
    return ready.andThen(send).andThen((result): ResultAsync<StatementResult, SqlError> => {
      if (kind === 'set') this.#savepoints.set(name, ledger.account);
      if (kind === 'release') this.#savepoints.release(name);
      if (kind !== 'back') return okAsync(result);
      ledger.account = this.#savepoints.back(name) ?? ledger.account;
      // The counters go on counting what was undone.
      return look(this.#connection, 'all').map((now) => {
        ledger.saw(now);
        return result;
      });
    });
  }

  /** Tables are looked at while they can be; says whether what the statement does can be read later. */
  #lookFirst(facts: StatementFacts): ResultAsync<boolean, SqlError> {
    const ledger = this.#ledger;
    const seen = facts.isPlain
      ? okAsync<Account, SqlError>(ledger.account)
      : ledger.catchUp().andThen(() => withCommittedImages(this.#second, ledger.sight()));
    return seen
      .andThen((account) =>
        withOwnImages(this.#connection, account, lookedAtFirst(facts, { ...ledger.sight(), account })),
      )
      .map((account) => {
        ledger.account = account;
        return facts.isPlain && !facts.calls && !reachesFurther(facts, ledger.sight(), ledger.isLoud);
      });
  }

  /** By its words it changes rows at most: whatever it did is seen at the next look. */
  #plain(facts: StatementFacts, send: Send): ResultAsync<StatementResult, SqlError> {
    const ledger = this.#ledger;
    const moves = facts.onlyUpdates && [...this.relations.values()].some(({ root }) => root !== undefined);
    return (moves ? ledger.catchUp() : okAsync<unknown, SqlError>(undefined)).andThen(send).andThen((result) => {
      if (leavesSession(facts, ledger)) this.#connection.statements.trust();
      ledger.unread = true;
      if (!moves) return okAsync(result);
      return ledger.read({ wiped: new Set(), moves: ledger.rootOf }).map(() => result);
    });
  }
}
