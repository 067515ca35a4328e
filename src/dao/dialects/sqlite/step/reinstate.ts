// Makes again what a table rebuild lost on the way: triggers and indexes, from their stored SQL, in the same transaction.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { LostObject } from '../../../../core/ports/step-transaction.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { unlike } from '../../../../core/schema/unlike.js';
import type { SqliteConnection } from '../drivers/driver.js';
import type { RawObject } from '../inspect/read-objects.js';
import { folded } from '../quote.js';
import type { WriteTrace } from './trace.js';

/** The stored SQL names a table that is called something else now. */
const RENAMED = {
  run: (): ResultAsync<unknown, SqlError> =>
    errAsync({
      kind: 'missing-object',
      code: 'SQLITE_ERROR',
      message: 'its table was made anew and renamed in one step; do it in two',
    }),
};

export interface Reinstated {
  readonly reinstated: readonly { readonly type: string; readonly name: string }[];
  readonly lost: readonly LostObject[];
}

/**
 * An object that was there before, is gone, was not named in a DROP of the step, and whose table is still there, was
 * lost by the way a rebuild works (https://sqlite.org/lang_altertable.html, step 8): it is made again where it still fits.
 */
export function reinstate(
  connection: SqliteConnection,
  before: readonly RawObject[],
  after: readonly RawObject[],
  trace: Pick<WriteTrace, 'drops' | 'nameNow'>,
): ResultAsync<Reinstated, SqlError> {
  const key = (object: { readonly type: string; readonly name: string }): string =>
    `${object.type} ${folded(object.name)}`;
  const gone = unlike(before, after)[0].filter(({ type }) => type === 'trigger' || type === 'index');
  if (gone.length === 0) return okAsync({ reinstated: [], lost: [] });
  const present = new Set(after.map(key));
  const named = new Set(trace.drops.map(key));
  const holders = new Set(after.filter((o) => o.type === 'table' || o.type === 'view').map((o) => folded(o.name)));
  const lost = gone.filter(
    (object) =>
      object.sql !== null &&
      !present.has(key(object)) &&
      !named.has(key(object)) &&
      (holders.has(folded(object.tableName)) || holders.has(trace.nameNow(object.tableName))),
  );
  const results: { object: RawObject; reason?: string }[] = [];
  return inOrder(lost, (object) =>
    (holders.has(folded(object.tableName)) ? connection : RENAMED)
      .run(object.sql ?? '')
      .map(() => void results.push({ object }))
      .orElse((error) => {
        results.push({ object, reason: error.message });
        return okAsync(undefined);
      }),
  ).map(() => ({
    reinstated: results
      .filter((r) => r.reason === undefined)
      .map(({ object }) => ({ type: object.type, name: object.name })),
    lost: results
      .filter((r) => r.reason !== undefined)
      .map(({ object, reason }): LostObject => ({
        type: object.type === 'index' ? 'index' : 'trigger',
        name: object.name,
        table: object.tableName,
        ...(reason === undefined ? {} : { reason }),
      })),
  }));
}
