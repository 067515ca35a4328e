// The statements of a step without a transaction: each is done whole or leaves nothing, and what was done can be taken back.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { LOCK_TIMEOUT } from './begin.js';
import { runOutside, undoOutside, type OutsideDone } from './outside/run-outside.js';
import type { StatementFacts, StatementResult } from './statement.js';

type Send = (sql: string) => ResultAsync<StatementResult, SqlError>;

export class OutsideWork {
  readonly #connection: PostgresConnection;
  readonly #repeats: boolean;
  readonly #done: OutsideDone[] = [];
  /** The step says itself how long it waits for locks. */
  #limitsItself = false;

  constructor(connection: PostgresConnection, repeats = false) {
    this.#connection = connection;
    this.#repeats = repeats;
  }

  run(facts: StatementFacts, bindings: readonly unknown[], send: Send): ResultAsync<StatementResult, SqlError> {
    const { sql, names } = facts;
    if (names.has('lock_timeout')) this.#limitsItself = true;
    // What is prepared for its values is no statement of those that have to be seen to.
    if (bindings.length > 0) return send(sql);
    let last: StatementResult | undefined;
    const kept = (text: string): ResultAsync<StatementResult, SqlError> => send(text).map((result) => (last = result));
    const work = (): ResultAsync<OutsideDone, SqlError> =>
      runOutside(this.#connection, sql, { repeats: this.#repeats, send: kept });
    return (names.has('concurrently') && !this.#limitsItself ? this.#patiently(work) : work()).map((done) => {
      this.#done.push(done);
      return last ?? NOTHING;
    });
  }

  /** Takes back what can be, last first; never fails for it: what stays is found when the step is run again. */
  undo(): ResultAsync<void, never> {
    return undoOutside(this.#connection, this.#done.splice(0)).orElse(() => okAsync(undefined));
  }

  /** Built concurrently, it waits until older transactions have ended: nobody who reads or writes rows waits behind it. */
  #patiently<T>(work: () => ResultAsync<T, SqlError>): ResultAsync<T, SqlError> {
    const limit = (value: string): ResultAsync<unknown, SqlError> =>
      this.#connection.query(`SET lock_timeout = '${value}'`);
    return limit('0')
      .andThen(work)
      .andThen((result) => limit(LOCK_TIMEOUT).map(() => result));
  }
}

/** What is done already needs no statement. */
const NOTHING: StatementResult = { command: '', rowCount: 0, oid: 0, fields: [], rows: [] };
