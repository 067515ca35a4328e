// A table whose indexes can be made to fail, to take their time, and to be looked at.
import { ResultAsync } from 'neverthrow';
import pg from 'pg';
import type { SqlError } from '#src/core/ports/session.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import {
  runOutside,
  type OutsideDone,
  type OutsideOptions,
} from '#src/dao/dialects/postgres/step/outside/run-outside.js';
import { value } from './project.js';

export interface Index {
  readonly name: string;
  readonly valid: boolean;
  readonly definition: string;
}

export class OutsideWorld {
  readonly url: string;
  readonly connection: PostgresConnection;
  readonly client: pg.Client;

  private constructor(url: string, connection: PostgresConnection, client: pg.Client) {
    this.url = url;
    this.connection = connection;
    this.client = client;
  }

  /** `public.t` with 20 rows, of which `v` is there twice, and a function that takes 10 ms for each row. */
  static async make(url: string): Promise<OutsideWorld> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query(`
      CREATE TABLE t (id int PRIMARY KEY, v int, w text);
      INSERT INTO t SELECT n, n / 2, 'w' || n FROM generate_series(1, 20) AS n;
      CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM pg_sleep(0.01); RETURN n; END$$;`);
    return new OutsideWorld(url, await OutsideWorld.connect(url), client);
  }

  static async connect(url: string): Promise<PostgresConnection> {
    const connection = value(await PostgresConnection.connect(pg, { connectionString: url }));
    value(await connection.query('SET search_path = public'));
    return connection;
  }

  async close(): Promise<void> {
    value(await this.connection.close());
    await this.client.end();
  }

  async run(sql: string, options?: OutsideOptions): Promise<OutsideDone> {
    return value(await runOutside(this.connection, sql, options));
  }

  async fails(sql: string, options?: OutsideOptions): Promise<SqlError> {
    return (await runOutside(this.connection, sql, options))._unsafeUnwrapErr();
  }

  /** Sends, and says how often; `before` each try something else may happen. */
  counting(before: (tries: number) => Promise<unknown> = () => Promise.resolve()): OutsideOptions & {
    readonly tries: () => number;
  } {
    let tries = 0;
    return {
      tries: () => tries,
      send: (sql) => ResultAsync.fromSafePromise(before((tries += 1))).andThen(() => this.connection.query(sql)),
    };
  }

  /** All but the primary key. */
  async indexes(table = 't'): Promise<Index[]> {
    const { rows } = await this.client.query<Index>(
      `SELECT c.relname AS name, x.indisvalid AND x.indisready AS valid, pg_get_indexdef(c.oid) AS definition
       FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
       WHERE x.indrelid = $1::regclass AND NOT x.indisprimary ORDER BY 1`,
      [table],
    );
    return rows;
  }

  /** Sessions of this database that build an index. */
  async builders(): Promise<number[]> {
    const { rows } = await this.client.query<{ pid: number }>(
      'SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database()',
    );
    return rows.map(({ pid }) => pid);
  }
}
