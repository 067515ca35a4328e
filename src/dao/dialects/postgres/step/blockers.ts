// Who is in the way of a statement that waits for a lock: asked while it waits, told when it has given up.
import { okAsync, ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { tokenize } from '../sql/token.js';
import { LOCK_TIMEOUT } from './begin.js';

export interface Blocker {
  readonly pid: number;
  readonly user: string;
  readonly application: string;
  readonly state: string;
  readonly seconds: number;
  readonly query: string;
}

const BLOCKERS = `
  SELECT a.pid, coalesce(a.usename, '') AS "user", coalesce(a.application_name, '') AS application, coalesce(a.state, a.backend_type) AS state,
    coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(a.xact_start, a.backend_start)), 0)::float8 AS seconds,
    coalesce(a.query, '') AS query
  FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) AS b (pid) JOIN pg_catalog.pg_stat_activity AS a ON a.pid = b.pid
  ORDER BY a.xact_start`;

export function blockersOf(second: PostgresConnection, pid: number): ResultAsync<readonly Blocker[], SqlError> {
  return second.query<Blocker>(BLOCKERS, [pid]).map(({ rows }) => rows);
}

const PATIENCE_MS = 1000;

/** Looks for who is in the way as soon as `running` takes long; never fails for it. */
export async function watched<T>(
  running: PromiseLike<T>,
  look: () => ResultAsync<readonly Blocker[], SqlError>,
): Promise<{ readonly result: T; readonly blockers: readonly Blocker[] }> {
  let looking: PromiseLike<readonly Blocker[]> = Promise.resolve([]);
  const timer = setTimeout(() => {
    looking = look()
      .orElse(() => okAsync([]))
      .unwrapOr([]);
  }, PATIENCE_MS);
  const result = await running;
  clearTimeout(timer);
  return { result, blockers: await looking };
}

const GAVE_UP = '55P03';
const DEADLOCK = '40P01';

/** Whether nothing but a lock was in the way. Where the statement itself said NOWAIT, that is what it wanted to know. */
export const isLockError = ({ code, message }: SqlError): boolean =>
  code === DEADLOCK || (code === GAVE_UP && message.includes('lock timeout'));

/** Gives a lock's error its words, and the statement that ends who is in the way; any other stays what it is. */
export function explained(error: SqlError, blockers: readonly Blocker[], waited = LOCK_TIMEOUT): SqlError {
  if (!isLockError(error)) return error;
  const transient: SqlError = { ...error, transient: true };
  if (error.code !== GAVE_UP) return transient;
  const gaveUp = `waited ${waited} for a lock that`;
  if (blockers.length === 0)
    return { ...transient, message: `${gaveUp} somebody else holds (${error.message})`, fix: WHO_HOLDS };
  return {
    ...transient,
    message: `${gaveUp} ${blockers.map(describe).join(' and ')} ${blockers.length === 1 ? 'holds' : 'hold'}`,
    fix: blockers.map(({ pid }) => `SELECT pg_terminate_backend(${pid});`).join(' '),
  };
}

/** `running` is what may wait, on the connection of `waiting`; `other` asks meanwhile who is in the way. */
export const namingBlockers = <T>(
  running: ResultAsync<T, SqlError>,
  waiting: PostgresConnection,
  other: () => ResultAsync<PostgresConnection, SqlError>,
  waited = LOCK_TIMEOUT,
): ResultAsync<T, SqlError> =>
  ResultAsync.fromSafePromise(
    watched(running, () => other().andThen((looking) => blockersOf(looking, waiting.processId))),
  ).andThen(({ result, blockers }) => result.mapErr((error) => explained(error, blockers, waited)));

const WHO_HOLDS = `SELECT pid, state, query FROM pg_stat_activity WHERE state <> 'idle';`;

function describe({ pid, user, application, state, seconds, query }: Blocker): string {
  const who = [user, application].filter((part) => part !== '').join(', ');
  const what = shortened(query);
  return `process ${pid} (${who === '' ? '' : `${who}; `}${state} for ${durationOf(seconds)}${what === '' ? '' : `: ${what}`})`;
}

const durationOf = (seconds: number): string =>
  seconds < 120
    ? `${Math.round(seconds)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;

const LONGEST = 80;

/** On one line, and without what stands in strings: that may be anybody's secret. */
export function shortened(query: string): string {
  const text = tokenize(query)
    .map(({ kind, text: token }) => (kind === 'string' ? "'…'" : kind === 'space' || kind === 'comment' ? ' ' : token))
    .join('')
    .replaceAll(/ +/g, ' ')
    .trim();
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
