// The server that is backed up, as this folder's parts need it: connections of their own, and its programs with the way to it.
import type { ClientConfig } from 'pg';
import { errAsync, okAsync, ResultAsync, type Result } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { classify } from '../classify.js';
import { PostgresConnection } from '../connection.js';
import { toolsFor } from './archive-tools.js';
import { toDatabase, withToolEnvironment } from './environment.js';
import type { PgTools } from './tools.js';

type Driver = Parameters<typeof PostgresConnection.connect>[0];

/** What a call of one of the programs needs. */
export interface Toolbox {
  readonly tools: PgTools;
  readonly env: NodeJS.ProcessEnv;
}

export class PostgresServer {
  readonly #driver: Driver;
  readonly #options: ClientConfig;

  /** `options` as the connection takes them. */
  constructor(driver: Driver, options: ClientConfig) {
    this.#driver = driver;
    this.#options = options;
  }

  /** The same server, another of its databases. */
  at(database: string): ResultAsync<PostgresServer, SqlError> {
    return ResultAsync.fromPromise(toDatabase(this.#options, database), (thrown) => classify(thrown)).map(
      (options) => new PostgresServer(this.#driver, options),
    );
  }

  /** A connection for one piece of work, closed whatever comes of it. */
  withConnection<T, E>(work: (connection: PostgresConnection) => ResultAsync<T, E>): ResultAsync<T, E | SqlError> {
    return PostgresConnection.connect(this.#driver, this.#options).andThen((connection) =>
      work(connection)
        .andThen((value): ResultAsync<T, E | SqlError> => connection.close().map(() => value))
        .orElse((error) =>
          connection
            .close()
            .orElse(() => okAsync(undefined))
            .andThen(() => errAsync(error)),
        ),
    );
  }

  /** The programs that fit the server, and the environment that leads them to it, for one piece of work. */
  withTools<T, E>(work: (toolbox: Toolbox) => ResultAsync<T, E>): ResultAsync<T, E | SqlError> {
    return this.withConnection((connection) => connection.all<Traits>(TRAITS)).andThen(([traits]) =>
      toolsFor(Number(traits?.version ?? 0)).andThen((tools): ResultAsync<T, E | SqlError> => {
        const done = withToolEnvironment<Result<T, E>>(this.#options, async (env) =>
          work({ tools, env: { ...env, ...plainBytes(traits?.bytes, env), ...ownEncoding(traits?.encoding) } }),
        );
        return ResultAsync.fromPromise(done, (thrown): E | SqlError => classify(thrown)).andThen((result) => result);
      }),
    );
  }
}

interface Traits {
  readonly version: string;
  readonly bytes: string;
  readonly encoding: string;
}

const TRAITS = `SELECT pg_catalog.current_setting('server_version_num') AS version, pg_catalog.current_setting('bytea_output') AS bytes,
  pg_catalog.current_setting('server_encoding') AS encoding`;

/** pg_dump leaves this one to the role and the database. It is set only where it has to be: a pooler can refuse options. */
const plainBytes = (bytes: string | undefined, { PGOPTIONS: options }: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  bytes === 'escape' ? { PGOPTIONS: `${options ?? ''} -c bytea_output=hex`.trim() } : {};

/** Rows come as the bytes that they are: what a role or a database says otherwise cannot always say all of them. */
const ownEncoding = (encoding: string | undefined): NodeJS.ProcessEnv =>
  encoding === undefined ? {} : { PGCLIENTENCODING: encoding };
