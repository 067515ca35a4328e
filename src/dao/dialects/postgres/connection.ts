// One pinned connection to PostgreSQL: statements in their order, failures classified, values as the engine's ports have them.
import type { Client, ClientConfig, QueryResult } from 'pg';
import { errAsync, okAsync, ResultAsync } from 'neverthrow';
import type { Session, SqlError, SqlValue } from '../../../core/ports/session.js';
import { classify } from './classify.js';
import type { PostgresDriver } from './load-driver.js';
import { numbered } from './placeholders.js';

/** How a connection of the engine behaves, whatever the role or the database says. */
const SETTINGS: Readonly<Record<string, string>> = {
  // A search path could put somebody's table before the catalog's.
  search_path: '',
  // A commit that is told has to last.
  synchronous_commit: 'on',
  // A client that is gone must not hold its locks until its statement ends, nor commit one more.
  client_connection_check_interval: '500ms',
  idle_in_transaction_session_timeout: '0',
  statement_timeout: '0',
};
/** Settings that a version of the server may not know yet. */
const SINCE: Readonly<Record<string, number>> = { client_connection_check_interval: 140_000 };

export class PostgresConnection implements Session {
  readonly #client: Client;
  /** Why the connection is gone: told to every statement after that. */
  #lost: SqlError | undefined;
  /** Ends with the statement that was given last: the driver itself is to be asked one thing at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(client: Client) {
    this.#client = client;
    client.on('error', (error) => {
      this.#lost ??= classify(error);
    });
  }

  /** `options` as the driver takes them: a URL, or host, port, user and the rest; PG* variables and .pgpass fill in. */
  static connect(driver: PostgresDriver, options: ClientConfig): ResultAsync<PostgresConnection, SqlError> {
    const client = new driver.Client({
      application_name: 'migrate-safe',
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
      ...options,
      // Counts and positions of the engine stay far below 2^53; the driver would give them as texts.
      types: {
        getTypeParser: (oid, format) =>
          oid === driver.types.builtins.INT8 ? Number : driver.types.getTypeParser(oid, format),
      },
    });
    const connection = new PostgresConnection(client);
    const settled = async (): Promise<PostgresConnection> => {
      await client.connect();
      return connection;
    };
    return ResultAsync.fromPromise(settled(), (thrown) => classify(thrown)).andThen(() =>
      connection.#settle()
        .map(() => connection)
        .orElse((error) => connection.close().andThen(() => errAsync(error))),
    );
  }

  /** The server process that this connection talks to, as the driver was told; another one answers behind a pooler. */
  get processId(): number {
    return (this.#client as Client & { readonly processID: number }).processID;
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
    const running = this.#turn.then(() => {
      if (this.#lost) throw this.#lost.cause;
      return this.#client.query<R>({ text: sql, values: [...values] });
    });
    this.#turn = running.catch(() => undefined);
    return ResultAsync.fromPromise(running, (thrown) => classify(thrown, sql));
  }

  close(): ResultAsync<void, SqlError> {
    return ResultAsync.fromPromise(this.#client.end(), (thrown) => classify(thrown)).orElse(() => okAsync(undefined));
  }

  #settle(): ResultAsync<void, SqlError> {
    return this.query<{ server_version_num: string }>('SHOW server_version_num').andThen(({ rows }) => {
      const version = Number(rows[0]?.server_version_num ?? 0);
      const known = Object.entries(SETTINGS).filter(([name]) => version >= (SINCE[name] ?? 0));
      const calls = known.map((_, at) => `pg_catalog.set_config($${at * 2 + 1}, $${at * 2 + 2}, false)`);
      return this.query(`SELECT ${calls.join(', ')}`, known.flat()).map(() => undefined);
    });
  }
}
