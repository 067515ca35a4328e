// A connection of the application's own pool, as the DAOs use it.
import { ResultAsync } from 'neverthrow';
import type { AppConnection } from '../../../app/flavour.js';
import { classify } from '../classify.js';
import { DRIVER_BUSY_MS, whileBusy } from '../drivers/busy.js';
import type { SqliteConnection, SqliteDriver } from '../drivers/driver.js';

/** How long a statement that meets the lock of another process is tried again, in milliseconds. */
const BUSY_WAIT_MS = 5000;

const CONNECTIONS = new WeakMap<object, AppConnection>();

export function connectionOf(driver: SqliteDriver, raw: unknown): AppConnection {
  const key = raw as object;
  const known =
    CONNECTIONS.get(key) ?? wrapped(driver.adopt(raw, { busyWaitMs: BUSY_WAIT_MS }), impatience(driver, raw));
  CONNECTIONS.set(key, known);
  return known;
}

type Impatient = <T>(work: () => Promise<T>) => Promise<T>;

const wrapped = (connection: SqliteConnection, impatient: Impatient): AppConnection => ({
  query: (sql, values, wants) =>
    impatient(async () => {
      const result = await connection.query(sql, values, wants);
      if (result.isErr()) throw result.error.cause;
      const { rows, changes } = result.value;
      return { rows: rows as Record<string, unknown>[], changes };
    }),
  hosted: (work) =>
    impatient(async () => {
      const result = await whileBusy(() => ResultAsync.fromPromise(work(), (thrown) => classify(thrown)), BUSY_WAIT_MS);
      if (result.isErr()) throw result.error.cause;
      return result.value;
    }),
});

interface Synchronous {
  pragma(pragma: string, options?: { readonly simple: true }): unknown;
}

/**
 * An application's own `better-sqlite3` waits for a lock by itself, five seconds where nobody said otherwise, and the
 * whole process with it. While it works for a DAO it is we who wait; afterwards it is as it was.
 */
function impatience({ name }: SqliteDriver, raw: unknown): Impatient {
  if (name !== 'better-sqlite3') return (work) => work();
  const connection = raw as Synchronous;
  const own = Number(connection.pragma('busy_timeout', { simple: true }));
  if (own <= DRIVER_BUSY_MS) return (work) => work();
  return async (work) => {
    connection.pragma(`busy_timeout = ${DRIVER_BUSY_MS}`);
    try {
      return await work();
    } finally {
      connection.pragma(`busy_timeout = ${own}`);
    }
  };
}
