// A question of the engine's that is asked again and again, in one message with what has to come before it.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { QueryResult } from 'pg';
import type { SqlError } from '../../../core/ports/session.js';
import type { PostgresConnection } from './connection.js';
import { PREPARED } from './prepared-statements.js';

export interface Question {
  /** What it is prepared under. */
  readonly key: string;
  /** One statement without parameters. */
  readonly sql: string;
}

/** The rows of the question, and those of the statement right before it. */
export interface Behind<R extends object, B extends object> {
  readonly rows: readonly R[];
  readonly before: readonly B[];
}

/**
 * Asks behind `first`, one statement or more, and sends `last` after it. One message where the question is certain to be
 * prepared: the server does not plan it then.
 */
export function askBehind<R extends object, B extends object = object>(
  connection: PostgresConnection,
  first: string,
  { key, sql }: Question,
  last?: string,
): ResultAsync<Behind<R, B>, SqlError> {
  const name = connection.statements.nameOf(key);
  if (name !== undefined) {
    const after = last === undefined ? [] : [last];
    return connection.query([first, `EXECUTE ${name}`, ...after].join('; ')).map((done: unknown) => {
      const [before, asked] = resultsOf(done).slice(-2 - after.length);
      return { rows: rowsOf<R>(asked), before: rowsOf<B>(before) };
    });
  }
  // What `first` runs may reach what is prepared.
  return connection.query(`${first}; SELECT ${PREPARED}`).andThen((done: unknown) => {
    connection.statements.learn(done);
    const before = rowsOf<B>(resultsOf(done).at(-2));
    return connection.prepared<R>(key, sql).andThen(({ rows }) =>
      (last === undefined ? okAsync<unknown, SqlError>(undefined) : connection.query(last)).map(() => ({
        rows,
        before,
      })),
    );
  });
}

/** The driver gives as many results as there are statements. */
const resultsOf = (done: unknown): readonly QueryResult[] => done as readonly QueryResult[];
const rowsOf = <R extends object>(result: QueryResult | undefined): readonly R[] => (result?.rows ?? []) as R[];
