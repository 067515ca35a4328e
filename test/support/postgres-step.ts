// Steps' transactions on a real PostgreSQL, without the manager around them: work in one, look on with another connection.
import { okAsync, type ResultAsync } from 'neverthrow';
import pg from 'pg';
import type { SqlError } from '#src/core/ports/session.js';
import type { StepFault, StepObservation, StepTransaction } from '#src/core/ports/step-transaction.js';
import type { StepHandle } from '#src/core/steps/migration-step.js';
import type { HostKnexConfig } from '#src/dao/host-knex.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { inspectSchema } from '#src/dao/dialects/postgres/inspect/inspector.js';
import { PostgresScriptSplitter } from '#src/dao/dialects/postgres/sql/script.js';
import { beginStep } from '#src/dao/dialects/postgres/step/begin.js';
import { PostgresStepTransaction } from '#src/dao/dialects/postgres/step/step-transaction.js';
import type { TransactionContext } from '#src/dao/dialects/postgres/step/transaction-context.js';
import { freshDatabase, type TestDatabase } from './postgres.js';
import { value } from './project.js';

export interface StepBench {
  readonly database: TestDatabase;
  /** The connection that steps work on. */
  readonly work: PostgresConnection;
  /** Somebody else's. */
  readonly other: PostgresConnection;
  connect(): Promise<PostgresConnection>;
  begin(options?: {
    readonly transactional?: boolean;
    readonly host?: HostKnexConfig;
    readonly leave?: TransactionContext['leave'];
  }): Promise<PostgresStepTransaction>;
  /** Runs a script as a step and observes it; the transaction stays open. */
  script(sql: string): Promise<{ readonly step: PostgresStepTransaction; readonly seen: StepObservation }>;
  /** The same in a step's transaction that is open. */
  run(step: StepTransaction, sql: string): ResultAsync<StepObservation, StepFault>;
  /** The same for code. */
  code(
    work: (knex: StepHandle) => Promise<unknown>,
    host?: HostKnexConfig,
  ): Promise<{ readonly step: PostgresStepTransaction; readonly seen: StepObservation }>;
  /** Runs a script as a step that is refused or fails; rolled back. */
  fault(sql: string): Promise<StepFault>;
  /** What others see. */
  rows(sql: string): Promise<readonly object[]>;
  /** Sets up, committed. */
  sql(script: string): Promise<void>;
  close(): Promise<void>;
}

/** How many rows the server believes a table to have: until somebody counts them it does not say. */
export const KNOWN_BY = [
  ['', 'not-counted'],
  [', of which the rows are estimated', 'counted'],
] as const;
export type KnownBy = (typeof KNOWN_BY)[number][1];

/** `role`: who owns the database and works in it, with a right or two; the server's superuser where none is named. */
export async function stepBench(
  test: Mocha.Context,
  role?: string,
  known: KnownBy = 'not-counted',
): Promise<StepBench> {
  const database = role === undefined ? await freshDatabase(test) : await databaseOf(test, role);
  const open: PostgresConnection[] = [];
  const connect = async (): Promise<PostgresConnection> => {
    const connection = value(await PostgresConnection.connect(pg, { connectionString: database.url }));
    open.push(connection);
    return connection;
  };
  const work = await connect();
  const other = await connect();
  const second = await connect();
  const begin: StepBench['begin'] = async ({ transactional = true, host = {}, leave } = {}) => {
    if (known === 'counted') value(await other.query('ANALYZE'));
    const before = value(await inspectSchema(work));
    value(await beginStep(work, { transactional, searchPath: host.searchPath }));
    return new PostgresStepTransaction({
      connection: work,
      second: (): ResultAsync<PostgresConnection, SqlError> => okAsync(second),
      inspector: { snapshot: () => inspectSchema(work) },
      before,
      transactional,
      host,
      record: (_events, _steps, settings) => work.query(settings).map(() => undefined),
      ...(leave ? { leave } : {}),
      onEnd: () => okAsync(undefined),
    });
  };
  const signal = new AbortController().signal;
  const splitter = new PostgresScriptSplitter();
  await splitter.prepare();
  const run = (step: StepTransaction, sql: string): ResultAsync<StepObservation, StepFault> =>
    step
      .execute(splitter.split(sql, { transactionControl: 'keep' })._unsafeUnwrap().statements, signal)
      .andThen(() => step.observe());
  return {
    database,
    work,
    other,
    connect,
    begin,
    run,
    script: async (sql) => {
      const step = await begin();
      return { step, seen: value(await run(step, sql)) };
    },
    code: async (body, host = {}) => {
      const step = await begin({ host });
      const handle = value(await step.handle(signal, 'work'));
      await body(handle);
      value(await step.endWork());
      return { step, seen: value(await step.observe()) };
    },
    fault: async (sql) => {
      const step = await begin();
      const outcome = await run(step, sql);
      value(await step.rollback());
      if (outcome.isOk()) throw new Error('the step went through');
      return outcome.error;
    },
    rows: async (sql) => value(await other.query<object>(sql)).rows,
    sql: async (script) => void value(await other.query(`SET search_path = public; ${script}; SET search_path = ''`)),
    close: async () => {
      for (const connection of open) value(await connection.close());
      await database.drop();
    },
  };
}

async function databaseOf(test: Mocha.Context, rights: string): Promise<TestDatabase> {
  const database = await freshDatabase(test);
  const url = new URL(database.url);
  const name = url.pathname.slice(1);
  const ask = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await ask(`CREATE ROLE ${name} LOGIN PASSWORD '${name}' ${rights}; ALTER DATABASE ${name} OWNER TO ${name};
    GRANT ALL ON SCHEMA public TO ${name}`);
  url.username = name;
  url.password = name;
  return {
    url: url.href,
    drop: async () => {
      await ask(`REASSIGN OWNED BY ${name} TO current_user; DROP OWNED BY ${name}; DROP ROLE ${name}`);
      await database.drop();
    },
  };
}
