// The run lock on PostgreSQL: an advisory lock of the work connection itself, which the server lets go of with the connection.
import { err, ok, okAsync, type Result, type ResultAsync } from 'neverthrow';
import type { Lease, LockError, LockOwner } from '../../../core/ports/run-lock.js';
import type { SqlError } from '../../../core/ports/session.js';
import { pollLock, type AcquireOptions, type LockAttempt } from '../../poll-lock.js';
import { askBehind } from './ask-behind.js';
import type { PostgresConnection } from './connection.js';
import type { EngineLock } from './engine-lock.js';

/** The key of the run lock of the database that is connected to. */
export const LOCK_KEY = `pg_catalog.hashtextextended('migrate-safe:' || pg_catalog.current_database(), 0)`;
// An advisory lock by a 64-bit key shows its two halves.
export const HOLDER = `
  SELECT a.application_name AS card, a.backend_start::text AS since
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND d.datname = pg_catalog.current_database()
    AND (l.classid::bigint << 32 | l.objid::bigint) = ${LOCK_KEY}`;

// One that is held is not taken twice: it would have to be let go of twice.
const HELD = {
  key: 'lock',
  sql: `
  SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_locks AS l
      WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.mode = 'ExclusiveLock'
        AND (l.classid::bigint << 32 | l.objid::bigint) = ${LOCK_KEY}
        AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()))
    THEN true ELSE pg_catalog.pg_try_advisory_lock(${LOCK_KEY}) END AS held`,
};
interface HeldRow {
  readonly held: boolean;
}
const LET_GO: SqlError = {
  kind: 'other',
  code: 'lock-let-go',
  message: 'a step let go of the run lock (pg_advisory_unlock), and another run has it by now: nothing more is written',
};

/** How long the end of what a lost connection had open is waited for, in milliseconds. */
const RETAKE_MS = 60_000;

interface HolderRow {
  readonly card: string;
  readonly since: string | null;
}

/**
 * Tried again and again, never waited for: a waiting session holds a snapshot, and CREATE INDEX CONCURRENTLY would wait
 * for that. Held by the connection that does the work: who loses it loses the lock with it.
 */
export class PostgresLock implements EngineLock {
  readonly #connection: PostgresConnection;
  readonly #label: string;
  #isHeld = false;

  /** `label`: how the database is named in messages. */
  constructor(connection: PostgresConnection, label: string) {
    this.#connection = connection;
    this.#label = label;
  }

  acquire(owner: LockOwner, options: AcquireOptions): ResultAsync<Lease, LockError> {
    return this.#announce(owner)
      .andThen(() => pollLock(() => this.#attempt(), options))
      .map(() => {
        this.#isHeld = true;
        return this.#lease(owner);
      });
  }

  watch(): ResultAsync<void, SqlError> {
    return okAsync(undefined);
  }

  /** A step can have let go of it, with the locks that were its own: then it is taken again, if nobody has it yet. */
  fence(settings?: string): ResultAsync<void, SqlError> {
    const connection = this.#connection;
    if (!this.#isHeld)
      return settings === undefined ? okAsync(undefined) : connection.query(settings).map(() => undefined);
    const isHeld = ([row]: readonly HeldRow[]): Result<void, SqlError> =>
      row?.held === true ? ok(undefined) : err(LET_GO);
    return settings === undefined
      ? connection.prepared<HeldRow>(HELD.key, HELD.sql).andThen(({ rows }) => isHeld(rows))
      : askBehind<HeldRow>(connection, settings, HELD).andThen(({ rows }) => isHeld(rows));
  }

  /** The server lets go of it when the old connection's work has ended; another run may have it next. */
  retake(): ResultAsync<void, SqlError> {
    const patience = { waitMs: RETAKE_MS, signal: new AbortController().signal, onWaiting: () => undefined };
    return pollLock(() => this.#attempt(), patience).mapErr((error): SqlError => ({
      kind: 'busy',
      code: 'lock-retake',
      message: 'the lock was lost with the connection, and another run has it',
      cause: error,
    }));
  }

  #attempt(): ResultAsync<LockAttempt, LockError> {
    return this.#connection
      .all<{ taken: boolean }>(`SELECT pg_catalog.pg_try_advisory_lock(${LOCK_KEY}) AS taken`)
      .andThen(([row]): ResultAsync<LockAttempt, SqlError> =>
        row?.taken === true
          ? okAsync('taken')
          : this.#connection.all<HolderRow>(HOLDER).map(([found]) => ({ holder: ownerOf(found) })),
      )
      .mapErr((error) => this.#failed(error));
  }

  #lease(owner: LockOwner): Lease {
    return {
      announce: (doing) => void this.#announce({ ...owner, doing }),
      release: () => {
        this.#isHeld = false;
        return this.#connection
          .run(`SELECT pg_catalog.pg_advisory_unlock(${LOCK_KEY})`)
          .map(() => undefined)
          .orElse(() => okAsync(undefined));
      },
    };
  }

  /** The card is a courtesy to those who wait: a failure to show it is no reason not to run. */
  #announce(owner: LockOwner): ResultAsync<void, never> {
    return this.#connection
      .run(`SELECT pg_catalog.set_config('application_name', ?, false)`, [cardOf(owner)])
      .map(() => undefined)
      .orElse(() => okAsync(undefined));
  }

  #failed(cause: SqlError): LockError {
    return { kind: 'lock-failed', path: this.#label, cause };
  }
}

/** The server cuts an application's name after so many bytes. */
const CARD_BYTES = 63;

/** `migrate-safe 4121@web-3 applying 0003 purge`: what `pg_stat_activity` shows of a run. */
function cardOf({ pid, host, doing }: LockOwner): string {
  const text = `migrate-safe ${pid}@${host} ${doing}`;
  // The server shows a `?` for each byte that is not ASCII.
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, CARD_BYTES);
}

function ownerOf(row: HolderRow | undefined): LockOwner | undefined {
  const [, pid, host, doing] = /^migrate-safe (\d+)@(\S+) (.*)$/.exec(row?.card ?? '') ?? [];
  if (pid === undefined || host === undefined || doing === undefined) return undefined;
  return { pid: Number(pid), host, since: new Date(row?.since ?? 0).toISOString(), runId: '', doing };
}
