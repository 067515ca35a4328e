// What the statements that run outside of a transaction share: how one is sent, tried again, and what is set while it is cleared up after.
import { err, ok, okAsync, type Result, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { PostgresConnection } from '../../connection.js';
import { quoted } from '../../name.js';
import type { WrittenName } from '../../sql/facts.js';

export interface OutsideContext {
  readonly connection: PostgresConnection;
  /** Runs the step's own statement. */
  readonly send: (sql: string) => ResultAsync<unknown, SqlError>;
  /** The step was interrupted before: what is done already is no error. */
  readonly repeats: boolean;
  readonly signal: AbortSignal | undefined;
}

/** What was done. */
export interface OutsideDone {
  /** A statement for `runOutside` that takes it back; absent where nothing was done, or nothing has to be taken back. */
  readonly undo?: string;
}

type Awaitable<T> = ResultAsync<T, SqlError> | Promise<Result<T, SqlError>>;

const TRIES = 3;
const PAUSE_MS = 200;

/**
 * Tries `attempt` again where only a lock, a deadlock or the statement's own time limit was in the way. `clear` takes
 * away what a failed attempt left; that it could not is said with the error.
 */
export async function inTries(
  { connection, signal }: OutsideContext,
  attempt: () => Awaitable<OutsideDone>,
  clear: () => Awaitable<void> = () => okAsync(undefined),
): Promise<Result<OutsideDone, SqlError>> {
  for (let tries = 1; ; tries++) {
    const started = performance.now();
    const result = await attempt();
    if (result.isOk()) return result;
    const { error } = result;
    if (error.kind === 'connection-lost') return result;
    const took = performance.now() - started;
    const cleared = await undisturbed(connection, clear);
    const passing = await mayPass(connection, error, took);
    if (!passing || tries === TRIES || signal?.aborted === true) {
      const left = cleared.isErr() && cleared.error.message !== error.message ? cleared.error.message : undefined;
      return err(left === undefined ? error : withNote(error, `what it left could not be cleared: ${left}`));
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries * (0.5 + Math.random())));
  }
}

const STATEMENT_TIMEOUT = `SELECT setting::float8 AS ms FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'`;

/** A statement that was cancelled before its time was up was cancelled by somebody. */
async function mayPass(connection: PostgresConnection, error: SqlError, tookMs: number): Promise<boolean> {
  if (error.kind === 'busy') return true;
  if (error.code !== '57014') return false;
  const limit = await connection.query<{ ms: number }>(STATEMENT_TIMEOUT).map(({ rows }) => rows[0]?.ms ?? 0);
  return limit.isOk() && limit.value > 0 && tookMs >= limit.value * 0.9;
}

const LIMITS = `SELECT pg_catalog.current_setting('statement_timeout') AS statement, pg_catalog.current_setting('lock_timeout') AS lock`;
const SET_LIMITS = `SELECT pg_catalog.set_config('statement_timeout', $1, false), pg_catalog.set_config('lock_timeout', $2, false)`;

/** Clears up with time enough: the limits that stopped the statement would stop this as well. Nobody's rows wait for it. */
async function undisturbed(
  connection: PostgresConnection,
  clear: () => Awaitable<void>,
): Promise<Result<void, SqlError>> {
  const limits = await connection.query<{ statement: string; lock: string }>(LIMITS);
  if (limits.isErr()) return err(limits.error);
  const [before] = limits.value.rows;
  const set = await connection.query(SET_LIMITS, ['0', '10s']);
  if (set.isErr()) return err(set.error);
  const cleared = await clear();
  const back = await connection.query(SET_LIMITS, [before?.statement ?? '0', before?.lock ?? '0']);
  return cleared.andThen(() => back.map(() => undefined));
}

const withNote = (error: SqlError, note: string): SqlError => ({ ...error, message: `${error.message} (${note})` });

const RESOLVE = `
  SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.oid = pg_catalog.to_regclass($1)`;

export interface Resolved {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

/** What a name means along the session's search path; undefined where it means nothing. */
export const resolve = (
  connection: PostgresConnection,
  { schema, name }: WrittenName,
): ResultAsync<Resolved | undefined, SqlError> =>
  connection
    .query<Resolved>(RESOLVE, [schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`])
    .map(({ rows }) => rows[0]);

/** An error of the engine's own, about an object of the database. */
export const refusal = (code: string, message: string, sql: string): SqlError => ({
  kind: code === '55P03' ? 'busy' : 'other',
  code,
  message,
  sql,
});

/** Sends a statement that leaves nothing behind when it fails. */
export const plainly = ({ send }: OutsideContext, sql: string): ResultAsync<OutsideDone, SqlError> =>
  send(sql).map(() => ({}));

export const done = (undo?: string): Result<OutsideDone, never> => ok(undo === undefined ? {} : { undo });
