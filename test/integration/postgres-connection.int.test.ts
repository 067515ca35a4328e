// The pinned connection to PostgreSQL: values as the ports have them, failures by their kind, settings of its own.
import { expect } from 'chai';
import pg from 'pg';
import type { SqlErrorKind } from '#src/core/ports/session.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { value } from '../support/project.js';

describe('a connection to PostgreSQL', () => {
  let database: TestDatabase;
  let connection: PostgresConnection;
  let other: PostgresConnection;
  const connect = async (): Promise<PostgresConnection> =>
    value(await PostgresConnection.connect(pg, { connectionString: database.url }));

  beforeEach(async function () {
    database = await freshDatabase(this);
    connection = await connect();
    other = await connect();
  });
  afterEach(async () => {
    value(await connection.close());
    value(await other.close());
    await database.drop();
  });

  const kindOf = async (sql: string, on = connection): Promise<SqlErrorKind | undefined> => {
    const outcome = await on.query(sql);
    return outcome.isErr() ? outcome.error.kind : undefined;
  };

  it('gives counts as numbers, and takes and gives texts, bytes and nothing at all', async () => {
    value(await connection.run('CREATE TABLE public.t (n bigint, v text, b bytea)'));
    const bytes = Buffer.from([0, 1, 255]);
    const row = [7, `it's ? "quoted" ☃`, bytes] as const;
    expect(
      value(await connection.run('INSERT INTO public.t VALUES (?, ?, ?), (?, ?, ?)', [...row, 8, null, null])),
    ).to.deep.equal({
      changes: 2,
    });
    expect(value(await connection.all('SELECT n, v, b FROM public.t ORDER BY n'))).to.deep.equal([
      { n: 7, v: row[1], b: bytes },
      { n: 8, v: null, b: null },
    ]);
    expect(value(await connection.all('SELECT count(*) AS n FROM public.t'))).to.deep.equal([{ n: 2 }]);
  });

  it('keeps the order of statements that are not waited for', async () => {
    const made = connection.run('CREATE TABLE public.t (n int)');
    const filled = connection.run('INSERT INTO public.t VALUES (1)');
    const read = connection.all('SELECT n FROM public.t');
    expect(value(await read)).to.deep.equal([{ n: 1 }]);
    value(await made);
    value(await filled);
  });

  it('begins with settings of its own, whatever the database says', async () => {
    const name = new URL(database.url).pathname.slice(1);
    value(await connection.run(`ALTER DATABASE ${name} SET statement_timeout = '1s'`));
    value(await connection.run(`ALTER DATABASE ${name} SET search_path = 'elsewhere'`));
    const fresh = await connect();
    const setting = async (it: string): Promise<unknown> =>
      value(await fresh.all<Record<string, string>>(`SHOW ${it}`))[0]?.[it];
    expect(await setting('statement_timeout')).to.equal('0');
    expect(await setting('search_path')).to.equal('');
    expect(await setting('synchronous_commit')).to.equal('on');
    value(await fresh.close());
  });

  it('says of what kind a failure is', async () => {
    value(await connection.run('CREATE TABLE public.t (n int PRIMARY KEY CHECK (n > 0))'));
    value(await connection.run('INSERT INTO public.t VALUES (1)'));
    expect(await kindOf('SELEC 1')).to.equal('syntax');
    expect(await kindOf('SELECT * FROM public.nowhere')).to.equal('missing-object');
    expect(await kindOf('SELECT nothing FROM public.t')).to.equal('missing-object');
    expect(await kindOf('INSERT INTO public.t VALUES (1)')).to.equal('constraint');
    expect(await kindOf('INSERT INTO public.t VALUES (-1)')).to.equal('constraint');
    expect(await kindOf('SELECT 1/0')).to.equal('other');
    value(await other.run('BEGIN'));
    value(await other.run('LOCK TABLE public.t'));
    value(await connection.run(`SET lock_timeout = '50ms'`));
    expect(await kindOf('SELECT * FROM public.t')).to.equal('busy');
    value(await connection.run(`SET statement_timeout = '50ms'`));
    expect(await kindOf('SELECT pg_sleep(5)')).to.equal('other');
    value(await connection.run('BEGIN READ ONLY'));
    expect(await kindOf('CREATE TABLE public.u (n int)')).to.equal('read-only');
    value(await connection.run('ROLLBACK'));
    value(await other.run('ROLLBACK'));
  });

  it('says once and for all that it is lost', async () => {
    value(await other.query('SELECT pg_terminate_backend($1)', [connection.processId]));
    expect(await kindOf('SELECT 1')).to.equal('connection-lost');
    expect(await kindOf('SELECT 1')).to.equal('connection-lost');
    value(await connection.close());
  });

  it('cannot be opened where nobody answers, or where there is no such database', async () => {
    const to = async (connectionString: string): Promise<SqlErrorKind | undefined> => {
      const outcome = await PostgresConnection.connect(pg, { connectionString });
      return outcome.isErr() ? outcome.error.kind : undefined;
    };
    expect(await to('postgres://postgres@127.0.0.1:1/none')).to.equal('unreachable');
    const missing = new URL(database.url);
    missing.pathname = '/not_there';
    expect(await to(missing.href)).to.equal('cannot-open');
  });
});
