// Statements through a transaction pooler: each transaction may meet another server process, so settings go with each of them.
import type { QueryResult } from 'pg';
import { settling, type Server } from './settings.js';

type Ask = (text: string, values: readonly unknown[]) => Promise<QueryResult>;

interface Place {
  readonly server: Server;
  readonly where: 'inside' | 'outside';
  /** Told which server process a transaction has been given. */
  readonly at: (processId: number) => void;
}

/** Up to the next statement, where the text has more than one. */
const BEGINS = /^\s*(?:BEGIN|START\s+TRANSACTION)\b[^;]*/i;
const ENDS = /^\s*(?:COMMIT|END|ABORT|ROLLBACK(?!\s+(?:WORK\s+|TRANSACTION\s+)?TO\b))/i;
/** active_sql_transaction: the statement cannot be run inside a transaction. */
const NOT_IN_TRANSACTION = '25001';

/** Whether `sql` begins or ends a transaction. */
export const boundaryOf = (sql: string): 'begins' | 'ends' | undefined =>
  BEGINS.test(sql) ? 'begins' : ENDS.test(sql) ? 'ends' : undefined;

/**
 * Runs a statement under the engine's settings. A session's settings would stay with the server process and be met by
 * whoever is given it next, so nothing is set for longer than a transaction: outside of one, a statement gets its own.
 */
export async function askPooled(
  ask: Ask,
  { server, where, at }: Place,
  text: string,
  values: readonly unknown[],
): Promise<QueryResult> {
  const settings = `${settling(server, 'transaction')}, pg_catalog.pg_backend_pid() AS process_id`;
  if (boundaryOf(text) === 'begins') {
    // Before whatever else the text sets: that is to stand.
    const whole = text.replace(BEGINS, (begin) => `${begin}; ${settings}`);
    const begun: unknown = await ask(whole, values);
    // The driver gives as many results as there are statements.
    const [first, settled] = begun as readonly [QueryResult, QueryResult<{ readonly process_id: number }>];
    at(settled.rows[0]?.process_id ?? server.processId);
    return first;
  }
  if (where === 'inside' || boundaryOf(text) === 'ends') return ask(text, values);
  await ask(`BEGIN; ${settings}`, []);
  try {
    const result = await ask(text, values);
    await ask('COMMIT', []);
    return result;
  } catch (thrown) {
    await ask('ROLLBACK', []).catch(() => undefined);
    // What cannot be inside a transaction has to do without: CREATE INDEX CONCURRENTLY, VACUUM.
    if ((thrown as { readonly code?: unknown }).code === NOT_IN_TRANSACTION) return ask(text, values);
    throw thrown;
  }
}
