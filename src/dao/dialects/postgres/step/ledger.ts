// The books of a step's transaction: how it stood at the beginning, what was read of it last, and the account of what was done.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { TableEffects } from '../../../../core/events/effects.js';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { added, NOTHING, rowsBetween, type Account, type Counters, type Reading } from './account.js';
import { inDoubt, missed, type Sight } from './before-images.js';
import { firstLook, NOT_COUNTING } from './first-look.js';
import { look, type Look } from './look.js';
import { lossesIn } from './losses.js';
import { holdsRows, isOwn, readChanges, readRelations, withOwn, type Relation } from './relations.js';

const EXCLUSIVE = 'AccessExclusive';
export const AS_IT_IS: Reading = { wiped: new Set() };

/** How a transaction stood when the step began to work in it. */
export interface Start {
  readonly relations: ReadonlyMap<number, Relation>;
  /** With all counters. */
  readonly look: Look;
  /** The last command of the transaction whose work on the catalogs is in what is known; undefined where it has to be read. */
  readonly read?: number | undefined;
  /** Something can have been undone unseen in the transaction: its counters are in no look. */
  readonly mayHaveUndone?: boolean;
}

/** The relations where they are known from before, and nobody has changed any until the transaction was looked at. */
export type KnownRelations = (first: Look) => ReadonlyMap<number, Relation> | undefined;

/** What is known where the books are opened. */
export interface Found {
  /** Where the step before left off in the same transaction. */
  readonly start?: Start | undefined;
  readonly known?: KnownRelations | undefined;
  /** The only relations that this session can have counters of from before; undefined where that is not known. */
  readonly counted?: ReadonlySet<number> | undefined;
}

export interface HeldLock {
  readonly mode: string;
  /** By `performance.now()`. */
  readonly since: number;
}

export class Ledger {
  account: Account = NOTHING;
  /** Statements have run since the last look. */
  unread = false;
  /** They only add, and nothing runs behind their words. */
  onlyAdded = false;
  /** Something can have run behind the words of a statement. */
  isLoud = false;
  readonly #connection: PostgresConnection;
  readonly #known: KnownRelations;
  readonly #counted: ReadonlySet<number> | undefined;
  readonly #own = new Set<number>();
  #start: Start | undefined;
  #last: ReadonlyMap<number, Counters> = new Map();
  #locks: ReadonlyMap<number, HeldLock> = new Map();
  #shaped = 0;

  constructor(connection: PostgresConnection, { start, known = () => undefined, counted }: Found = {}) {
    this.#connection = connection;
    this.#known = known;
    this.#counted = counted;
    this.#start = start;
    if (start) this.saw(start.look);
  }

  get start(): Start | undefined {
    return this.#start;
  }

  get locks(): ReadonlyMap<number, HeldLock> {
    return this.#locks;
  }

  /** The relations that have counters; undefined in doubt: what code wrote and undid is counted, and held by nobody. */
  get counted(): ReadonlySet<number> | undefined {
    return this.#start && !this.#mayHaveUndone ? new Set(this.#last.keys()) : undefined;
  }

  /** Or the engine may have read, for keys, what the step did not touch. */
  get #mayHaveUndone(): boolean {
    const { schema, unchecked } = this.account;
    return this.isLoud || schema === 'unknown' || unchecked || this.#start?.mayHaveUndone === true;
  }

  get relations(): ReadonlyMap<number, Relation> {
    return this.#start?.relations ?? new Map();
  }

  readonly rootOf = (oid: number): number | undefined => this.relations.get(oid)?.root;

  /** Rows that went from the server's own tables since the step began, by their names. */
  goneFromCatalogs({ catalogs }: Look): readonly (readonly [name: string, rows: number])[] {
    const before = this.#start?.look.catalogs ?? new Map<string, number>();
    return [...catalogs]
      .map(([name, rows]) => [name, rows - (before.get(name) ?? 0)] as const)
      .filter(([, rows]) => rows > 0);
  }

  begin(): ResultAsync<void, SqlError> {
    if (this.#start) return okAsync(undefined);
    const connection = this.#connection;
    return firstLook(connection, this.#counted).andThen(({ first, own }) => {
      const known = this.#known(first);
      return (known ? okAsync(withOwn(known, own)) : readRelations(connection)).map((relations) => {
        this.#start = { relations, look: first };
        this.saw(first);
      });
    });
  }

  /** How the next step begins, where this one was looked at last. */
  end(now: Look, { relations, read }: Omit<Start, 'look'>): Start {
    const look: Look = { ...now, counters: this.#last, counted: 'all', own: this.#own };
    return { relations, read, look, mayHaveUndone: this.#mayHaveUndone };
  }

  /** The relations of before that are there, with their rows where they are now; `oids`: of these. */
  present(oids: Iterable<number> = this.relations.keys()): readonly Relation[] {
    const { dropped, filenodes } = this.account;
    return [...oids].flatMap((oid) => {
      const relation = dropped.has(oid) ? undefined : this.relations.get(oid);
      return relation === undefined ? [] : [{ ...relation, filenode: filenodes.get(oid) ?? relation.filenode }];
    });
  }

  /** How things stand; `now`: with the locks of then. */
  sight(now?: Look): Sight {
    const modes = now ? [...now.locks] : [...this.#locks].map(([oid, { mode }]) => [oid, mode] as const);
    const barred = new Set(modes.flatMap(([oid, mode]) => (mode === EXCLUSIVE ? [oid] : [])));
    return { relations: this.relations, account: this.account, barred };
  }

  catchUp(): ResultAsync<unknown, SqlError> {
    return this.unread ? this.read() : okAsync(undefined);
  }

  /** Reads what statements did that were not followed one by one; `seen`: where somebody else has looked. */
  read(reading = AS_IT_IS, seen?: Look): ResultAsync<Look, SqlError> {
    return this.begin()
      .andThen(() => (seen ? okAsync<Look, SqlError>(seen) : look(this.#connection, 'held')))
      .andThen((now) => (now.isCounting ? okAsync<Look, SqlError>(now) : errAsync(NOT_COUNTING)))
      .andThen((now) => (this.onlyAdded ? okAsync(now) : this.#withoutDoubt(now).map(() => now)))
      .map((now) => {
        this.add(now, reading);
        return now;
      });
  }

  /** Adds to the account what was done since the last look. */
  add(now: Look, reading: Reading): void {
    const rows = this.rowsIn(now, reading);
    // Changing rows takes no such lock: a function or a trigger did more than that.
    const schema = this.unread && !this.onlyAdded && this.isReshaped(now) ? 'unknown' : this.account.schema;
    this.account = { ...this.account, schema, rows: added(this.account.rows, rows) };
    this.saw(now);
  }

  rowsIn(now: Look, reading = AS_IT_IS): ReadonlyMap<number, TableEffects> {
    return rowsBetween(this.#start?.look.counters ?? new Map(), this.#last, now.counters, reading);
  }

  /** The relations that nobody else can look at any more since the last look. */
  taken({ locks }: Look): readonly number[] {
    return [...locks].flatMap(([oid, mode]) =>
      mode === EXCLUSIVE && this.#locks.get(oid)?.mode !== mode ? [oid] : [],
    );
  }

  /** Whether something was done since the last look that writing rows does not do. */
  isReshaped(now: Look): boolean {
    return now.shaped > this.#shaped || this.taken(now).length > 0;
  }

  saw(seen: Look): void {
    const { locks } = seen;
    this.#count(seen);
    this.unread = false;
    this.onlyAdded = false;
    const now = performance.now();
    this.#locks = new Map([...locks].map(([oid, mode]) => [oid, { mode, since: this.#locks.get(oid)?.since ?? now }]));
  }

  /** What was counted is undone, and the counters go on counting it. */
  undid(seen: Look): void {
    this.#count(seen);
  }

  #count({ counters, counted, own, shaped, unchecks }: Look): void {
    this.#shaped = shaped;
    if (unchecks && !this.account.unchecked) this.account = { ...this.account, unchecked: true };
    this.#last = counted === 'all' ? counters : new Map([...this.#last, ...counters]);
    for (const one of own) this.#own.add(one);
  }

  /** A function or a trigger can do behind the words of a statement what nobody was there to count. */
  #withoutDoubt(now: Look): ResultAsync<void, SqlError> {
    const rows = this.rowsIn(now);
    // Triggers that were put off may have run since, for rows that were counted before.
    if (rows.size + this.account.rows.size + this.taken(now).length === 0) return okAsync(undefined);
    const known = this.present(this.sight(now).barred).filter((one) => holdsRows(one) && !isOwn(one));
    if (known.length === 0) return okAsync(undefined);
    return readChanges(this.#connection, known).andThen((seen) => {
      const { columns } = lossesIn(seen, this.relations, this.account);
      const refiled = known.filter(({ oid }) => seen.refiled.some((one) => one.oid === oid));
      const updated = [...rows].flatMap(([oid, effects]) => (effects.updated > 0 ? [oid] : []));
      const all = [...refiled, ...columns.map(({ relation }) => relation), ...missed(updated, this.sight(now))];
      return all.length === 0 ? okAsync(undefined) : errAsync(inDoubt([...new Set(all)]));
    });
  }
}
