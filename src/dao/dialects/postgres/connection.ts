// One pinned connection to PostgreSQL: statements in their order, failures classified, values as the engine's ports have them.
import type { Client, ClientConfig, QueryConfig, QueryResult, QueryResultRow } from 'pg';
import { errAsync, okAsync, ResultAsync } from 'neverthrow';
import type { Session, SqlError, SqlErrorKind, SqlValue } from '../../../core/ports/session.js';
import { classify } from './classify.js';
import { newClient, processIdOf } from './client.js';
import { keepUtf8 } from './client-encoding.js';
import { copyIn, Unfed, type Feed } from './copy-in.js';
import type { PostgresDriver } from './load-driver.js';
import { numbered } from './placeholders.js';
import { askPooled, boundaryOf } from './pooled-statements.js';
import { PREPARED, PreparedStatements, type Stocked } from './prepared-statements.js';
import { ASK_SERVER, serverOf, settling, type Server, type ServerRow } from './settings.js';

/** A server that was killed recovers within this time, or a person has to look; in milliseconds. */
const RECONNECT_MS = 30_000;
const LONGEST_PAUSE_MS = 2000;
/** What may pass by itself: nobody listens, the server still recovers, the new connection was cut as well. */
const PASSING: ReadonlySet<SqlErrorKind> = new Set(['unreachable', 'connection-lost']);

/** A row as the host's driver gives it. */
export type ForeignRow = Record<string, unknown>;
/** The driver knows it, its types do not. */
interface ExtendedQuery extends Omit<QueryConfig, 'text' | 'values'> {
  readonly queryMode?: 'extended';
  /** What it is prepared under, where it can be. */
  readonly key?: string;
}

export class PostgresConnection implements Session {
  readonly #driver: PostgresDriver;
  readonly #options: ClientConfig;
  #client: Client;
  #server: Server = { product: 'postgresql', version: 0, processId: 0 };
  /** Why the connection is gone: told to every statement after that. */
  #lost: SqlError | undefined;
  /** Ends with the statement that was given last: the driver itself is to be asked one thing at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  /** How many statements have not been answered yet. */
  #waiting = 0;
  #pooled = false;
  #prepared = new PreparedStatements();
  #inTransaction = false;
  #gaveUp = false;

  private constructor(driver: PostgresDriver, options: ClientConfig) {
    this.#driver = driver;
    this.#options = options;
    this.#client = this.#newClient();
  }

  /** `options` as the driver takes them: a URL, or host, port, user and the rest; PG* variables and .pgpass fill in. */
  static connect(driver: PostgresDriver, options: ClientConfig): ResultAsync<PostgresConnection, SqlError> {
    const connection = new PostgresConnection(driver, options);
    return connection.#dial().map(() => connection);
  }

  /** Another connection to the same place, as the same user. */
  another(): ResultAsync<PostgresConnection, SqlError> {
    return PostgresConnection.connect(this.#driver, this.#options);
  }

  /**
   * A new connection in the place of one that was lost, tried until the server is there again or `forMs` are over. What
   * was open on the old one is gone, or still ending on the server: who needs to know asks for the lock.
   */
  reconnect(forMs = RECONNECT_MS): ResultAsync<void, SqlError> {
    // Waited for in vain once: whatever else the run would still write does not wait as long again.
    const until = Date.now() + (this.#gaveUp ? 0 : forMs);
    return this.#redial(until, 50)
      .map(() => void (this.#gaveUp = false))
      .mapErr((error) => {
        this.#gaveUp = true;
        return error;
      });
  }

  /** The server process that is at work for this connection; behind a pooler, for the transaction that was begun last. */
  get processId(): number {
    return this.#server.processId;
  }

  get statements(): PreparedStatements {
    return this.#prepared;
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  get server(): Server {
    return this.#server;
  }

  /** A pooler is in between: what is set for the session, or locked by it, is somebody else's a moment later. */
  get isPooled(): boolean {
    return this.#pooled;
  }

  /** `?` stands for a value, as in every statement that the engine writes for more than one dialect. */
  all<R extends object = Record<string, SqlValue>>(
    sql: string,
    params: readonly SqlValue[] = [],
  ): ResultAsync<R[], SqlError> {
    return this.query<R>(numbered(sql, params.length), params).map(({ rows }) => rows);
  }

  run(sql: string, params: readonly SqlValue[] = []): ResultAsync<{ readonly changes: number }, SqlError> {
    return this.query(numbered(sql, params.length), params).map(({ rowCount }) => ({ changes: rowCount ?? 0 }));
  }

  /** One statement with PostgreSQL's own placeholders. */
  query<R extends object>(sql: string, values: readonly unknown[] = []): ResultAsync<QueryResult<R>, SqlError> {
    return this.#queue<R>(sql, values, {});
  }

  /** A statement of the engine's that is asked again and again: where that is possible, the server plans it once. */
  prepared<R extends object>(
    key: string,
    sql: string,
    values: readonly unknown[] = [],
  ): ResultAsync<QueryResult<R>, SqlError> {
    return this.#queue<R>(sql, values, { key });
  }

  /** Runs `sql`, statements that may run a step's own code too, and asks for `select` behind them. */
  settled<R extends object>(sql: string, select: string): ResultAsync<R & Stocked, SqlError> {
    return this.query(`${sql}; ${select}, ${PREPARED}`).map((done: unknown) => this.#prepared.learn<R>(done));
  }

  /** One statement of somebody else's: the protocol takes no second one; values come as the host's driver gives them. */
  foreign(sql: string, values: readonly unknown[]): ResultAsync<QueryResult<ForeignRow>, SqlError> {
    return this.#queue<ForeignRow>(sql, values, {
      queryMode: 'extended',
      types: this.#options.types ?? this.#driver.types,
    });
  }

  /** `COPY … FROM STDIN` in the transaction that is open: what `feed` sends. Gives the rows that the server took. */
  copyIn(sql: string, feed: Feed): ResultAsync<number, SqlError> {
    return this.#inTurn(async () => copyIn(this.#reached(), sql, feed), sql).mapErr((error) =>
      error.cause instanceof Unfed ? error.cause.error : error,
    );
  }

  /** Outside of a transaction: behind `sql` the settings are again what they were when the connection was opened; `also` is asked. */
  resettle<R extends object>(sql: string, also: string): ResultAsync<R & Stocked, SqlError> {
    return this.settled<R>(sql, `${settling(this.#server, 'session')}, ${also}`);
  }

  /** Shows the server that somebody is still there, where a transaction is open and nothing is asked. */
  nudge(): void {
    if (this.#inTransaction && this.#waiting === 0) void this.query('SELECT 1');
  }

  close(): ResultAsync<void, SqlError> {
    return ResultAsync.fromPromise(this.#client.end(), (thrown) => classify(thrown)).orElse(() => okAsync(undefined));
  }

  #newClient(): Client {
    const client = newClient(this.#driver, this.#options);
    client.on('error', (error) => {
      if (client === this.#client) this.#lost ??= classify(error);
    });
    return client;
  }

  #dial(): ResultAsync<void, SqlError> {
    const settled = this.#settle();
    this.#turn = settled.catch(() => undefined);
    return ResultAsync.fromPromise(settled, (thrown) => classify(thrown)).orElse((error) =>
      this.close().andThen(() => errAsync(error)),
    );
  }

  async #settle(): Promise<void> {
    await this.#client.connect();
    const { rows } = await this.#client.query<ServerRow>(ASK_SERVER);
    const [row] = rows;
    if (row === undefined) throw new Error('the server does not say what it is');
    this.#server = serverOf(row);
    // The driver is told of a process when it connects: by a pooler, of one that there is not.
    this.#pooled = this.#server.product === 'postgresql' && this.#server.processId !== processIdOf(this.#client);
    if (this.#pooled) return;
    await this.#client.query(settling(this.#server, 'session'));
  }

  #redial(until: number, pauseMs: number): ResultAsync<void, SqlError> {
    const old = this.#client;
    // The end of a connection that nobody answers on is not waited for.
    void old.end().catch(() => undefined);
    this.#client = this.#newClient();
    this.#prepared = new PreparedStatements();
    this.#lost = undefined;
    this.#inTransaction = false;
    return this.#dial().orElse((error) => {
      this.#lost = { ...error, kind: 'connection-lost' };
      if (!PASSING.has(error.kind) || Date.now() + pauseMs > until) return errAsync(error);
      return ResultAsync.fromSafePromise(new Promise<void>((resolve) => setTimeout(resolve, pauseMs))).andThen(() =>
        this.#redial(until, Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)),
      );
    });
  }

  #queue<R extends object>(
    sql: string,
    values: readonly unknown[],
    how: ExtendedQuery,
  ): ResultAsync<QueryResult<R>, SqlError> {
    return this.#inTurn(() => this.#ask<R>(sql, values, how), sql);
  }

  #inTurn<T>(work: () => Promise<T>, sql: string): ResultAsync<T, SqlError> {
    this.#waiting += 1;
    const running = this.#turn.then(work).finally(() => (this.#waiting -= 1));
    this.#turn = running.catch(() => undefined);
    return ResultAsync.fromPromise(running, (thrown) => classify(thrown, sql));
  }

  #reached(): Client {
    if (this.#lost) throw this.#lost.cause;
    return this.#client;
  }

  async #ask<R extends QueryResultRow>(
    sql: string,
    values: readonly unknown[],
    { key, ...how }: ExtendedQuery,
  ): Promise<QueryResult<R>> {
    const client = this.#reached();
    if (key !== undefined && this.#server.product === 'postgresql' && !this.#pooled)
      return this.#prepared.ask<R>(client, key, { text: sql, values: [...values] });
    if (how.queryMode === 'extended') this.#prepared.doubt();
    const raw = <Row extends QueryResultRow>(text: string, params: readonly unknown[]): Promise<QueryResult<Row>> =>
      client.query<Row>({ ...how, text, values: [...params] });
    const boundary = boundaryOf(sql);
    const where = this.#inTransaction ? 'inside' : 'outside';
    try {
      const at = (processId: number): void => void (this.#server = { ...this.#server, processId });
      // What a step does outside of a transaction it does as the role is set: names are found as they are by everybody.
      const asIs = !this.#pooled || (where === 'outside' && how.queryMode === 'extended');
      const result = !asIs
        ? await askPooled(raw, { server: this.#server, where, at }, sql, values)
        : await raw(sql, values);
      if (how.queryMode === 'extended') await keepUtf8(client);
      if (boundary === 'begins') this.#inTransaction = true;
      return result as QueryResult<R>;
    } finally {
      if (boundary === 'ends') this.#inTransaction = false;
    }
  }
}
