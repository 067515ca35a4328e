// A connection of the application's own pool, as the DAOs use it.
import { ResultAsync } from 'neverthrow';
import type { AppConnection } from '../../../app/flavour.js';
import { classify } from '../classify.js';
import { whileBusy } from '../drivers/busy.js';
import type { SqliteConnection, SqliteDriver } from '../drivers/driver.js';

/** How long a statement that meets the lock of another process is tried again, in milliseconds. */
const BUSY_WAIT_MS = 5000;

const CONNECTIONS = new WeakMap<object, AppConnection>();

export function connectionOf(driver: SqliteDriver, raw: unknown): AppConnection {
  const key = raw as object;
  const known = CONNECTIONS.get(key) ?? wrapped(driver.adopt(raw, { busyWaitMs: BUSY_WAIT_MS }));
  CONNECTIONS.set(key, known);
  return known;
}

const wrapped = (connection: SqliteConnection): AppConnection => ({
  query: async (sql, values, wants) => {
    const result = await connection.query(sql, values, wants);
    if (result.isErr()) throw result.error.cause;
    const { rows, changes } = result.value;
    return { rows: rows as Record<string, unknown>[], changes };
  },
  hosted: async (work) => {
    const result = await whileBusy(() => ResultAsync.fromPromise(work(), (thrown) => classify(thrown)), BUSY_WAIT_MS);
    if (result.isErr()) throw result.error.cause;
    return result.value;
  },
});
